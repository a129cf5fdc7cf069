"""A form step from its question to the output, over verbs, REST and pages."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from orchestrator.errors import Conflict, Forbidden, Invalid, TooLarge
from runs import verbs
from runs.models import Approval
from runs.pages.estimates import asked_by
from runs.pages.words import Voice
from tests.integration.runs.conftest import document, step

SCHEMA = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "title": "Amount", "maximum": 150},
        "note": {"type": "string", "title": "Note"},
    },
    "required": ["amount"],
}


def form_document(**config):
    given = {"message": "How much?", "schema": SCHEMA, **config}
    return document(
        [
            {"key": "ask", "type": "form", "name": "Ask the amount", "config": given},
            step("after", value="{{ steps.ask.output.amount }}"),
            step("late"),
        ],
        [{"source": "ask", "target": "after"}, {"source": "ask", "port": "expired", "target": "late"}],
    )


@pytest.fixture
def asked(lab, user):
    run = lab.start(form_document(), user=user)
    lab.drain()
    return run, Approval.objects.get(instance=run)


def test_who_started_the_run_fills_it_in_and_that_is_the_output(lab, asked, user, admin):
    run, question = asked
    assert (question.kind, question.assignees, question.form) == ("form", ["uma"], SCHEMA)
    with pytest.raises(Forbidden):
        verbs.decide_approval(admin, question, "submit", data={"amount": 3})
    done = verbs.decide_approval(user, question, "submit", data={"amount": 3})
    lab.drain()
    assert (done.status, done.decided_by, done.data) == ("submitted", "uma", {"amount": 3})
    assert lab.row(run, "ask").output == {"amount": 3}
    assert lab.row(run, "after").output == 3
    assert lab.fresh(run).status == "COMPLETED"
    with pytest.raises(Conflict) as late:
        verbs.decide_approval(user, question, "submit", data={"amount": 4})
    assert late.value.code == "already_decided"


def test_the_rows_made_anew_say_the_same(lab, asked, user):
    from runs import journal

    run, question = asked
    verbs.decide_approval(user, question, "submit", data={"amount": 3})
    before = Approval.objects.values().get()
    journal.rebuild(run.pk)
    assert Approval.objects.values().get() == before


def test_what_does_not_fit_is_said_by_field_and_the_form_stays_open(lab, asked, user):
    _, question = asked
    for word in ("approve", "reject", "perhaps"):
        with pytest.raises(Invalid):
            verbs.decide_approval(user, question, word)
    with pytest.raises(Invalid) as wrong:
        verbs.decide_approval(user, question, "submit", data={"amount": 200, "note": 5})
    assert [one["field"] for one in wrong.value.details["problems"]] == ["amount", "note"]
    with pytest.raises(TooLarge):
        verbs.decide_approval(user, question, "submit", data={"amount": 1, "note": "x" * 2**20})
    question.refresh_from_db()
    assert question.status == "pending"


def test_a_large_answer_is_stored_aside_and_read_whole(lab, asked, user):
    run, question = asked
    data = {"amount": 1, "note": "x" * 20_000}
    verbs.decide_approval(user, question, "submit", data=data)
    lab.drain()
    assert lab.row(run, "ask").payload["size"] > 20_000
    assert lab.row(run, "after").output == 1


def test_a_named_person_who_does_not_exist_fails_the_step(lab, user):
    run = lab.run(form_document(assignee="{{ input.who }}"), {"who": "zoe"})
    assert (run.status, run.error["code"]) == ("FAILED", "unknown_user")
    run = lab.run(form_document(assignee="{{ input.who }}"), {"who": "uma"})
    assert Approval.objects.get(instance=run).assignees == ["uma"]


def test_a_form_that_nobody_fills_in_expires_along_its_edge(lab, later):
    run = lab.run(form_document(expires_s=30))
    later(31)
    assert lab.statuses(run) == {"ask": "COMPLETED", "after": "SKIPPED", "late": "COMPLETED"}
    assert Approval.objects.get().status == "expired"


def test_it_is_answered_over_rest(lab, asked, user):
    _, question = asked
    client = APIClient()
    client.force_authenticate(user)
    [shown] = client.get("/api/v1/approvals/?status=pending").json()["results"]
    assert (shown["kind"], shown["form"]) == ("form", SCHEMA)
    address = f"/api/v1/approvals/{question.pk}/decide/"
    wrong = client.post(address, {"decision": "submit", "data": {}}, format="json")
    assert (wrong.status_code, wrong.json()["details"]["field"]) == (400, "amount")
    done = client.post(address, {"decision": "submit", "data": {"amount": 9}}, format="json")
    assert (done.status_code, done.json()["status"]) == (200, "submitted")


def test_the_pages_draw_it_keep_what_was_typed_and_show_what_was_sent(lab, asked, user):
    run, question = asked
    client = Client()
    client.force_login(user)
    page = client.get(reverse("approval", args=[question.pk])).content.decode()
    assert 'name="data-amount"' in page
    assert 'value="submit"' in page
    assert "Approve" not in page
    assert 'name="data-amount"' in client.get(reverse("run", args=[run.pk])).content.decode()
    assert "Fill it in" in client.get(reverse("home")).content.decode()
    decide = reverse("decide", args=[question.pk])
    sent = {"decision": "submit", "data-amount": "200", "data-note": "for mary"}
    refused = client.post(decide, sent).content.decode()
    assert "At most 150." in refused
    assert "for mary" in refused
    told = client.post(decide, sent, headers={"Accept": "application/json"}).json()
    assert [one["field"] for one in told["details"]["problems"]] == ["amount"]
    client.post(decide, {**sent, "data-amount": "20"})
    closed = client.get(reverse("approval", args=[question.pk])).content.decode()
    assert "You filled it in" in closed
    assert "for mary" in closed
    run_page = client.get(reverse("run", args=[run.pk]) + "?step=ask&tab=journal").content.decode()
    assert "filled it in" in run_page


def test_the_start_page_says_who_will_be_asked():
    from django.utils import timezone

    voice = Voice(timezone.now(), "uma")
    assert asked_by(form_document(), voice) == "you"
    assert asked_by(form_document(assignee="mary"), voice) == "mary"
