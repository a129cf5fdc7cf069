"""Semantics 4 and 7: a failure that rolls the run back by itself."""

from typing import Any

import pytest

from runs.engine.commands import Interrupt
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds


def back(to: str | None, times: int = 1) -> dict[str, Any]:
    return {"on_failure": {"action": "rollback", "to": to, "max_times": times}}


def test_an_unhandled_failure_rolls_back_to_a_step_upstream():
    """semantic 4: on_failure rollback: to is one upstream of it."""
    play = Play(dag("draft > check > send", check=back("draft")))
    play.complete("draft")
    said = play.complete("check", "failure", reason="Too long.")
    assert kinds(said) == [
        "step_failed check", "rollback_started", "step_reset draft", "step_reset check", "step_reset send",
        "rollback_finished", "step_started draft",
    ]  # fmt: skip
    data = said[1]["data"]
    assert (data["automatic"], data["by"], data["cause"], data["reason"]) == (
        True,
        None,
        "check",
        "Too long.",
    )


def test_an_unhandled_failure_rolls_back_to_itself():
    """semantic 4: to is the step itself; with a new epoch its calls are new calls."""
    play = Play(dag("a", a=back("a")))
    play.fail("a")
    assert (play.status("a"), play.state.steps["a"].epoch, play.state.steps["a"].attempt) == ("RUNNING", 2, 1)


def test_re_executed_steps_see_why_and_how_often():
    """semantic 7: the re-executed steps see rollback.reason and rollback.count."""
    play = Play(dag("first > draft > check", check=back("draft", 2)))
    play.complete("first")
    for number in (1, 2):
        play.complete("draft")
        play.complete("check", "failure", reason=f"Bad {number}.")
        why = {"reason": f"Bad {number}.", "count": number}
        assert play.state.reasons == {"draft": why, "check": why}


def test_max_times_bounds_it_and_then_the_run_fails():
    """semantic 7: max_times bounds it, and then the run fails."""
    play = Play(dag("draft > check", check=back("draft", 2)))
    for _ in range(3):
        play.complete("draft")
        play.fail("check", "Bad.")
    assert (play.state.status, play.run_error["step"]) == ("FAILED", "check")
    assert play.state.rollback_counts == {"check": 2}
    assert play.started().count("draft") == 3


@pytest.mark.parametrize("act", [lambda play: play.retry(), lambda play: play.roll_back("draft")])
def test_after_a_person_has_acted_it_may_roll_back_by_itself_again(act):
    """semantic 7: the bound is on what happens by itself; a person who acts gives all times again."""
    play = Play(dag("draft > check", check=back("draft")))
    play.complete("draft")
    play.fail("check")
    play.complete("draft")
    play.fail("check")
    assert play.state.status == "FAILED"
    act(play)
    if play.status("draft") == "RUNNING":
        play.complete("draft")
    play.fail("check")
    assert play.statuses == "draft:RUNNING check:PENDING"


def test_a_rollback_by_hand_is_counted_with_its_reason():
    """semantic 7: what a person writes as the reason is seen by templates too."""
    play = Play(dag("draft > check", check=back("draft")))
    play.complete("draft")
    play.fail("check", "Bad.")
    play.complete("draft")
    play.complete("check")
    said = play.roll_back("draft", "Be kinder.")
    assert said[0]["data"]["count"] == 2
    assert play.state.reasons["draft"] == {"reason": "Be kinder.", "count": 2}


def test_it_waits_for_what_runs_below_and_leaves_alone_what_runs_beside():
    """semantic 6: an automatic rollback goes the way of every other one."""
    play = Play(dag("a > bad, a > slow, x > y", bad=back("a")))
    play.complete("a")
    assert kinds(play.fail("bad")) == ["step_failed bad", "rollback_started"]
    assert play.state.status == "ROLLING_BACK"
    play.complete("x")
    play.complete("slow")
    assert play.statuses == "a:RUNNING bad:PENDING slow:PENDING x:COMPLETED y:RUNNING"


def test_it_can_go_back_to_a_step_that_still_runs():
    """semantic 4: with join first a step upstream may still run; the rollback waits for it."""
    play = Play(dag("a > c, slow > c", c={"join": "first", **back("slow")}))
    play.complete("a")
    assert kinds(play.fail("c")) == ["step_failed c", "rollback_started"]
    play.complete("slow")
    assert play.statuses == "a:COMPLETED c:RUNNING slow:RUNNING"
    assert play.state.steps["slow"].epoch == 2


@pytest.mark.parametrize("to", ["below", "beside", "skipped", "nobody", None])
def test_a_target_that_cannot_be_gone_back_to_fails_the_run(to):
    """semantic 4: to is the step itself or one upstream of it; anything else is as if it said fail."""
    graph = dag("q.a > skipped > bad, q.b > bad, bad > below, beside", q={"type": "condition"}, bad=back(to))
    play = Play(graph)
    play.complete("beside")
    play.complete("q", "b")
    play.fail("bad")
    assert play.state.status == "FAILED"


def test_a_run_that_fails_does_not_roll_back_by_itself():
    """semantic 5: nothing new starts once a failure stands."""
    play = Play(dag("a > bad, x", bad=back("a")))
    play.complete("a")
    play.fail("x")
    play.fail("bad")
    assert (play.state.status, play.run_error["step"]) == ("FAILED", "x")


def test_two_rollbacks_do_not_cross():
    """semantic 6: while ROLLING_BACK a failure elsewhere starts no other rollback, and is tried again."""
    play = Play(dag("a > bad, a > slow, x > worse", bad=back("a"), worse=back("x")))
    play.complete("a")
    play.complete("x")
    play.fail("bad")
    assert kinds(play.fail("worse")) == ["step_failed worse"]
    play.do(Interrupt("slow", 1, 1, "w1"))
    assert play.statuses == "a:RUNNING bad:PENDING slow:PENDING x:COMPLETED worse:RUNNING"
    play.fail("worse")
    assert (play.status("x"), play.state.rollback_counts) == ("RUNNING", {"bad": 1, "worse": 1})


def test_an_edge_goes_before_a_rollback():
    """semantic 4: what is handled does not apply on_failure."""
    play = Play(dag("a > b, b.failure > c", b=back("a")))
    play.complete("a")
    play.fail("b")
    assert play.statuses == "a:COMPLETED b:FAILED c:RUNNING"


def test_attempts_go_before_a_rollback_and_are_all_there_again_after_it():
    """semantic 4: retries come first."""
    play = Play(dag("a > b", b={"retry": {"max_attempts": 2, "delay_s": 0}, **back("a")}))
    play.complete("a")
    play.fail("b", retryable=True)
    play.due("b", "retry")
    play.fail("b", retryable=True)
    play.complete("a")
    assert play.state.steps["b"].failures == 0
    play.fail("b", retryable=True)
    assert play.status("b") == "WAITING"
