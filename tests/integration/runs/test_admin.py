"""Runs in the Django admin: everything is listed, searched, opened and linked; acts go through the verbs."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.contrib import admin as sites
from django.test import Client
from django.urls import reverse

from orchestrator import tokens
from runs.models import Approval
from tests.integration.runs.conftest import chain, step

RUN = "runs_orchestrationinstance"


@pytest.fixture
def governs(superadmin):
    client = Client()
    client.force_login(superadmin)
    return client


@pytest.fixture
def waiting(lab, user):
    return lab.run(chain(step("big", value="x" * 20_000), step("ask", "asks", role="admin", expires_s=600)))


def act(client, name, *runs):
    sent = {"action": name, "_selected_action": [str(run.pk) for run in runs]}
    return client.post(reverse(f"admin:{RUN}_changelist"), sent, follow=True).content.decode()


def test_every_noun_of_the_product_is_in_the_admin():
    ours = ("orchestrator", "agents", "knowledge", "builder", "runs")
    hidden = {"IdempotentCall", "Gate", "Limit"}  # bookkeeping of processes
    models = {model for app in ours for model in apps.get_app_config(app).get_models()}
    missing = {model.__name__ for model in models if model not in sites.site._registry}
    assert missing <= hidden


def test_each_table_of_a_run_is_listed_searched_and_leads_to_the_run(governs, waiting):
    own = reverse(f"admin:{RUN}_change", args=[waiting.pk])
    for name in ("steprun", "journalentry", "approval", "payload", "timer"):
        page = governs.get(reverse(f"admin:runs_{name}_changelist"), {"q": "a"}).content.decode()
        plain = governs.get(reverse(f"admin:runs_{name}_changelist")).content.decode()
        assert own in plain, name
        assert "Search" in page
        opened = re.search(rf'href="(/admin/runs/{name}/[^"?/]+/change/)', plain)[1]
        assert governs.get(opened).status_code == 200
    assert (
        governs.get(reverse(f"admin:{RUN}_changelist"), {"q": "uma", "status": "WAITING"}).status_code == 200
    )


def test_a_run_shows_its_steps_and_journal_and_cannot_be_changed(governs, waiting):
    address = reverse(f"admin:{RUN}_change", args=[waiting.pk])
    page = governs.get(address).content.decode()
    for shown in (
        reverse("run", args=[waiting.pk]),
        "run_started, step_started",
        "approval_requested",
        "asks",
    ):
        assert shown in page
    assert governs.post(address, {"status": "COMPLETED"}).status_code == 403


def test_runs_are_cancelled_retried_rolled_back_and_made_again_by_the_verbs(lab, governs, waiting):
    said = act(governs, "cancel", waiting)
    assert "1 run cancelled." in said
    assert lab.fresh(waiting).status == "CANCELLED"
    cancelled = [
        event for entry in waiting.journal.all() for event in entry.events if event["kind"] == "run_cancelled"
    ]
    assert [event["data"]["by"] for event in cancelled] == ["sue"]
    assert "run 1: " in act(governs, "cancel", waiting)
    assert "1 run retried." in act(governs, "retry", waiting)
    lab.drain()
    assert Approval.objects.filter(status="pending").count() == 1
    assert "1 run rolled back." in act(governs, "roll_back", waiting)
    assert lab.fresh(waiting).status == "ROLLED_BACK"
    assert "1 run made again." in act(governs, "rebuild", waiting)
    assert lab.fresh(waiting).status == "ROLLED_BACK"


def test_nobody_but_a_superadmin_gets_in(admin, waiting):
    client = Client()
    client.force_login(admin)
    assert client.get(reverse(f"admin:{RUN}_changelist")).status_code == 302


def test_a_token_of_somebody_is_ended_and_never_shown(governs, user):
    token, text = tokens.make_api_token(user, "Reports")
    address = reverse("admin:orchestrator_apitoken_changelist")
    sent = {"action": "revoke", "_selected_action": [str(token.pk)]}
    page = governs.post(address, sent, follow=True).content.decode()
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert text not in page
    shown = governs.get(reverse("admin:orchestrator_apitoken_change", args=[token.pk])).content.decode()
    assert token.digest not in shown
    assert text not in shown
