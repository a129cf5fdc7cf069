"""Semantics 4 and 5: what a failure does."""

import pytest

from orchestrator.errors import Conflict
from runs.engine.commands import Due, RetryRun
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds

RETRY = {"retry": {"max_attempts": 3, "delay_s": 2, "backoff": 3, "max_delay_s": 5}}


def test_a_failure_with_an_edge_is_handled():
    """semantic 4: a step that ends on failure with an edge there is handled: the run goes on along it."""
    play = Play(dag("a > b, a.failure > c"))
    play.fail("a")
    assert play.statuses == "a:FAILED b:SKIPPED c:RUNNING"
    play.complete("c")
    assert play.state.status == "COMPLETED"
    assert play.state.error is None


def test_continue_makes_the_success_edges_live():
    """semantic 4: continue: the success edges are live all the same, the output null, the error readable."""
    play = Play(dag("a > b", a={"on_failure": {"action": "continue"}}))
    play.complete("a", "failure", output={"passed": False}, reason="Too long.")
    step = play.state.steps["a"]
    assert play.statuses == "a:FAILED b:RUNNING"
    assert (step.output, play.error("a")["message"], step.ports) == (None, "Too long.", ("success",))
    play.complete("b")
    assert play.state.status == "COMPLETED"


def test_continue_gives_up_a_stored_output_too():
    play = Play(dag("a", a={"on_failure": {"action": "continue"}}))
    play.complete("a", "failure", payload={"sha256": "ab", "size": 70_000})
    assert (play.state.steps["a"].payload, play.state.steps["a"].output) == (None, None)


def test_an_edge_on_failure_goes_before_continue():
    """semantic 4: what is handled does not apply on_failure."""
    play = Play(dag("a > b, a.failure > c", a={"on_failure": {"action": "continue"}}))
    play.fail("a")
    assert play.statuses == "a:FAILED b:SKIPPED c:RUNNING"


def test_continue_is_for_types_with_a_success_port_only():
    """semantic 4: continue means nothing where there is no success port: the run fails."""
    play = Play(dag("a.a > b", a={"type": "condition", "on_failure": {"action": "continue"}}))
    play.fail("a")
    assert play.statuses == "a:FAILED b:PENDING"
    assert play.state.status == "FAILED"


def test_fail_starts_nothing_new_and_lets_running_steps_end():
    """semantic 5: nothing new starts, running steps end, then the run is FAILED."""
    play = Play(dag("a > x, b > y"))
    assert kinds(play.fail("a", "kaput")) == ["step_failed a"]
    assert play.state.status == "RUNNING"
    assert kinds(play.complete("b")) == ["step_completed b", "run_failed"]
    assert play.statuses == "a:FAILED x:PENDING b:COMPLETED y:PENDING"
    assert play.state.error == {"step": "a", "code": "boom", "message": "kaput"}


def test_fail_cancels_what_waits_and_voids_its_questions():
    """semantic 5: waiting steps become CANCELLED and their approvals void."""
    play = Play(dag("a, b, c, d", b={"type": "approval"}, d={"type": "delay"}))
    pk = play.ask("b")
    play.sleep("d", 60)
    said = play.fail("a")
    assert kinds(said) == ["step_failed a", "approval_voided b", "step_cancelled b", "step_cancelled d"]
    assert play.statuses == "a:FAILED b:CANCELLED c:RUNNING d:CANCELLED"
    with pytest.raises(Conflict) as refusal:
        play.vote(pk)
    assert refusal.value.code == "voided"
    assert play.complete("c")[-1]["kind"] == "run_failed"


def test_a_step_that_would_begin_to_wait_in_a_failing_run_stops():
    """semantic 5: a running step that asks or sleeps now is CANCELLED, since it could not start again."""
    play = Play(dag("a, b, c, d", b={"type": "approval"}, c={"type": "delay"}))
    play.fail("a")
    play.ask("b")
    assert kinds(play.sleep("c", 5)) == ["step_cancelled c", "late_result_ignored c"]
    assert kinds(play.interrupt("d")) == ["step_cancelled d", "run_failed"]
    assert play.statuses == "a:FAILED b:CANCELLED c:CANCELLED d:CANCELLED"
    assert play.state.approvals == {}


def test_a_failing_run_tries_nothing_again():
    """semantic 5: nothing new starts, no next attempt either."""
    play = Play(dag("a, b", b=RETRY))
    play.fail("a")
    play.fail("b", retryable=True)
    assert play.statuses == "a:FAILED b:FAILED"
    assert play.run_error["step"] == "a", "the first failure is the run's"


def test_a_failure_that_is_handled_while_the_run_fails_starts_nothing():
    """semantic 5: the edges of a handled failure count, and their targets wait for a person's retry."""
    play = Play(dag("a, b.failure > c"))
    play.fail("a")
    play.fail("b")
    assert (play.state.status, play.status("c")) == ("FAILED", "PENDING")
    play.retry()
    assert play.status("c") == "RUNNING"


def test_retries_come_first():
    """semantic 4: retries come before on_failure and before the failure edge."""
    play = Play(dag("a.failure > b", a=RETRY))
    said = play.fail("a", retryable=True)
    assert said[0]["data"]["delay_s"] == 2
    assert play.state.steps["a"].wait == {"kind": "retry", "due_at": "2026-01-05T09:00:02.000+00:00"}
    assert (play.status("a"), play.state.status) == ("WAITING", "WAITING")
    play.wait(2)
    assert kinds(play.due("a", "retry")) == ["step_started a"]
    assert play.fail("a", retryable=True)[0]["data"]["delay_s"] == 5, "2 * 3, at most 5"
    play.wait(5)
    play.due("a", "retry")
    assert kinds(play.fail("a", retryable=True)) == ["step_failed a", "step_started b"]
    assert play.state.steps["a"].failures == 3


def test_an_error_that_is_not_retryable_ends_the_attempts():
    """semantic 4: retry tries again only what may succeed."""
    play = Play(dag("a", a=RETRY))
    play.fail("a", retryable=False)
    assert play.state.status == "FAILED"


def test_a_verdict_is_no_error_to_try_again():
    """semantic 4: a validation that ends on failure has ended; retry is for attempts that raise."""
    play = Play(dag("a", a=RETRY))
    play.complete("a", "failure")
    assert play.status("a") == "FAILED"


def test_a_timer_counts_once_and_not_before_its_time():
    play = Play(dag("a", a=RETRY))
    play.fail("a", retryable=True)
    timer = Due("a", 1, 1, "retry")
    play.wait(1.999)
    assert play.do(timer) == []
    play.wait(0.001)
    assert play.do(Due("a", 1, 1, "delay")) == [], "another kind of timer"
    assert kinds(play.do(timer)) == ["step_started a"]
    assert play.do(timer) == []
    assert play.do(Due("nobody", 1, 1, "retry")) == []


def test_a_next_attempt_waits_for_its_turn():
    play = Play(dag("a, b, c", a=RETRY), window=1)
    play.fail("a", retryable=True)
    play.wait(2)
    assert kinds(play.due("a", "retry")) == ["step_queued a"]
    assert play.statuses == "a:PENDING b:RUNNING c:PENDING"
    play.complete("b")
    play.complete("c")
    assert play.started() == ["a", "b", "c", "a"]
    assert play.state.steps["a"].attempt == 2


def test_retrying_the_run_takes_failed_and_cancelled_steps_back_in_the_same_epoch():
    """semantic 5: a person can retry: FAILED and CANCELLED steps go back to PENDING in the same epoch."""
    play = Play(dag("a > x, b.approved > y", b={"type": "approval"}))
    pk = play.ask("b")
    play.fail("a")
    assert play.state.status == "FAILED"
    assert kinds(play.retry()) == ["run_retried", "step_started a", "step_started b"]
    assert {key: (step.epoch, step.attempt) for key, step in play.state.steps.items()} == {
        "a": (1, 2), "x": (1, 0), "b": (1, 2), "y": (1, 0),
    }  # fmt: skip
    play.complete("a")
    play.complete("x")
    assert play.ask("b") != pk
    assert play.state.error is None


def test_retrying_gives_all_attempts_again():
    """semantic 5: a retry by a person starts the count of attempts anew."""
    play = Play(dag("a", a={"retry": {"max_attempts": 2, "delay_s": 0}}))
    for _ in range(2):
        play.fail("a", retryable=True)
        assert play.status("a") == "WAITING"
        play.due("a", "retry")
        play.fail("a", retryable=True)
        assert play.state.status == "FAILED"
        play.retry()


def test_retrying_one_step_leaves_the_others_failed():
    """semantic 5: of several failures a person may retry some; the run fails again while one stands."""
    play = Play(dag("a > x, b > y, c", c={"type": "approval"}))
    play.ask("c")
    play.fail("a")
    play.fail("b")
    assert kinds(play.retry("a")) == ["run_retried", "step_started a"]
    play.complete("a")
    assert kinds(play.complete("x")) == ["step_completed x", "run_failed"]
    assert play.run_error["step"] == "b"
    play.retry("b")
    play.complete("b")
    play.complete("y")
    assert play.state.error == {"step": "c", "code": "cancelled", "message": "Step c was cancelled."}
    play.retry("c")
    assert play.status("c") == "RUNNING"


@pytest.mark.parametrize(("steps", "code"), [(("b",), "not_failed"), (("nobody",), "unknown_step")])
def test_only_what_failed_can_be_retried(steps, code):
    play = Play(dag("a, b"))
    play.complete("b")
    play.fail("a")
    with pytest.raises(Conflict) as refusal:
        play.retry(*steps)
    assert refusal.value.code == code


def test_a_handled_failure_is_not_retried():
    """semantic 4: the run went on along its edge."""
    play = Play(dag("a, b.failure > c"))
    play.fail("b")
    play.complete("c")
    play.fail("a")
    with pytest.raises(Conflict, match="nothing to be tried again"):
        play.retry("b")
    assert play.retry()[0]["data"]["steps"] == ["a"]


def test_a_run_that_goes_on_or_has_completed_cannot_be_retried():
    play = Play(dag("a"))
    with pytest.raises(Conflict) as refusal:
        play.retry()
    assert refusal.value.code == "not_failed"
    play.complete("a")
    with pytest.raises(Conflict):
        play.do(RetryRun("mary"))


def test_the_tenth_interruption_in_a_row_fails_the_step():
    """Interruptions do not use up max_attempts; the tenth in a row fails the step."""
    play = Play(dag("a.failure > b", a=RETRY))
    for number in range(1, 10):
        assert kinds(play.interrupt("a")) == ["step_interrupted a", "step_started a"]
        assert (play.state.steps["a"].interruptions, play.state.steps["a"].attempt) == (number, number + 1)
    assert kinds(play.interrupt("a")) == ["step_failed a", "step_started b"]
    assert play.error("a")["code"] == "interrupted"


def test_an_attempt_that_answers_ends_the_row_of_interruptions():
    play = Play(dag("a", a={"retry": {"max_attempts": 3, "delay_s": 0}}))
    for _ in range(9):
        play.interrupt("a")
    play.fail("a", retryable=True)
    play.due("a", "retry")
    assert kinds(play.interrupt("a")) == ["step_interrupted a", "step_started a"]
    assert play.state.steps["a"].failures == 1
