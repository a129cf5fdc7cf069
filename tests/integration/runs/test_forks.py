"""Running again with changes (semantic 8), over the verb and over REST, on the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from builder.models import OrchestrationVersion
from orchestrator.errors import Conflict, Forbidden, Invalid, NotFound
from runs import forks, journal, verbs
from runs.models import OrchestrationInstance, Payload
from runs.recovery import Sweep
from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, step
from tests.integration.runs.test_projections import same_rebuilt

BIG = "x" * 30_000


def document(**more):
    return chain(
        step("a", value="{{ input.what }}"),
        step("big", value=BIG),
        step("c", value="{{ steps.a.output }} and {{ steps.big.output | length }}"),
        step("d", value="{{ steps.c.output }}!"),
        input={"type": "object", "properties": {"what": {"type": "string"}}},
        **more,
    )


@pytest.fixture
def source(lab):
    return lab.run(document(), {"what": "tea"})


def client_of(person):
    client = APIClient()
    client.force_authenticate(person)
    return client


def test_a_fork_runs_the_step_and_what_follows_with_what_came_before(lab, source):
    """semantic 8: own number, own payloads, no cost; rows rebuilt equal rows followed."""
    kinds.Echo.runs.clear()
    made = forks.fork(lab.starter, source, "c", outputs={"a": "coffee"})
    lab.drain()
    made = lab.fresh(made)
    assert (made.number, made.forked_from_id, made.status) == (2, source.pk, "COMPLETED")
    assert dict(kinds.Echo.runs) == {"c": 1, "d": 1}
    assert lab.row(made, "d").output == "coffee and 30000!"
    assert lab.entries(made)[0][:2] == ["run_started", "run_forked"]
    assert journal.entries(made.pk)[0][2][1]["data"]["edited"] == ["a"]
    assert lab.row(made, "big").attempt == 0
    same_rebuilt(made)
    Payload.objects.filter(instance=source).delete()
    again = forks.fork(lab.starter, made, "d")
    lab.drain()
    assert lab.fresh(again).status == "COMPLETED"


def test_the_input_may_be_edited_and_is_held_to_the_schema(lab, source):
    made = forks.fork(lab.starter, source, "a", {"what": "milk"})
    lab.drain()
    assert lab.row(made, "d").output == "milk and 30000!"
    with pytest.raises(Invalid):
        forks.fork(lab.starter, source, "a", {"what": 3})
    assert OrchestrationInstance.objects.count() == 2


def test_an_output_can_be_set_of_a_completed_step_that_is_taken_over(lab, source):
    for key in ("c", "d", "nobody"):
        with pytest.raises(Invalid) as refused:
            forks.fork(lab.starter, source, "c", outputs={key: 1})
        assert refused.value.details["field"] == f"outputs.{key}"
    made = forks.fork(lab.starter, source, "d", outputs={"c": "y" * 30_000})
    lab.drain()
    assert len(lab.fresh(made).output["d"] if made.output else "") in (0, 30_001)
    assert lab.row(made, "c").payload["size"] == 30_002


def test_another_version_serves_where_it_fits(lab, source):
    OrchestrationVersion.objects.create(
        orchestration=source.orchestration, number=2, sha256="0" * 64,
        document=chain(step("a", value="new"), step("big", value=BIG), step("c", value="two"),
                       input=document()["input"]),
    )  # fmt: skip
    made = forks.fork(lab.starter, source, "c", version=2)
    lab.drain()
    assert lab.row(made, "c").output == "two"
    assert lab.row(made, "a").output == "tea"
    with pytest.raises(Conflict, match="Version 2 does not fit at step d: the step is not there"):
        forks.fork(lab.starter, source, "d", version=2)
    with pytest.raises(NotFound):
        forks.fork(lab.starter, source, "c", version=9)


def test_many_outputs_are_stored_aside_and_not_in_one_entry(lab, source, monkeypatch):
    monkeypatch.setattr(forks, "MOST_INLINE", 1)
    monkeypatch.setattr(forks, "SMALL", 2)
    made = forks.fork(lab.starter, source, "c")
    assert set(journal.entries(made.pk)[0][2][1]["data"]["steps"]["a"]) == {"status", "ports", "payload"}
    lab.drain()
    assert lab.row(made, "d").output == "tea and 30000!"


def test_who_sees_a_run_and_may_start_its_orchestration_may_fork_it(lab, source, user):
    with pytest.raises(Forbidden):
        forks.fork(user, source, "c")
    path = f"/api/v1/runs/{source.pk}/fork/"
    assert client_of(user).post(path, {"from": "c"}, format="json").status_code == 404


def test_over_rest_it_answers_201_once_for_a_key(lab, source):
    client, path = client_of(lab.starter), f"/api/v1/runs/{source.pk}/fork/"
    body = {"from": "c", "outputs": {"a": "cocoa"}, "input": {"what": "x"}}
    first = client.post(path, body, format="json", headers={"Idempotency-Key": "k"})
    assert (first.status_code, first.data["forked_from"]) == (201, source.pk)
    assert {one["key"]: one["taken_over"] for one in first.data["steps"]} == {
        "a": True, "big": True, "c": False, "d": False,
    }  # fmt: skip
    second = client.post(path, body, format="json", headers={"Idempotency-Key": "k"})
    assert second.data["id"] == str(first.data["id"])
    refused = client.post(path, {"from": "nobody"}, format="json")
    assert (refused.status_code, refused.data["code"]) == (409, "unknown_step")
    assert client.post(path, {}, format="json").status_code == 400


def test_a_fork_that_was_never_begun_is_given_up_and_not_started_as_a_run(lab, source):
    """A process may die between the row and the first entry; nothing that was taken over is known then."""
    lost = OrchestrationInstance.objects.create(
        orchestration=source.orchestration, version=source.version, number=99, input={}, forked_from=source
    )
    Sweep(lab.runtime).first()
    assert lab.fresh(lost).status == "PENDING"
    OrchestrationInstance.objects.filter(pk=lost.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    Sweep(lab.runtime).first()
    assert lab.fresh(lost).status == "CANCELLED"


def test_two_runs_are_compared_step_by_step(lab, source, user):
    made = forks.fork(lab.starter, source, "c", outputs={"a": "coffee"})
    lab.drain()
    client = client_of(lab.starter)
    said = client.get(f"/api/v1/runs/{source.pk}/compare/", {"with": str(made.pk)}).data
    assert (said["same_input"], said["left"]["number"], said["right"]["number"]) == (True, 1, 2)
    assert {one["key"]: one["same_output"] for one in said["steps"]} == {
        "a": False, "big": True, "c": False, "d": False,
    }  # fmt: skip
    assert client.get(f"/api/v1/runs/{source.pk}/compare/").status_code == 400
    path = f"/api/v1/runs/{source.pk}/compare/?with={made.pk}"
    assert client_of(user).get(path).status_code == 404


def test_nobody_approves_something_other_than_what_they_read(lab):
    run = lab.run(chain(step("a", value="{{ input.what }}"),
                        step("ask", "asks", role="superadmin", message="{{ rollback.reason }}?", on="approved"),
                        step("b")), {})  # fmt: skip
    read = run.approvals.get().content_hash
    verbs.rollback(lab.starter, run, to="a", reason="other")
    lab.drain()
    again = run.approvals.get(status="pending")
    with pytest.raises(Conflict) as refused:
        verbs.decide_approval(lab.starter, again, "approve", content_hash=read)
    assert (refused.value.code, refused.value.details["changed"]) == ("content_changed", ["message"])
    verbs.decide_approval(lab.starter, again, "approve", content_hash=again.content_hash)
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
