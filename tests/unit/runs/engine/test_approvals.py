"""Questions to people: votes, quorum, expiry, and what their ports do (semantics 3 and 4)."""

import pytest

from orchestrator.errors import Conflict, Invalid
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds


def asking(edges: str = "q.approved > yes") -> Play:
    return Play(dag(edges, q={"type": "approval"}))


def test_an_approval_waits_and_completes_along_approved():
    """semantic 3: an approval ends on approved, rejected or expired."""
    play = asking()
    pk = play.ask("q", expires_at="2026-01-05T10:00:00+00:00")
    assert (play.status("q"), play.state.status) == ("WAITING", "WAITING")
    assert play.state.steps["q"].wait == {
        "kind": "approval", "approval": pk, "due_at": "2026-01-05T10:00:00+00:00",
    }  # fmt: skip
    said = play.vote(pk, comment="fine", data={"n": 1})
    assert kinds(said) == ["approval_decided q", "step_completed q", "step_started yes"]
    answer = {"decision": "approved", "by": "mary", "comment": "fine", "data": {"n": 1}}
    assert play.state.steps["q"].output == answer
    approval = play.approval("q")
    assert (approval["decision"], approval["by"], len(approval["votes"])) == ("approve", "mary", 1)


def test_a_quorum_needs_that_many_approvals():
    play = asking()
    pk = play.ask("q", quorum=2)
    assert kinds(play.vote(pk, by="mary")) == ["approval_voted q"]
    assert play.status("q") == "WAITING"
    assert kinds(play.vote(pk, by="john"))[:2] == ["approval_decided q", "step_completed q"]
    assert [vote["by"] for vote in play.approval("q")["votes"]] == ["mary", "john"]


@pytest.mark.parametrize("quorum", [None, 0, 1])
def test_one_approval_is_enough_where_no_quorum_is_asked_for(quorum):
    play = asking()
    play.vote(play.ask("q", quorum=quorum))
    assert play.status("q") == "COMPLETED"


def test_the_first_rejection_rejects_whatever_the_quorum():
    play = asking("q.approved > yes, q.rejected > no")
    pk = play.ask("q", quorum=3)
    play.vote(pk, by="mary")
    play.vote(pk, "reject", by="john")
    assert play.statuses == "q:COMPLETED yes:SKIPPED no:RUNNING"


def test_nobody_votes_twice():
    play = asking()
    pk = play.ask("q", quorum=2)
    play.vote(pk)
    with pytest.raises(Conflict) as refusal:
        play.vote(pk, "reject")
    assert (refusal.value.code, refusal.value.details["decision"]) == ("already_decided", "approve")


def test_a_second_decision_learns_who_decided_and_when():
    play = asking()
    pk = play.ask("q")
    play.wait(60)
    play.vote(pk, by="mary")
    with pytest.raises(Conflict) as refusal:
        play.vote(pk, "reject", by="john")
    assert (refusal.value.code, refusal.value.details) == (
        "already_decided",
        {"by": "mary", "at": "2026-01-05T09:01:00.000+00:00", "decision": "approved"},
    )


def test_a_rejection_with_an_edge_is_handled():
    """semantic 4: a step that ends on rejected with an edge on that port is handled, and COMPLETED."""
    play = asking("q.approved > yes, q.rejected > no")
    play.vote(play.ask("q"), "reject", comment="not like this")
    assert play.statuses == "q:COMPLETED yes:SKIPPED no:RUNNING"
    assert play.state.steps["q"].output["decision"] == "rejected"


def test_a_rejection_without_an_edge_is_an_unhandled_failure():
    """semantic 4: without one it applies on_failure; fail is the default."""
    play = asking()
    play.vote(play.ask("q"), "reject", comment="not like this")
    step = play.state.steps["q"]
    assert (play.statuses, play.state.status) == ("q:FAILED yes:PENDING", "FAILED")
    assert step.ports == ("rejected",)
    assert play.error("q")["message"] == "mary rejected it: not like this"
    assert step.output["decision"] == "rejected"


def test_a_rejection_can_roll_back_and_ask_again():
    """semantic 4: on_failure applies to rejected as to failure."""
    graph = dag("draft > q, q.approved > send",
                q={"type": "approval", "on_failure": {"action": "rollback", "to": "draft"}})  # fmt: skip
    play = Play(graph)
    play.complete("draft")
    play.vote(play.ask("q"), "reject", comment="shorter")
    assert play.statuses == "draft:RUNNING q:PENDING send:PENDING"
    assert play.state.reasons["draft"]["reason"] == "mary rejected it: shorter"
    play.complete("draft")
    play.vote(play.ask("q"))
    assert play.status("send") == "RUNNING"


@pytest.mark.parametrize(
    ("edges", "status"), [("q.expired > late", "COMPLETED"), ("q.approved > yes", "FAILED")]
)
def test_a_question_that_nobody_answers_expires(edges, status):
    """semantic 4: expired goes along its edge, or is an unhandled failure."""
    play = asking(edges)
    pk = play.ask("q", expires_at="2026-01-05T09:00:10+00:00")
    assert play.due("q", "expiry") == []
    play.wait(10)
    assert kinds(play.due("q", "expiry"))[0] == "approval_expired q"
    assert play.status("q") == status
    assert (play.approval("q")["decision"], play.approval("q")["message"]) == ("expired", "Well?")
    with pytest.raises(Conflict) as refusal:
        play.vote(pk)
    assert refusal.value.code == "expired"


def test_a_question_without_an_end_does_not_expire():
    play = asking()
    play.ask("q")
    play.wait(10**9)
    assert play.due("q", "expiry") == []


def test_a_question_that_cannot_be_put_is_a_failure():
    """semantic 3: an approval has the port failure too."""
    play = asking("q.failure > oops")
    play.fail("q", "No template.")
    assert play.statuses == "q:FAILED oops:RUNNING"


def test_a_question_that_this_run_never_asked():
    play = asking()
    with pytest.raises(Conflict) as refusal:
        play.vote("nothing")
    assert refusal.value.code == "unknown_approval"


def test_a_decision_is_approve_or_reject():
    play = asking()
    pk = play.ask("q")
    with pytest.raises(Invalid):
        play.vote(pk, "perhaps")
    assert play.status("q") == "WAITING"


def test_after_a_cancel_an_answer_no_longer_counts():
    play = asking()
    pk = play.ask("q")
    assert kinds(play.cancel()) == ["approval_voided q", "step_cancelled q", "run_cancelled"]
    assert (play.approval("q")["voided"], play.approval("q")["message"]) == (True, "Well?")
    with pytest.raises(Conflict) as refusal:
        play.vote(pk)
    assert refusal.value.code == "voided"
