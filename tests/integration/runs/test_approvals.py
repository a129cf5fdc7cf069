"""Questions to people: who may answer, quorum, expiry, forms, second answers."""

from __future__ import annotations

import threading

import pytest

from orchestrator.errors import Conflict, Forbidden, Invalid
from runs import verbs
from runs.models import Approval, ApprovalRecipient, Timer
from tests.integration.runs.conftest import chain, document, step, until


def asked(lab, *more, **config):
    run = lab.run(chain(step("ask", "asks", on="approved", **config), step("after"), *more))
    return run, Approval.objects.get(instance=run)


def test_a_question_waits_and_an_approval_goes_on(lab, user):
    run, approval = asked(lab, assignees=["uma"], why="{{ input.because }}")
    assert (run.status, approval.status) == ("WAITING", "pending")
    assert lab.row(run, "ask").status == "WAITING"
    decided = verbs.decide_approval(user, approval, "approve", "fine")
    lab.drain()
    assert (decided.status, decided.decided_by, decided.comment) == ("approved", "uma", "fine")
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.row(run, "ask").output == {
        "decision": "approved", "by": "uma", "comment": "fine", "data": None,
    }  # fmt: skip


def test_the_row_says_what_was_asked_of_whom(lab, user):
    _, approval = asked(lab, assignees=["uma"], role="admin", quorum=2, expires_s=60, message="Pay?")
    assert approval.message == "Pay?"
    assert approval.evidence == [{"title": "Why", "value": "because"}]
    assert (approval.assignees, approval.role, approval.quorum) == (["uma"], "admin", 2)
    assert len(approval.content_hash) == 64
    assert (approval.expires_at - approval.requested_at).total_seconds() == pytest.approx(60, abs=1)
    assert set(ApprovalRecipient.objects.values_list("who", flat=True)) == {
        "user:uma", "role:admin", "role:superadmin",
    }  # fmt: skip


def test_a_rejection_without_an_edge_fails_the_run(lab, user):
    run, approval = asked(lab, assignees=["uma"])
    verbs.decide_approval(user, approval, "reject", "too much")
    run = lab.fresh(run)
    assert run.status == "FAILED"
    assert run.error["code"] == "rejected"
    assert "too much" in run.error["message"]


def test_a_rejection_with_an_edge_goes_on_along_it(lab, user):
    doc = document(
        [step("ask", "asks", assignees=["uma"]), step("no", value="{{ steps.ask.output.comment }}")],
        [{"source": "ask", "port": "rejected", "target": "no"}],
    )
    run = lab.run(doc)
    verbs.decide_approval(user, Approval.objects.get(), "reject", "not yet")
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.row(run, "no").output == "not yet"


def test_a_quorum_needs_that_many_people_and_nobody_counts_twice(lab, user, other_user):
    run, approval = asked(lab, assignees=["uma", "otto"], quorum=2)
    assert verbs.decide_approval(user, approval, "approve").status == "pending"
    with pytest.raises(Conflict) as again:
        verbs.decide_approval(user, Approval.objects.get(), "approve")
    assert again.value.code == "already_voted"
    assert verbs.decide_approval(other_user, approval, "approve").status == "approved"
    approval.refresh_from_db()
    assert [vote["by"] for vote in approval.votes] == ["uma", "otto"]
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"


def test_the_first_rejection_rejects_whatever_the_quorum(lab, user, other_user):
    run, approval = asked(lab, assignees=["uma", "otto"], quorum=2)
    verbs.decide_approval(user, approval, "approve")
    assert verbs.decide_approval(other_user, approval, "reject").status == "rejected"
    assert lab.fresh(run).status == "FAILED"


def test_a_second_decision_is_told_who_decided_and_when(lab, user, other_user):
    _, approval = asked(lab, assignees=["uma", "otto"])
    verbs.decide_approval(user, approval, "approve")
    with pytest.raises(Conflict) as late:
        verbs.decide_approval(other_user, approval, "reject")
    assert late.value.code == "already_decided"
    assert late.value.details["by"] == "uma"
    assert late.value.details["at"].startswith("20")


def test_of_two_who_decide_at_once_one_wins(threads, user, other_user):
    run = threads.start(chain(step("ask", "asks", on="approved", assignees=["uma", "otto"]), step("after")))
    until(lambda: Approval.objects.filter(status="pending").exists())
    found, barrier = [], threading.Barrier(2)

    def decide(person, decision):
        approval = Approval.objects.get()
        barrier.wait()
        try:
            found.append(verbs.decide_approval(person, approval, decision).decided_by)
        except Conflict as error:
            found.append(error.code)
        from django.db import connection

        connection.close()

    people = [threading.Thread(target=decide, args=(person, "approve")) for person in (user, other_user)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert sorted(found)[0] == "already_decided"
    assert len(set(found) & {"uma", "otto"}) == 1
    until(lambda: threads.fresh(run).status == "COMPLETED")
    assert threads.kinds(run).count("approval_decided") == 1


def test_who_is_not_asked_may_not_answer(lab, user, other_user, admin):
    _, approval = asked(lab, assignees=["uma"])
    for person in (other_user, admin, lab.starter):
        assert not verbs.may_answer(person, approval)
        with pytest.raises(Forbidden):
            verbs.decide_approval(person, approval, "approve")


@pytest.mark.parametrize(
    ("role", "may"),
    [("user", {"uma", "ada", "sue"}), ("admin", {"ada", "sue"}), ("superadmin", {"sue"}), ("", set())],
)
def test_a_role_and_those_above_it_may_answer(lab, user, admin, superadmin, role, may):
    _, approval = asked(lab, role=role)
    assert {one.username for one in (user, admin, superadmin) if verbs.may_answer(one, approval)} == may
    waiting = {one.username for one in (user, admin, superadmin) if verbs.waiting_for(one).exists()}
    assert waiting == may


def test_who_started_the_run_may_be_excluded(lab, admin):
    _, approval = asked(lab, role="admin", allow_self=False)
    assert not verbs.may_answer(lab.starter, approval)
    assert verbs.may_answer(admin, approval)
    with pytest.raises(Forbidden):
        verbs.decide_approval(lab.starter, approval, "approve")


def test_an_inactive_person_may_not_answer(lab, user):
    _, approval = asked(lab, assignees=["uma"])
    user.is_active = False
    assert not verbs.may_answer(user, approval)


def test_the_inbox_leaves_out_what_i_have_voted_on_or_others_have_decided(lab, user, other_user):
    _, first = asked(lab, assignees=["uma", "otto"], quorum=2)
    run = lab.run(chain(step("ask", "asks", assignees=["uma"], on="approved"), step("b")))
    second = Approval.objects.get(instance=run)
    assert list(verbs.waiting_for(user)) == [first, second]
    verbs.decide_approval(user, first, "approve")
    assert list(verbs.waiting_for(user)) == [second]
    assert list(verbs.waiting_for(other_user)) == [first]
    verbs.decide_approval(user, second, "reject")
    assert list(verbs.waiting_for(user)) == []


def test_the_filled_form_is_checked_and_becomes_data(lab, user):
    form = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}
    run, approval = asked(lab, assignees=["uma"], form=form)
    for data in (None, {}, {"amount": "much"}):
        with pytest.raises(Invalid) as wrong:
            verbs.decide_approval(user, approval, "approve", data=data)
        assert wrong.value.details["field"] == "amount"
    verbs.decide_approval(user, approval, "approve", data={"amount": 3})
    assert lab.row(run, "ask").output["data"] == {"amount": 3}


def test_a_rejection_needs_no_form(lab, user):
    form = {"type": "object", "required": ["amount"]}
    _, approval = asked(lab, assignees=["uma"], form=form)
    assert verbs.decide_approval(user, approval, "reject").status == "rejected"


def test_another_word_than_approve_or_reject_is_refused(lab, user):
    _, approval = asked(lab, assignees=["uma"])
    with pytest.raises(Invalid):
        verbs.decide_approval(user, approval, "maybe")


def test_text_that_json_cannot_say_is_refused_and_nothing_else_suffers(lab, user):
    run, approval = asked(lab, assignees=["uma"])
    with pytest.raises(Invalid):
        verbs.decide_approval(user, approval, "approve", "\ud800")
    assert lab.fresh(run).status == "WAITING"
    assert verbs.decide_approval(user, approval, "approve").status == "approved"


def test_an_approval_expires_along_its_edge(lab, later):
    doc = document(
        [step("ask", "asks", role="user", expires_s=30), step("remind")],
        [{"source": "ask", "port": "expired", "target": "remind"}],
    )
    run = lab.run(doc)
    assert Timer.objects.get().kind == "expiry"
    assert later(29) == 0
    later(2)
    assert lab.fresh(run).status == "COMPLETED"
    approval = Approval.objects.get()
    assert (approval.status, approval.decided_by) == ("expired", "")
    assert not Timer.objects.exists()


def test_an_expired_question_cannot_be_answered(lab, later, user):
    run, approval = asked(lab, assignees=["uma"], expires_s=30)
    later(31)
    assert lab.fresh(run).status == "FAILED"
    with pytest.raises(Conflict) as late:
        verbs.decide_approval(user, approval, "approve")
    assert late.value.code == "expired"
