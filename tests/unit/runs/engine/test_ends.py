"""How runs and waits end: cancel, delays, late results, and semantic 9."""

import pytest

from builder.graph import build
from orchestrator.errors import Conflict
from runs.engine.commands import Complete, Fail, Interrupt, Kick, Start
from tests.unit.runs.engine.dags import dag, ports_of
from tests.unit.runs.engine.play import Play, kinds


def test_a_run_ends_when_nothing_runs_waits_or_can_start():
    """semantic 9: a run ends COMPLETED when nothing runs, waits or can start."""
    play = Play(dag("a > b, c, d", d={"type": "delay"}))
    play.sleep("d", 1)
    play.complete("a")
    play.complete("c")
    play.complete("b")
    assert play.state.status == "WAITING"
    play.wait(1)
    said = play.due("d", "delay")
    assert said[-1] == {"kind": "run_completed", "data": {"output": None, "last": ["b", "c", "d"]}}
    assert play.state.finished_at == "2026-01-05T09:00:01.000+00:00"


def test_a_run_whose_steps_are_all_skipped_completes():
    """semantic 9: what was skipped does not keep a run from completing."""
    play = Play(dag("a.failure > b > c"))
    play.complete("a")
    assert (play.statuses, play.state.status) == ("a:COMPLETED b:SKIPPED c:SKIPPED", "COMPLETED")


def test_a_run_without_steps_completes_at_once():
    play = Play(build({"steps": [], "edges": []}, ports_of))
    assert kinds(play.journal[0][2]) == ["run_started", "run_completed"]


def test_after_the_end_results_and_starts_change_nothing():
    """semantic 9: a terminal status changes only by an explicit retry or rollback entry."""
    play = Play(dag("a"))
    play.complete("a")
    for command in (
        Complete("a", 1, 1), Complete("a", 1, 2), Fail("a", 1, 1, {"code": "x"}), Kick(),
        Interrupt("a", 1, 1, "w1"), Start({}, {}, 1),
    ):  # fmt: skip
        assert play.do(command) == []
    assert play.state.status == "COMPLETED"


def test_starting_twice_says_nothing():
    play = Play(dag("a"))
    assert play.do(Start({}, {}, 1)) == []
    assert (play.state.input, play.state.user["username"], play.state.version) == (
        {"message": "hi"},
        "mary",
        3,
    )


def test_cancel_stops_everything_at_once():
    play = Play(dag("a > b, c, d", d={"type": "delay"}))
    play.sleep("d", 60)
    assert kinds(play.cancel()) == [
        "step_cancelled a", "step_cancelled c", "step_cancelled d", "run_cancelled",
    ]  # fmt: skip
    assert (play.statuses, play.state.status) == (
        "a:CANCELLED b:PENDING c:CANCELLED d:CANCELLED",
        "CANCELLED",
    )
    assert play.due("d", "delay") == []


def test_a_result_after_a_cancel_is_recorded_as_ignored_once():
    play = Play(dag("a"))
    play.cancel()
    late = Complete("a", 1, 1, ("success",), usage={"input_tokens": 3, "output_tokens": 4})
    said = play.do(late)
    assert kinds(said) == ["late_result_ignored a"]
    assert (said[0]["epoch"], said[0]["attempt"], play.state.tokens) == (1, 1, 7)
    assert play.do(late) == []
    assert (play.status("a"), play.state.status) == ("CANCELLED", "CANCELLED")


def test_a_cancelled_run_can_be_tried_again():
    """semantic 5: CANCELLED steps go back to PENDING too, and the run goes on where it stopped."""
    play = Play(dag("a > b, c"), window=1)
    play.cancel()
    assert kinds(play.retry()) == ["run_retried", "step_started c"]
    play.complete("c")
    play.complete("a")
    play.complete("b")
    assert play.state.status == "COMPLETED"


def test_a_run_cancelled_before_its_first_step_can_be_tried_again():
    play = Play(dag("a"), worker="")
    play.cancel()
    play.worker = "w2"
    assert kinds(play.retry()) == ["run_retried", "step_started a"]


def test_a_run_that_never_started_can_be_cancelled_for_good():
    play = Play(dag("a"), start=False)
    assert kinds(play.cancel()) == ["run_cancelled"]
    assert play.do(Start({}, {}, 1)) == []
    with pytest.raises(Conflict) as refusal:
        play.retry()
    assert refusal.value.code == "not_failed"


def test_an_ended_run_cannot_be_cancelled():
    play = Play(dag("a"))
    play.complete("a")
    with pytest.raises(Conflict) as refusal:
        play.cancel()
    assert refusal.value.code == "not_running"


def test_a_delay_completes_with_what_it_waited():
    play = Play(dag("d > b", d={"type": "delay"}))
    play.sleep("d", 1.5, note="x")
    assert (play.state.steps["d"].wait or {})["due_at"] == "2026-01-05T09:00:01.500+00:00"
    play.wait(2)
    assert kinds(play.due("d", "delay")) == ["step_completed d", "step_started b"]
    assert play.state.steps["d"].output == {"note": "x", "waited_s": 2.0}


def test_a_clock_that_was_set_back_does_not_make_a_delay_negative():
    play = Play(dag("d", d={"type": "delay"}))
    play.sleep("d", -3600)
    play.wait(-60)
    play.due("d", "delay")
    assert play.state.steps["d"].output == {"waited_s": 0.0}


def test_an_interrupted_step_starts_again_in_the_same_epoch_with_a_new_attempt():
    play = Play(dag("a"))
    play.worker = "w2"
    assert kinds(play.do(Interrupt("a", 1, 1, "w1"))) == ["step_interrupted a", "step_started a"]
    step = play.state.steps["a"]
    assert (step.epoch, step.attempt, step.worker, step.failures) == (1, 2, "w2", 0)
    assert play.do(Interrupt("a", 1, 1, "w1")) == [], "any number of processes may recover at once"


def test_the_result_of_a_worker_that_was_believed_gone_is_ignored():
    play = Play(dag("a"))
    play.interrupt("a")
    assert kinds(play.do(Complete("a", 1, 1))) == ["late_result_ignored a"]
    assert play.status("a") == "RUNNING"
    play.complete("a")
    assert play.state.status == "COMPLETED"


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_step_that_answers_after_its_timeout_is_late(attempts):
    play = Play(dag("a", a={"retry": {"max_attempts": attempts, "delay_s": 0}}))
    play.fail("a", code="timeout", retryable=True)
    assert kinds(play.do(Complete("a", 1, 1))) == ["late_result_ignored a"]
    assert play.status("a") == ("WAITING" if attempts == 2 else "FAILED")


def test_a_step_that_times_out_while_it_is_undone_may_still_answer_late():
    """semantic 6: a rollback waits for running descendants, at most their timeout."""
    play = Play(dag("a > b"))
    play.complete("a")
    play.roll_back("a")
    assert kinds(play.fail("b", code="timeout"))[0] == "step_cancelled b"
    assert play.status("a") == "RUNNING"
    assert kinds(play.do(Complete("b", 1, 1))) == ["late_result_ignored b"]
