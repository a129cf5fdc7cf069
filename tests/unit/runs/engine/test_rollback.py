"""Semantic 6: every completed step is a checkpoint."""

import pytest

from orchestrator.errors import Conflict
from runs.engine.commands import Complete, Interrupt
from runs.engine.events import Event
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds


def resets(events: list[Event]) -> dict[str, int]:
    return {event["step"]: event["epoch"] for event in events if event["kind"] == "step_reset"}


def test_a_rollback_resets_the_step_and_its_descendants_and_goes_on_from_there():
    """semantic 6: S and all its descendants become PENDING with a new epoch, and the run goes on from S."""
    play = Play(dag("a > b > c, a > d"))
    for key in "abd":
        play.complete(key, output={"of": key})
    play.complete("c")
    assert play.state.status == "COMPLETED"
    said = play.roll_back("b", "wrong")
    assert kinds(said) == [
        "rollback_started", "step_reset b", "step_reset c", "rollback_finished", "step_started b",
    ]  # fmt: skip
    assert play.statuses == "a:COMPLETED b:RUNNING c:PENDING d:COMPLETED"
    assert (play.state.status, play.state.finished_at) == ("RUNNING", None)
    assert play.state.steps["d"].output == {"of": "d"}
    play.complete("b")
    play.complete("c")
    assert play.started() == ["a", "b", "d", "c", "b", "c"], "the others keep their outputs and do not run"
    assert (play.state.steps["c"].epoch, play.state.steps["c"].attempt) == (2, 1)


def test_skipped_descendants_are_reset_too():
    """semantic 6: SKIPPED ones too; another answer may lead along them."""
    play = Play(dag("a > q, q.a > x, q.b > y", q={"type": "condition"}))
    play.complete("a")
    play.complete("q", "a")
    play.complete("x")
    assert play.statuses == "a:COMPLETED q:COMPLETED x:COMPLETED y:SKIPPED"
    assert resets(play.roll_back("q")) == {"q": 2, "x": 2, "y": 2}
    play.complete("q", "b")
    assert play.statuses == "a:COMPLETED q:COMPLETED x:SKIPPED y:RUNNING"


def test_ended_steps_are_undone_in_reverse_order_of_completion():
    """semantic 6: effects are undone in reverse order of completion; what runs or waits is stopped first."""
    play = Play(dag("a > b, a > c, a > d, a > e, e.failure > f", d={"type": "approval"}))
    play.complete("a")
    play.complete("c")
    play.complete("b")
    play.ask("d")
    said = play.roll_back("a")
    assert said[0]["data"]["steps"] == ["d", "e", "b", "c", "a", "f"]


def test_a_rollback_waits_for_running_descendants():
    """semantic 6: running steps are cancelled; the reset happens when each of them has reported."""
    play = Play(dag("a > b, a > c, x > y"))
    play.complete("a")
    assert kinds(play.roll_back("a")) == ["rollback_started"]
    assert play.state.status == "ROLLING_BACK"
    assert kinds(play.complete("b", usage={"input_tokens": 9}, cost=1.5)) == [
        "step_cancelled b", "late_result_ignored b",
    ]  # fmt: skip
    assert (play.state.tokens, play.state.cost) == (9, 1.5), "what is thrown away was paid all the same"
    said = play.fail("c")
    assert kinds(said)[:3] == ["step_cancelled c", "late_result_ignored c", "step_reset a"]
    assert kinds(said)[-2:] == ["rollback_finished", "step_started a"]
    assert play.statuses == "a:RUNNING b:PENDING c:PENDING x:RUNNING y:PENDING"


@pytest.mark.parametrize("how", ["ask", "sleep", "interrupt"])
def test_any_report_of_a_step_that_is_undone_stops_it(how):
    """semantic 6: asking, sleeping and a lost worker all say that the step has stopped."""
    play = Play(dag("a > b", b={"type": "approval"}))
    play.complete("a")
    play.roll_back("a")
    getattr(play, how)("b", **({"seconds": 3} if how == "sleep" else {}))
    assert play.statuses == "a:RUNNING b:PENDING"
    assert play.state.approvals == {}


def test_while_rolling_back_nothing_starts():
    """semantic 6: while ROLLING_BACK nothing starts; what ends elsewhere frees its followers for later."""
    play = Play(dag("a > b, x > y, w", w={"retry": {"max_attempts": 2, "delay_s": 0}}))
    play.complete("a")
    play.fail("w", retryable=True)
    play.roll_back("a")
    assert kinds(play.complete("x")) == ["step_completed x"]
    assert kinds(play.due("w", "retry")) == ["step_queued w"]
    assert kinds(play.complete("b"))[-4:] == [
        "rollback_finished", "step_started y", "step_started w", "step_started a",
    ]  # fmt: skip


def test_while_rolling_back_another_rollback_a_retry_and_a_cancel_are_refused():
    """semantic 6: while ROLLING_BACK another rollback answers 409."""
    play = Play(dag("a > b"))
    play.complete("a")
    play.roll_back("a")
    for act in (lambda: play.roll_back("a"), play.cancel, play.retry, lambda: play.preview("a")):
        with pytest.raises(Conflict) as refusal:
            act()
        assert refusal.value.code == "rolling_back"


def test_questions_there_are_void_answered_or_not():
    """semantic 6: approvals there are voided."""
    play = Play(dag("a > b, b.approved > c, a > d", b={"type": "approval"}, d={"type": "approval"}))
    play.complete("a")
    answered, open_ = play.ask("b"), play.ask("d")
    play.vote(answered)
    play.complete("c")
    assert kinds(play.roll_back("a"))[:4] == [
        "rollback_started", "approval_voided d", "step_cancelled d", "approval_voided b",
    ]  # fmt: skip
    for pk in (answered, open_):
        with pytest.raises(Conflict) as refusal:
            play.vote(pk)
        assert refusal.value.code == "voided"
    play.complete("a")
    assert play.vote(play.ask("b"))[0]["kind"] == "approval_decided", "the question is open again"


def test_questions_elsewhere_stay_open_and_can_be_answered_meanwhile():
    """semantic 6: other steps are not touched."""
    play = Play(dag("a > b, q.approved > r", q={"type": "approval"}))
    pk = play.ask("q")
    play.complete("a")
    play.roll_back("a")
    assert kinds(play.vote(pk)) == ["approval_decided q", "step_completed q"]
    play.complete("b")
    assert play.statuses == "a:RUNNING b:PENDING q:COMPLETED r:RUNNING"


def test_unhandled_failures_elsewhere_are_retried_with_it():
    """semantic 6: unhandled failures elsewhere are retried with it, in their epoch."""
    play = Play(dag("a > b, x > y, w"))
    play.complete("a")
    play.complete("b")
    play.sleep("w", 60)
    play.fail("x")
    assert play.statuses == "a:COMPLETED b:COMPLETED x:FAILED y:PENDING w:CANCELLED"
    said = play.roll_back("b")
    assert resets(said) == {"b": 2, "x": 1, "w": 1}
    assert play.statuses == "a:COMPLETED b:RUNNING x:RUNNING y:PENDING w:RUNNING"
    assert (play.state.steps["x"].attempt, play.state.steps["x"].error, play.state.error) == (2, None, None)


def test_a_failure_elsewhere_while_rolling_back_is_retried_too():
    """semantic 6: the run does not fail over it before the rollback has finished."""
    play = Play(dag("a > b, x > y, q", q={"type": "approval"}))
    pk = play.ask("q")
    play.complete("a")
    play.roll_back("a")
    assert kinds(play.fail("x")) == ["step_failed x"]
    assert play.status("q") == "WAITING"
    assert resets(play.complete("b")) == {"a": 2, "b": 2, "x": 1}
    assert play.statuses == "a:RUNNING b:PENDING x:RUNNING y:PENDING q:WAITING"
    play.vote(pk)


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
def test_ended_runs_can_be_rolled_back_too(end):
    """semantic 6: COMPLETED, FAILED and CANCELLED runs can be rolled back too."""
    play = Play(dag("a > b"))
    play.complete("a")
    play.cancel() if end == "cancel" else getattr(play, end)("b")
    status = play.state.status
    play.roll_back("a")
    assert status in ("COMPLETED", "FAILED", "CANCELLED")
    assert (play.statuses, play.state.status) == ("a:RUNNING b:PENDING", "RUNNING")


def test_a_run_that_fails_can_be_rolled_back_before_it_has_ended():
    """semantic 5: a person can roll back; the failure that stands is tried again with it."""
    play = Play(dag("a > b, x, z"))
    play.complete("a")
    play.complete("b")
    play.fail("x")
    play.roll_back("b")
    assert play.statuses == "a:COMPLETED b:RUNNING x:RUNNING z:RUNNING"
    assert not play.state.failing


def test_a_failed_or_cancelled_step_can_be_gone_back_to():
    """semantic 6: with its descendants, as a retry would not."""
    play = Play(dag("a > b"))
    play.fail("a")
    assert resets(play.roll_back("a")) == {"a": 2, "b": 2}
    play.cancel()
    assert resets(play.roll_back("a")) == {"a": 3, "b": 3}


def test_only_a_step_that_has_ended_is_a_checkpoint():
    """semantic 6: running, waiting, pending and skipped steps are none."""
    play = Play(dag("a, b, q.a > s, c > d", b={"type": "approval"}, q={"type": "condition"}))
    play.ask("b")
    play.complete("q", "b")
    for key in "absd":
        with pytest.raises(Conflict) as refusal:
            play.roll_back(key)
        assert (refusal.value.code, refusal.value.details) == ("not_a_checkpoint", {"step": key})
    with pytest.raises(Conflict) as refusal:
        play.roll_back("nobody")
    assert refusal.value.code == "unknown_step"


def test_rolling_back_the_whole_run_undoes_everything_and_ends_it():
    """semantic 6: rolling back the whole run undoes everything and ends it ROLLED_BACK."""
    play = Play(dag("a > b, c"))
    play.complete("a")
    assert kinds(play.roll_back(None)) == ["rollback_started"]
    play.complete("b")
    said = play.complete("c")
    assert kinds(said)[-2:] == ["rollback_finished", "run_rolled_back"]
    assert said[-1]["data"] == {"by": "mary", "reason": "again"}
    assert play.statuses == "a:PENDING b:PENDING c:PENDING"
    assert play.state.status == "ROLLED_BACK"
    for to in (None, "a"):
        with pytest.raises(Conflict) as refusal:
            play.roll_back(to)
        assert refusal.value.code == "not_running"


def test_a_run_that_has_not_started_cannot_be_rolled_back():
    play = Play(dag("a"), start=False)
    with pytest.raises(Conflict) as refusal:
        play.roll_back(None)
    assert refusal.value.code == "not_running"


def test_joins_see_both_the_reset_and_the_kept_edges():
    """semantic 6: a join below the checkpoint counts the kept edges and waits for the others again."""
    play = Play(dag("a > j, b > j, b.failure > k, a > k", j={"join": "all"}, k={"join": "all"}))
    play.complete("a")
    play.complete("b")
    play.complete("j")
    assert play.statuses == "a:COMPLETED j:COMPLETED b:COMPLETED k:SKIPPED"
    play.roll_back("b")
    assert (play.state.steps["j"].left, play.state.steps["j"].live) == (1, 1)
    play.fail("b")
    assert play.statuses == "a:COMPLETED j:SKIPPED b:FAILED k:RUNNING"


def test_a_join_that_a_kept_edge_already_decides_does_not_wait():
    """semantic 2: join first starts at the live edge that was kept; join all is SKIPPED by a dead one."""
    play = Play(
        dag("a > f, b > f, a.failure > l, b > l", f={"join": "first"}, l={"join": "all"}),
    )
    play.complete("a")
    play.complete("f")
    play.complete("b")
    said = play.roll_back("b")
    assert kinds(said)[-3:] == ["step_skipped l", "step_started b", "step_started f"]


def test_what_ends_elsewhere_while_rolling_back_counts_for_the_steps_that_are_reset():
    """semantic 6: a step below the checkpoint may have other sources; their edges count when they end."""
    play = Play(dag("a > j, x > j, a > b", j={"join": "first"}))
    play.complete("a")
    play.complete("j")
    play.roll_back("a")
    play.complete("x")
    assert play.status("j") == "COMPLETED"
    play.complete("b")
    assert play.statuses == "a:RUNNING j:RUNNING x:COMPLETED b:PENDING"


def test_a_result_of_the_epoch_before_is_recorded_as_ignored_once():
    """semantic 6: late results carry an old epoch: recorded as ignored, no status changes."""
    play = Play(dag("a > b"))
    play.complete("a")
    play.roll_back("a")
    play.do(Interrupt("b", 1, 1, "w1"))
    late = Complete("b", 1, 1, ("success",), {"x": 1})
    assert kinds(play.do(late)) == ["late_result_ignored b"]
    assert play.do(late) == []
    assert play.do(Complete("a", 1, 1)) == [], "a duplicate of what was taken then"
    assert play.statuses == "a:RUNNING b:PENDING"


def test_what_happened_before_stays_in_the_journal():
    """semantic 6: what happened before stays in the journal."""
    play = Play(dag("a > b"))
    play.complete("a", output={"n": 1})
    before = list(play.journal)
    play.complete("b")
    play.roll_back("a")
    assert play.journal[: len(before)] == before
