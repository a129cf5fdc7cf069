"""A person cancels one step of a run that goes on (semantics 1, 4, 5, 9)."""

import pytest

from orchestrator.errors import Conflict
from runs.engine.commands import CancelStep
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds


def test_an_unhandled_cancelled_step_fails_the_run():
    """semantics 5, 9: nothing new starts, what runs ends, and the run says who cancelled what."""
    play = Play(dag("a > b, c > d"))
    said = play.do(CancelStep("a", "mary", "wrong customer"))
    assert kinds(said) == ["step_cancelled a"]
    play.complete("c")
    assert play.statuses == "a:CANCELLED b:PENDING c:COMPLETED d:PENDING"
    assert play.run_error == {
        "step": "a", "code": "cancelled", "message": "mary cancelled a: wrong customer",
    }  # fmt: skip
    play.retry("a")
    assert play.status("a") == "RUNNING"


def test_the_failure_edge_takes_a_cancelled_step():
    """semantics 1, 4: it is resolved, its failure edge is live and the others are dead."""
    play = Play(dag("a > b, a.failure > c"))
    play.do(CancelStep("a", "mary"))
    assert play.statuses == "a:CANCELLED b:SKIPPED c:RUNNING"
    play.complete("c")
    assert play.state.status == "COMPLETED"
    assert play.error("a")["message"] == "mary cancelled a."


def test_on_failure_continue_goes_on_with_a_null_output():
    """semantic 4."""
    play = Play(dag("a > b", a={"on_failure": {"action": "continue"}}))
    play.do(CancelStep("a", "mary"))
    assert play.statuses == "a:CANCELLED b:RUNNING"
    assert play.state.steps["a"].output is None


def test_neither_retry_nor_rollback_answers_a_person():
    """semantic 4: a person has decided."""
    policy = {"action": "rollback", "to": "a"}
    play = Play(dag("a > b", b={"retry": {"max_attempts": 3}, "on_failure": policy}))
    play.complete("a")
    play.do(CancelStep("b", "mary"))
    assert play.state.status == "FAILED"


def test_a_question_that_is_cancelled_no_longer_counts():
    """semantic 5: approvals of cancelled steps are void."""
    play = Play(dag("a", a={"type": "approval"}))
    pk = play.ask("a")
    assert kinds(play.do(CancelStep("a", "john"))) == ["approval_voided a", "step_cancelled a", "run_failed"]
    with pytest.raises(Conflict) as refused:
        play.vote(pk)
    assert refused.value.code == "voided"


def test_what_a_cancelled_step_still_reports_is_late():
    play = Play(dag("a > b, a.failure > c"))
    where = play.now_at("a")
    play.do(CancelStep("a", "mary"))
    assert play.now_at("a") == where
    assert kinds(play.complete("a")) == ["late_result_ignored a"]


@pytest.mark.parametrize(
    ("key", "code"), [("a", "not_active"), ("c", "not_active"), ("nobody", "unknown_step")]
)
def test_only_a_step_that_runs_or_waits_can_be_cancelled(key, code):
    play = Play(dag("a > b > c"))
    play.complete("a")
    with pytest.raises(Conflict) as refused:
        play.do(CancelStep(key, "mary"))
    assert refused.value.code == code


def test_a_run_that_does_not_go_on_refuses_it():
    play = Play(dag("a > b"))
    play.complete("a")
    play.roll_back("a")
    with pytest.raises(Conflict) as refused:
        play.do(CancelStep("b", "mary"))
    assert refused.value.code == "rolling_back"
    play.complete("b")
    play.cancel()
    with pytest.raises(Conflict) as refused:
        play.do(CancelStep("a", "mary"))
    assert refused.value.code == "not_running"
