"""Ended runs are removed whole once they are no longer kept, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from orchestrator.models import IdempotentCall
from runs import payloads, pruner, retention, verbs
from runs.models import (
    Approval,
    ApprovalRecipient,
    JournalEntry,
    OrchestrationInstance,
    Payload,
    StepLog,
    StepRun,
    Timer,
)
from tests.integration.runs.conftest import chain, document, step

NOW = datetime.now(UTC)
EVERYTHING = (
    OrchestrationInstance,
    JournalEntry,
    StepRun,
    StepLog,
    Approval,
    ApprovalRecipient,
    Payload,
    Timer,
)
FULL = chain(
    step("big", value="x" * 20_000),
    step("ask", "asks", role="admin", expires_s=600, on="approved"),
    step("after"),
)


def counts():
    return {model.__name__: model.objects.count() for model in EVERYTHING}


def old(lab, doc, *, keep=7, days=30, cancel=True):
    """A run that ended some days ago, of an orchestration that keeps its runs for a week."""
    run = lab.run(doc)
    if cancel and run.status == "WAITING":
        verbs.cancel(lab.starter, run)
    OrchestrationInstance.objects.filter(pk=run.pk).update(finished_at=NOW - timedelta(days=days))
    type(run.orchestration).objects.filter(pk=run.orchestration_id).update(keep_days=keep)
    StepLog.objects.create(instance=run, step="big", at=NOW, level="info", message="hello")
    return lab.fresh(run)


def test_a_run_that_is_no_longer_kept_goes_whole(lab):
    old(lab, FULL)
    assert all(counts()[name] for name in ("JournalEntry", "StepRun", "Approval", "Payload"))
    assert retention.prune(NOW).runs == 1
    assert counts() == dict.fromkeys(counts(), 0)
    assert retention.prune(NOW).runs == 0


@pytest.mark.parametrize("fields", [{"days": 6}, {"keep": None}])
def test_what_is_kept_stays(lab, fields):
    old(lab, FULL, **fields)
    before = counts()
    assert retention.prune(NOW).runs == 0
    assert counts() == before


def test_a_run_that_has_not_ended_stays_whatever_its_age(lab):
    old(lab, FULL, cancel=False)
    assert retention.prune(NOW).runs == 0


def test_a_dry_run_only_counts(lab):
    old(lab, FULL)
    before, said = counts(), StringIO()
    call_command("prune", "--dry-run", stdout=said)
    assert said.getvalue().startswith("1 runs, 0 unused payloads")
    assert "would be removed" in said.getvalue()
    assert counts() == before
    call_command("prune", stdout=said)
    assert OrchestrationInstance.objects.count() == 0


def test_runs_go_with_their_children_and_wait_for_what_is_under_way(lab):
    parent, child = old(lab, FULL), old(lab, FULL, keep=None)
    runs = OrchestrationInstance.objects
    runs.filter(pk=child.pk).update(parent=parent, status="RUNNING")
    assert retention.prune(NOW).runs == 0
    runs.filter(pk=child.pk).update(status="COMPLETED")
    fork = lab.run(FULL)
    runs.filter(pk=fork.pk).update(forked_from=child)
    assert retention.prune(NOW).runs == 0
    verbs.cancel(lab.starter, fork)
    assert retention.prune(NOW).runs == 2
    assert list(runs.values_list("pk", "forked_from")) == [(fork.pk, None)]
    assert Payload.objects.filter(instance=fork).exists()


def test_more_runs_than_one_batch_and_a_bound(lab, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    run = old(lab, document([step("a")], []))
    for number in range(2, 6):
        OrchestrationInstance.objects.create(
            orchestration=run.orchestration, version=run.version, number=number,
            status="COMPLETED", finished_at=run.finished_at,
        )  # fmt: skip
    assert retention.prune(NOW, most=2).runs == 2
    assert retention.prune(NOW).runs == 3
    assert OrchestrationInstance.objects.count() == 0


def test_payloads_that_nothing_refers_to_go_and_others_stay(lab):
    run = lab.run(document([step("big", value="x" * 20_000)], []))
    reference = payloads.store(run.pk, b'"' + b"y" * 20_000 + b'"')
    assert retention.prune(NOW + timedelta(hours=1)).payloads == 0
    assert retention.prune(NOW + timedelta(days=2), dry_run=True).payloads == 1
    assert retention.prune(NOW + timedelta(days=2)).payloads == 1
    assert not Payload.objects.filter(sha256=reference["sha256"]).exists()
    assert payloads.output_of(lab.row(run, "big")) == "x" * 20_000
    assert payloads.output_of(lab.fresh(run)) == {"big": "x" * 20_000}


def test_old_answers_to_repeated_calls_go(lab, user):
    for hours in (1, 30):
        call = IdempotentCall.objects.create(user=user, key=uuid4().hex, request_hash="x")
        IdempotentCall.objects.filter(pk=call.pk).update(created_at=NOW - timedelta(hours=hours))
    assert retention.prune(NOW).calls == 1
    assert IdempotentCall.objects.count() == 1


def test_one_process_an_hour_prunes(db):
    assert pruner.claim(NOW)
    assert not pruner.claim(NOW + timedelta(minutes=59))
    assert pruner.claim(NOW + timedelta(minutes=61))
    assert not pruner.claim(NOW + timedelta(minutes=62))
    assert pruner.claim(NOW - timedelta(days=1)), "the clock was set back"


def test_how_long_runs_are_kept_is_set_over_rest(lab, admin):
    client = APIClient()
    client.force_authenticate(lab.starter)
    orchestration = lab.publish(FULL)
    address = f"/api/v1/orchestrations/{orchestration.pk}/"
    assert client.get(address).json()["keep_days"] is None
    for days in (30, 0, None):
        assert client.patch(address, {"keep_days": days}, format="json").json()["keep_days"] == days
    assert client.patch(address, {"keep_days": -1}, format="json").status_code == 400
