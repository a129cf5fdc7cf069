"""A question goes out by mail, through a real SMTP connection, and its link answers for one person only."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_string, policy
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from runs import mailer, retention, verbs
from runs.models import Approval, ApprovalMail, OrchestrationInstance, StepLog
from tests import smtp
from tests.integration.runs.conftest import chain, step

FORM = {
    "type": "object",
    "properties": {"amount": {"type": "integer", "minimum": 1, "title": "Amount"}},
    "required": ["amount"],
}


@pytest.fixture
def post_office(settings):
    with smtp.running() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.PUBLIC_URL = "https://orchestrator.example.org"
        yield server


@pytest.fixture
def uma(user):
    user.email = "uma@example.org"
    user.save()
    return user


def ask(lab, **config):
    config = {"assignees": ["uma"], "channels": ["web", "email"], **config}
    run = lab.run(chain(step("ask", "asks", on="approved", **config), step("after")))
    return run, Approval.objects.get(instance=run)


def post(now=None):
    mailer.enlist(now or timezone.now())
    return mailer.send_due(now or timezone.now())


def read(server, number=0):
    return message_from_string(server.mails[number][1], policy=policy.default)


def link(mail):
    found = re.search(
        r"https://orchestrator\.example\.org(/answer/\S+/)", mail.get_body(("plain",)).get_content()
    )
    return found[1]


def test_the_mail_brings_the_evidence_and_following_its_link_answers(lab, uma, post_office):
    run, _ = ask(lab, message="Pay\n12 €?", why="Bcc: <all>")
    assert post() == 1
    mail = read(post_office)
    assert mail["To"] == "uma@example.org"
    assert mail["Subject"].endswith("Pay 12 €?")
    assert mail.get_content_type() == "multipart/alternative"
    for kind, evidence in (("plain", "Bcc: <all>"), ("html", "Bcc: &lt;all&gt;")):
        assert evidence in mail.get_body((kind,)).get_content()
        assert link(mail) in mail.get_body((kind,)).get_content()

    browser = Client()
    page = browser.get(link(mail))
    assert page.status_code == 200
    assert page["Cache-Control"].startswith("max-age=0")
    assert b"You answer as Uma" in page.content
    assert b"Bcc: &lt;all&gt;" in page.content
    assert Approval.objects.get().status == "pending", "only looking must decide nothing"

    answered = browser.post(link(mail), {"decision": "approve", "comment": "Fine"})
    assert (answered.status_code, answered["Location"]) == (302, link(mail))
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.row(run, "ask").output == {
        "decision": "approved",
        "by": "uma",
        "comment": "Fine",
        "data": None,
    }
    assert b"You approved" in browser.get(link(mail)).content
    assert StepLog.objects.get(level="info").message == "Told Uma by mail."


def test_a_post_from_another_site_decides_nothing(lab, uma, post_office):
    ask(lab)
    post()
    careful = Client(enforce_csrf_checks=True)
    assert careful.post(link(read(post_office)), {"decision": "approve"}).status_code == 403
    assert Approval.objects.get().status == "pending"


def test_each_person_gets_a_mail_of_their_own_and_the_second_answer_is_told_who_was_first(
    lab, uma, admin, other_user, post_office
):
    admin.email, admin.is_active = "ada@example.org", True
    admin.save()
    ask(lab, role="admin")
    assert post() == 2
    mails = {read(post_office, number)["To"]: read(post_office, number) for number in (0, 1)}
    assert set(mails) == {"uma@example.org", "ada@example.org"}
    assert link(mails["uma@example.org"]) != link(mails["ada@example.org"])
    Client().post(link(mails["ada@example.org"]), {"decision": "reject", "comment": "No"})
    late = Client().post(link(mails["uma@example.org"]), {"decision": "approve"})
    assert late.status_code == 409
    assert b"Ada rejected this at" in late.content


def test_nothing_is_sent_twice_whoever_looks_however_often(lab, uma, post_office):
    _, approval = ask(lab)
    assert (post(), post()) == (1, 0)
    call_command("rebuild_projections", str(approval.instance_id), verbosity=0, stdout=StringIO())
    assert Approval.objects.get().to_mail, "a rebuilt row does not know"
    assert post() == 0
    assert len(post_office.mails) == 1


def test_a_mail_that_another_process_sends_is_left_to_it_until_it_seems_gone(lab, uma, post_office):
    ask(lab)
    mailer.enlist(timezone.now())
    mine = ApprovalMail.objects.get()
    assert mailer._move(mine, due_at=timezone.now() + mailer.LEASE)
    assert mailer.send_due(timezone.now()) == 0
    assert mailer.send_due(timezone.now() + 2 * mailer.LEASE) == 1


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_believed(lab, uma, post_office):
    ask(lab)
    post_office.answers["RCPT"] = "451 busy"
    assert post() == 0
    waiting = ApprovalMail.objects.get()
    assert (waiting.state, waiting.tries) == ("due", 1)
    assert post(timezone.now() + timedelta(seconds=29)) == 0
    post_office.answers["RCPT"] = "550 unknown"
    assert post(timezone.now() + timedelta(seconds=31)) == 0
    assert ApprovalMail.objects.get().state == "failed"
    said = StepLog.objects.get(level="warning").message
    assert said.startswith("Uma could not be told by mail; the question is in their inbox.")
    post_office.answers.clear()
    assert post(timezone.now() + timedelta(days=1)) == 0


def test_who_has_no_address_is_told_in_the_inbox_and_the_log_says_so(lab, user, post_office):
    ask(lab)
    assert (post(), post()) == (0, 0)
    assert StepLog.objects.get().message == "Uma has no mail address; the question is in their inbox."


def test_a_question_without_mail_or_answered_before_is_not_mailed(lab, uma, post_office):
    ask(lab, channels=["web"])
    assert post() == 0
    Approval.objects.all().delete()
    _, approval = ask(lab)
    mailer.enlist(timezone.now())
    verbs.decide_approval(uma, approval, "approve")
    assert mailer.send_due(timezone.now()) == 0
    assert ApprovalMail.objects.get().state == "dropped"


def test_who_started_the_run_gets_no_mail_where_they_may_not_answer(lab, superadmin, post_office):
    superadmin.email = "sue@example.org"
    superadmin.save()
    ask(lab, role="superadmin", assignees=[], allow_self=False)
    assert post() == 0


def test_a_form_is_filled_in_by_the_link_and_its_faults_are_shown_with_what_was_typed(lab, uma, post_office):
    run, _ = ask(lab, form=FORM)
    post()
    address = link(read(post_office))
    refused = Client().post(address, {"decision": "approve", "data-amount": "0", "comment": "Kept"})
    assert refused.status_code == 400
    assert b"Kept" in refused.content
    assert Client().post(address, {"decision": "approve", "data-amount": "3"}).status_code == 302
    assert lab.row(run, "ask").output["data"] == {"amount": 3}


@pytest.mark.parametrize("end", ["expired", "voided", "decided"])
def test_a_link_whose_question_is_over_says_how_it_ended(
    lab, later, uma, admin, superadmin, post_office, end
):
    run, approval = ask(lab, expires_s=60, assignees=["uma", "ada"])
    post()
    if end == "expired":
        later(61)
    elif end == "voided":
        verbs.cancel(superadmin, run)
    else:
        verbs.decide_approval(admin, approval, "approve")
    mail = next(m for m in map(read, [post_office] * len(post_office.mails), range(9)) if "uma" in m["To"])
    page = Client().get(link(mail))
    words = {
        "expired": b"Nobody answered until",
        "voided": b"an answer no longer counts",
        "decided": b"Ada approved this at",
    }
    assert words[end] in page.content
    assert b'<form class="answer"' not in page.content
    assert Client().post(link(mail), {"decision": "reject"}).status_code == 409


def test_a_link_ends_with_the_sign_ins_and_the_account_it_belongs_to(lab, uma, post_office):
    ask(lab)
    post()
    address = link(read(post_office))
    uma.set_password("another")
    uma.save()
    ended = Client().get(address)
    assert ended.status_code == 410
    assert b"This link has ended" in ended.content
    assert Client().post(address, {"decision": "approve"}).status_code == 410
    uma.is_active = False
    uma.save()
    assert Client().get(address).status_code == 410


@pytest.mark.parametrize("change", ["cut", "other", "rubbish"])
def test_a_link_that_was_not_sent_is_refused(lab, uma, post_office, change):
    ask(lab)
    post()
    address = link(read(post_office))
    forged = {
        "cut": address[:-6] + "/",
        "other": address.replace(address[10], "Z", 1),
        "rubbish": "/answer/x/",
    }
    assert Client().get(forged[change]).status_code == 404


def test_a_link_is_good_for_thirty_days(lab, uma, post_office, monkeypatch):
    ask(lab)
    post()
    address = link(read(post_office))
    monkeypatch.setattr("runs.answer_links.LASTS", timedelta(seconds=-1))
    old = Client().get(address)
    assert old.status_code == 410
    assert b"older than" in old.content


def test_pruning_a_run_takes_its_mails_along(lab, uma, post_office):
    run, _ = ask(lab)
    post()
    verbs.cancel(run.started_by, run)
    run.orchestration.keep_days = 1
    run.orchestration.save()
    retention.prune(timezone.now() + timedelta(days=2))
    assert not OrchestrationInstance.objects.exists()
    assert not ApprovalMail.objects.exists()
