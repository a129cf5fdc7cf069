"""Semantic 6: rollback undoes effects by compensations, one after the other, in reverse order of completion."""

from typing import Any

import pytest

from orchestrator.errors import Conflict, Invalid
from runs.engine.commands import (
    Complete,
    Due,
    Fail,
    Kick,
    Listed,
    Noted,
    Received,
    Resolve,
    Sent,
    UndoFailed,
    UndoInterrupted,
    Undone,
)
from runs.engine.flight import in_flight
from runs.engine.fork import branch
from runs.engine.ledger import last_receipt
from runs.engine.unwinding import half_undone
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds

UNDO = {"compensate": {"type": "task"}}
ERROR = {"code": "boom", "message": "No.", "retryable": False}
AGAIN = {**ERROR, "retryable": True}


def played(**more: Any) -> Play:
    """a, then c, then b have completed; d runs."""
    play = Play(dag("a > b, a > c, b > d", a={**UNDO, **more}, b=UNDO, c=UNDO, d=UNDO))
    for key in "acb":
        play.complete(key)
    return play


def job(play: Play) -> tuple[str, int, int]:
    """The compensation that is at work."""
    (key, epoch), found = next(iter(play.state.undo.items()))
    return key, epoch, found["attempt"]


def undo_all(play: Play) -> list[str]:
    """Everything is undone; returns the steps in the order in which it happened."""
    order = []
    while play.state.undo:
        order.append(job(play)[0])
        play.do(Undone(*job(play)))
    return order


def test_effects_are_undone_in_reverse_order_of_completion_one_after_the_other():
    """semantic 6: and the preview says exactly that."""
    play = played()
    play.interrupt("d")
    play.complete("d")
    preview = play.preview("a")
    assert kinds(play.roll_back("a"))[:2] == ["rollback_started", "compensation_started d"]
    assert play.state.status == "ROLLING_BACK"
    assert undo_all(play) == preview["compensates"] == ["d", "b", "c", "a"]
    assert play.statuses == "a:RUNNING b:PENDING c:PENDING d:PENDING"
    assert play.state.status == "RUNNING"


def test_what_still_runs_is_waited_for_and_undone_first_if_it_succeeds():
    """semantic 6: running steps are cancelled; an effect that succeeds later is compensated when it reports."""
    play = played()
    assert kinds(play.roll_back("a")) == ["rollback_started"]
    said = play.complete("d", output={"id": 4})
    assert kinds(said) == ["step_cancelled d", "late_result_ignored d", "compensation_started d"]
    assert play.state.undo["d", 1]["output"] == {"id": 4}
    assert undo_all(play) == ["d", "b", "c", "a"]


def test_a_result_that_comes_after_the_rollback_is_undone_when_it_comes():
    """semantic 6: late results carry an old epoch; their effect is compensated, once."""
    play = played()
    play.roll_back("a")
    play.interrupt("d")
    undo_all(play)
    late = Complete("d", 1, 1, output={"id": 9})
    assert kinds(play.do(late)) == ["late_result_ignored d", "compensation_started d"]
    play.do(Undone(*job(play)))
    assert play.do(late) == []
    assert play.state.undone["d", 1] == "undone"


def test_a_failed_step_is_undone_if_a_call_of_it_was_answered():
    """semantic 6: partial effects count where they are known; what is not known is said so."""
    play = Play(dag("a, b", a=UNDO, b=UNDO))
    for key in "ab":
        play.do(Sent(*play.now_at(key), 0, f"r:{key}:1:0", "POST https://x"))
    play.do(Noted(*play.now_at("a"), (Received(0, "r:a:1:0", {"id": 1}),)))
    play.fail("a")
    play.fail("b")
    preview = play.preview(None)
    assert (preview["compensates"], preview["unknown"]) == (["a"], ["b"])
    play.roll_back(None)
    assert undo_all(play) == ["a"]
    assert play.state.status == "ROLLED_BACK"


def test_a_call_that_was_refused_is_not_in_doubt():
    """semantic 6: the other side has said that it did nothing."""
    play = Play(dag("a", a={**UNDO, "retry": {"max_attempts": 2}}))
    for _ in range(2):
        play.do(Sent(*play.now_at("a"), 0, "k", "POST https://x"))
        error = {**AGAIN, "refused": True}
        play.do(Fail(*play.now_at("a"), error))
        assert play.state.effects == {}
        play.wait(5)
        play.due("a", "retry")
    assert play.preview(None)["unknown"] == []


def test_receipts_are_kept_for_the_epoch_and_told_once():
    """the ledger: a retry finds the receipt of call n; a completed step needs none."""
    play = Play(dag("a", a={"retry": {"max_attempts": 2, "delay_s": 0}}))
    first = Sent(*play.now_at("a"), 0, "k0", "one")
    assert kinds(play.do(first)) == ["effect_sent a"]
    second = Sent(*play.now_at("a"), 1, "k1", "two", (Received(0, "k0", {"x": 1}),))
    assert kinds(play.do(second)) == ["effect_received a", "effect_sent a"]
    play.fail("a", retryable=True)
    play.due("a", "retry")
    assert play.state.effects["a"]["0"]["receipt"] == {"x": 1}
    assert not play.state.effects["a"]["1"]["received"]
    assert play.do(first) == [], "an attempt that no longer counts must not send"
    payload = {"sha256": "0", "size": 9}
    noted = Noted(*play.now_at("a"), (Received(1, "k1", None, payload),))
    assert kinds(play.do(noted)) == ["effect_received a"]
    assert play.do(noted) == []
    assert play.state.effects["a"]["1"]["payload"] == payload
    play.do(Sent(*play.now_at("a"), 2, "k2", "three", item=4))
    said = play.do(Complete(*play.now_at("a"), received=(Received(1, "k1"),)))
    assert kinds(said) == ["step_completed a", "run_completed"]
    assert play.state.effects == {}


def test_the_last_receipt_is_part_of_the_end():
    """the ledger: no third commit, and what the step gave is not written twice."""
    play = Play(dag("a"))
    play.do(Sent(*play.now_at("a"), 0, "k0", "one"))
    said = play.do(Complete(*play.now_at("a"), output={"x": 1}, received=(Received(0, "k0", {"x": 1}),)))
    assert said[0]["data"] == {"call": 0, "key": "k0"}
    assert kinds(said)[:2] == ["effect_received a", "step_completed a"]
    assert play.do(Sent("nobody", 1, 1, 0, "k", "x")) == []


def test_an_end_on_failure_keeps_the_receipt():
    """the ledger: the step may run again in its epoch, and is not to send anew what was answered."""
    play = Play(dag("a"))
    play.do(Sent(*play.now_at("a"), 0, "k0", "one"))
    received = (Received(0, "k0", {"x": 1}),)
    said = play.do(Complete(*play.now_at("a"), ("failure",), output={"x": 1}, received=received))
    assert kinds(said)[:2] == ["effect_received a", "step_failed a"]
    assert last_receipt(play.state, "a")["receipt"] == {"x": 1}
    assert last_receipt(play.state, "nobody") == {}


def test_a_refusal_leaves_the_calls_that_were_answered_before():
    """the ledger: only the call that was refused did not happen."""
    play = Play(dag("a", a=UNDO))
    play.do(Sent(*play.now_at("a"), 0, "k0", "one"))
    play.do(Sent(*play.now_at("a"), 1, "k1", "two", (Received(0, "k0", {"x": 1}),)))
    play.do(Fail(*play.now_at("a"), {**ERROR, "refused": True}))
    assert list(play.state.effects["a"]) == ["0"]
    preview = play.preview("a")
    assert (preview["compensates"], preview["unknown"]) == (["a"], [])


def test_an_answer_that_comes_during_the_rollback_is_undone_first():
    """semantic 6: what undoes it may read the receipt in the place of an output."""
    play = played()
    play.do(Sent(*play.now_at("d"), 0, "k", "POST https://x"))
    late = Noted(*play.now_at("d"), (Received(0, "k", {"id": 7}),))
    play.roll_back("a")
    assert kinds(play.do(late)) == ["effect_received d"], "its worker is still at it"
    said = kinds(play.fail("d"))
    assert said == ["step_cancelled d", "late_result_ignored d", "compensation_started d"]
    assert play.state.undo["d", 1]["output"] == {"id": 7}
    assert undo_all(play) == ["d", "b", "c", "a"]


def test_an_answer_that_comes_after_the_rollback_is_undone_when_it_comes():
    """semantic 6: the receipt of an epoch that is over, from a worker that was thought lost."""
    play = played()
    play.do(Sent(*play.now_at("d"), 0, "k", "POST https://x"))
    late = Noted(*play.now_at("d"), (Received(0, "k", {"id": 7}),))
    play.roll_back("a")
    play.interrupt("d")
    undo_all(play)
    assert kinds(play.do(late)) == ["effect_received d", "compensation_started d"]
    assert (job(play), play.state.undo["d", 1]["output"]) == (("d", 1, 1), {"id": 7})
    play.do(Undone(*job(play)))
    assert play.do(Noted("d", 1, 9, late.received)) == [], "nobody waits for an attempt that never was"


def test_a_second_answer_while_it_is_being_undone_starts_nothing_new():
    """semantic 6: one compensation an epoch."""
    play = played()
    play.do(Sent(*play.now_at("d"), 0, "k0", "one"))
    play.do(Sent(*play.now_at("d"), 1, "k1", "two", (Received(0, "k0", {"id": 1}),)))
    late = Noted(*play.now_at("d"), (Received(1, "k1", {"id": 2}),))
    play.roll_back("a")
    assert kinds(play.interrupt("d"))[-1] == "compensation_started d"
    assert kinds(play.do(late)) == ["effect_received d"]
    assert play.state.undo["d", 1]["output"] == {"id": 2}
    assert undo_all(play) == ["d", "b", "c", "a"]


def test_an_answer_that_comes_while_another_step_is_undone_waits_for_that():
    """semantic 6: one after the other; what comes to light is next."""
    play = played()
    play.do(Sent(*play.now_at("d"), 0, "k", "POST https://x"))
    late = Noted(*play.now_at("d"), (Received(0, "k", {"id": 7}),))
    play.roll_back("a")
    assert kinds(play.interrupt("d"))[-1] == "compensation_started b"
    assert kinds(play.do(late)) == ["effect_received d"]
    assert undo_all(play) == ["b", "d", "c", "a"]


def test_a_late_result_of_a_step_that_was_given_up_is_undone_by_a_later_rollback():
    """semantic 6: it had its effect, and made no call from which that would be known."""
    play = Play(dag("a", a=UNDO))
    play.fail("a", code="timeout")
    late = Complete("a", 1, 1, output={"id": 3})
    assert kinds(play.do(late)) == ["late_result_ignored a"]
    assert play.preview("a")["compensates"] == ["a"]
    play.roll_back("a")
    assert last_receipt(play.state, "a")["receipt"] == {"id": 3}
    assert undo_all(play) == ["a"]


def test_a_late_result_may_be_large():
    """semantic 6: it is read from where it is stored."""
    play = Play(dag("a", a=UNDO))
    play.fail("a", code="timeout")
    play.do(Complete("a", 1, 1, payload={"sha256": "0", "size": 9}))
    assert last_receipt(play.state, "a")["payload"] == {"sha256": "0", "size": 9}


def test_an_answered_call_is_not_made_again_by_a_process_that_has_not_heard_of_it():
    """the ledger: the receipt of a worker that was thought lost comes before the next attempt's call."""
    play = Play(dag("a", a=UNDO))
    lost = play.now_at("a")
    play.do(Sent(*lost, 0, "k0", "one"))
    play.interrupt("a")
    play.do(Noted(*lost, (Received(0, "k0", {"x": 1}),)))
    assert play.do(Sent(*play.now_at("a"), 0, "k0", "one")) == []
    assert last_receipt(play.state, "a")["receipt"] == {"x": 1}


def test_a_receipt_that_comes_with_a_call_is_kept_even_if_the_call_must_not_be_made():
    """the ledger: only an ``effect_sent`` lets a call out."""
    play = Play(dag("a"))
    lost = play.now_at("a")
    play.do(Sent(*lost, 0, "k0", "one"))
    play.interrupt("a")
    said = play.do(Sent(*lost, 1, "k1", "two", (Received(0, "k0", {"x": 1}),)))
    assert kinds(said) == ["effect_received a"]


def test_a_compensation_is_retried_as_the_step_says_and_then_stuck():
    """semantic 6: retried, visible; one that fails for good stops the rollback."""
    play = played(retry={"max_attempts": 2, "delay_s": 5})
    play.complete("d")
    play.roll_back("a")
    for _ in "dbc":
        play.do(Undone(*job(play), line="ok", payload={"sha256": "0", "size": 1}, cost=1.0))
    assert kinds(play.do(UndoFailed(*job(play), AGAIN))) == ["compensation_retry_scheduled a"]
    timer = Due(*job(play), "undo")
    assert play.do(timer) == [], "it is early"
    play.wait(5)
    assert kinds(play.do(timer)) == ["compensation_queued a", "compensation_started a"]
    assert play.do(timer) == []
    assert play.do(UndoFailed("a", 1, 1, AGAIN)) == [], "an attempt that is over"
    assert kinds(play.do(UndoFailed(*job(play), AGAIN))) == ["compensation_failed a"]
    assert (play.state.status, play.state.undo["a", 1]["status"]) == ("ROLLING_BACK", "stuck")
    with pytest.raises(Conflict) as refusal:
        play.roll_back("a")
    assert refusal.value.code == "rolling_back"


def stuck() -> Play:
    play = Play(dag("a > b, q", a=UNDO, b=UNDO, q={"type": "approval"}))
    play.ask("q")
    play.complete("a")
    play.complete("b")
    play.roll_back("a")
    play.do(Undone(*job(play)))
    play.do(UndoFailed(*job(play), ERROR))
    return play


def test_a_person_has_it_tried_again():
    """semantic 6: retry."""
    play = stuck()
    said = play.do(Resolve("a", "retry", "mary", "the server is back"))
    assert kinds(said) == ["compensation_retried a", "compensation_started a"]
    assert kinds(play.do(Undone(*job(play))))[-2:] == ["rollback_finished", "step_started a"]


def test_a_person_skips_it_with_a_reason():
    """semantic 6: skip."""
    play = stuck()
    with pytest.raises(Invalid):
        play.do(Resolve("a", "skip", "mary", " "))
    said = play.do(Resolve("a", "skip", "mary", "refunded by hand"))
    assert kinds(said)[0] == "compensation_skipped a"
    assert (play.state.undone, play.statuses) == (
        {("b", 1): "undone", ("a", 1): "skipped"},
        "a:RUNNING b:PENDING q:WAITING",
    )


def test_a_person_gives_up_and_a_later_rollback_undoes_what_is_left():
    """semantic 6: give_up: FAILED with what remains listed, nothing is reset; nothing is undone twice."""
    play = stuck()
    said = play.do(Resolve("a", "give_up", "mary"))
    assert kinds(said)[-2:] == ["rollback_given_up", "run_failed"]
    assert said[-2]["data"]["remaining"] == ["a"]
    assert play.statuses == "a:COMPLETED b:COMPLETED q:CANCELLED"
    assert play.run_error["code"] == "rollback_given_up"
    assert half_undone(play.state) == ["b"]
    for act in (play.retry, lambda: play.roll_back("q")):
        with pytest.raises(Conflict) as refusal:
            act()
        assert refusal.value.code == "half_undone"
    assert play.preview("a")["compensates"] == ["a"]
    play.roll_back("a")
    assert undo_all(play) == ["a"]
    assert play.state.status == "RUNNING"


def test_a_fork_does_not_rest_on_what_was_undone_before_the_rollback_was_given_up():
    """semantic 8: whose effects are gone runs in the fork too."""
    play = Play(dag("a > b > c, a > d", b=UNDO, c=UNDO))
    for key in "abcd":
        play.complete(key)
    play.roll_back("b")
    play.do(Undone(*job(play)))
    play.do(UndoFailed(*job(play), ERROR))
    play.do(Resolve("b", "give_up", "mary"))
    assert half_undone(play.state) == ["c"]
    found = branch(play.graph, play.state, play.graph, "d")
    assert (list(found.taken), found.also) == (["a", "b"], ("c",))


def test_only_what_is_stuck_can_be_resolved():
    play = stuck()
    with pytest.raises(Conflict) as refusal:
        play.do(Resolve("b", "retry", "mary"))
    assert refusal.value.code == "not_stuck"
    with pytest.raises(Invalid):
        play.do(Resolve("a", "pray", "mary"))


def test_giving_up_on_a_late_effect_leaves_the_run_as_it_is():
    """semantic 6: outside a rollback there is nothing to stop."""
    play = Play(dag("a", a=UNDO))
    play.fail("a", code="timeout")
    play.roll_back("a")
    play.do(Complete("a", 1, 1))
    play.do(UndoFailed(*job(play), ERROR))
    assert kinds(play.do(Resolve("a", "give_up", "mary"))) == ["rollback_given_up"]
    assert play.state.status == "RUNNING"


def test_giving_up_a_rollback_leaves_late_effects_of_earlier_epochs_to_be_undone():
    """semantic 6: no later rollback would find those again."""
    play = Play(dag("a > b", a=UNDO, b=UNDO))
    play.complete("a")
    play.fail("b", code="timeout")
    play.roll_back("a")
    play.do(Undone(*job(play)))
    play.complete("a")
    play.complete("b")
    play.roll_back("a")
    play.do(UndoFailed(*job(play), ERROR))
    play.do(Complete("b", 1, 1, output={"id": 1}))  # the attempt that was given up in the first epoch
    assert list(play.state.undo) == [("b", 2), ("a", 2), ("b", 1)]
    said = play.do(Resolve("b", "give_up", "mary"))
    assert kinds(said) == ["rollback_given_up", "run_failed", "compensation_started b"]
    assert said[0]["data"]["remaining"] == ["b", "a"]
    assert undo_all(play) == ["b"]
    assert play.preview("a")["compensates"] == ["b", "a"]


def test_a_late_effect_that_a_person_has_given_up_is_not_taken_up_again():
    """semantic 6: a second answer of it changes nothing."""
    play = Play(dag("a", a={**UNDO, "retry": {"max_attempts": 1}}))
    play.do(Sent(*play.now_at("a"), 0, "k", "POST https://x"))
    play.fail("a", code="timeout")
    play.roll_back("a")
    late = Noted("a", 1, 1, (Received(0, "k", {"id": 7}),))
    play.do(late)
    play.do(UndoFailed(*job(play), ERROR))
    play.do(Resolve("a", "give_up", "mary"))
    assert play.state.undone["a", 1] == "given up"
    assert kinds(play.do(Complete("a", 1, 1))) == ["late_result_ignored a"]
    assert not play.state.undo


def test_a_lost_worker_does_not_lose_the_compensation():
    """semantic 6: recovered after a crash like a step, with the same key; the tenth time it is stuck."""
    play = stuck()
    play.do(Resolve("a", "retry", "mary"))
    assert list(in_flight(play.state, "w1")) == [("a", 1, 2, "undo")]
    assert list(in_flight(play.state, "w2")) == []
    for _ in range(9):
        said = play.do(UndoInterrupted(*job(play), "w1"))
        assert kinds(said) == ["compensation_interrupted a", "compensation_started a"]
    assert kinds(play.do(UndoInterrupted(*job(play), "w1"))) == ["compensation_failed a"]
    assert play.do(UndoInterrupted(*job(play), "w1")) == []
    assert play.do(Undone(*job(play))) == []


def test_the_calls_of_a_compensation_are_in_the_ledger_too():
    """the ledger: keys end in :undo, and a receipt is not asked for twice."""
    play = stuck()
    play.do(Resolve("a", "retry", "mary"))
    sent = Sent(*job(play), 0, "r:a:1:0:undo", "DELETE https://x", undo=True)
    assert play.do(sent)[0]["data"]["undo"]
    noted = Noted(*job(play), (Received(0, "r:a:1:0:undo", {"ok": 1}),), undo=True)
    assert kinds(play.do(noted)) == ["effect_received a"]
    assert play.state.undo["a", 1]["calls"]["0"]["receipt"] == {"ok": 1}
    play.do(Undone(*job(play)))
    assert play.do(sent) == []


def test_nothing_starts_without_a_worker():
    """A process that executes nothing leaves it to the next one."""
    play = stuck()
    assert kinds(play.do(Resolve("a", "retry", "mary"), worker="")) == ["compensation_retried a"]
    assert kinds(play.do(Kick())) == ["compensation_started a"]


def undoing(**more: Any) -> Play:
    """a has completed and is being undone."""
    play = Play(dag("a", a={**UNDO, **more}))
    play.complete("a", output={"id": 1})
    play.roll_back("a")
    return play


def test_a_compensation_is_tried_as_often_as_retry_says_and_as_often_again_for_a_person():
    """semantic 6: three attempts, and after a person's retry three more."""
    play = undoing(retry={"max_attempts": 3, "delay_s": 5, "backoff": 2})
    for delay in (5, 10):
        said = play.do(UndoFailed(*job(play), AGAIN))
        due_at = play.state.undo["a", 1]["due_at"]
        assert said[0]["data"] == {"due_at": due_at, "error": AGAIN, "delay_s": delay}
        assert play.state.undo["a", 1]["error"] == AGAIN
        play.wait(delay)
        play.do(Due(*job(play), "undo"))
        assert play.state.undo["a", 1]["due_at"] is None
    assert kinds(play.do(UndoFailed(*job(play), AGAIN))) == ["compensation_failed a"]
    assert play.state.undo["a", 1]["since"] == play.journal[-1][1], "a person sees since when it is stuck"
    play.do(Resolve("a", "retry", "mary"))
    for _ in range(2):
        assert kinds(play.do(UndoFailed(*job(play), AGAIN))) == ["compensation_retry_scheduled a"]
        play.wait(20)
        play.do(Due(*job(play), "undo"))
    assert kinds(play.do(UndoFailed(*job(play), AGAIN))) == ["compensation_failed a"]


def test_an_attempt_that_fails_ends_the_row_of_interruptions():
    """semantic 6: as with steps; and so does a person's retry."""
    play = undoing(retry={"max_attempts": 3, "delay_s": 0})
    for _ in range(9):
        play.do(UndoInterrupted(*job(play), "w1"))
    play.do(UndoFailed(*job(play), AGAIN))
    play.do(Due(*job(play), "undo"))
    for _ in range(9):
        assert kinds(play.do(UndoInterrupted(*job(play), "w1")))[0] == "compensation_interrupted a"
    assert kinds(play.do(UndoInterrupted(*job(play), "w1"))) == ["compensation_failed a"]
    play.do(Resolve("a", "retry", "mary"))
    assert kinds(play.do(UndoInterrupted(*job(play), "w1")))[0] == "compensation_interrupted a"


def test_a_timer_counts_once_and_for_its_attempt_only():
    """semantic 6: timers may fire twice, late, and for what is over."""
    play = undoing(retry={"max_attempts": 3, "delay_s": 5})
    play.do(UndoFailed(*job(play), AGAIN))
    play.wait(5)
    assert play.do(Due("a", 1, 7, "undo")) == [], "another attempt's"
    assert play.do(Due("a", 9, 1, "undo")) == [], "another epoch's"
    said = play.do(Due("a", 1, 1, "undo"))
    assert kinds(said) == ["compensation_queued a", "compensation_started a"]
    assert (said[0]["epoch"], said[0]["attempt"], said[0]["data"]) == (1, 1, {})
    assert (said[1]["epoch"], said[1]["attempt"], said[1]["data"]) == (1, 2, {"worker": "w1"})
    assert play.do(Due("a", 1, 2, "undo")) == [], "it is at work"


def test_the_receipt_of_a_compensation_is_not_taken_for_what_the_step_gave():
    """the ledger: what undoes it goes on reading the step's own output."""
    play = undoing()
    play.do(Sent(*job(play), 0, "k:undo", "DELETE", undo=True))
    play.do(Noted(*job(play), (Received(0, "k:undo", {"gone": True}),), undo=True))
    assert "output" not in play.state.undo["a", 1]


def test_a_large_late_result_is_read_from_where_it_is_stored():
    """semantic 6: of an epoch that is over."""
    play = Play(dag("a", a=UNDO))
    play.fail("a", code="timeout")
    play.roll_back("a")
    play.do(Complete("a", 1, 1, payload={"sha256": "0", "size": 9}))
    assert play.state.undo["a", 1]["payload"] == {"sha256": "0", "size": 9}


def test_what_a_compensation_came_to_is_kept():
    """semantic 6: visible: output, line, usage and cost."""
    play = undoing()
    more = {"line": "Refunded", "usage": {"input_tokens": 3}, "cost": 0.5}
    said = play.do(Undone(*job(play), {"ok": True}, **more))
    assert said[0]["data"] == {"output": {"ok": True}, **more}
    assert (play.state.cost, play.state.tokens) == (0.5, 3)
    other = undoing()
    said = other.do(Undone(*job(other), payload={"sha256": "0", "size": 1}))
    assert said[0]["data"] == {"payload": {"sha256": "0", "size": 1}}


def test_a_preview_names_calls_in_doubt_only_where_an_effect_may_stay():
    """semantic 6: an unknown outcome is listed, unless the step's effect is reversible and undone by nothing."""
    play = Play(dag("a, b, c", a=UNDO))
    for key in "abc":
        play.do(Sent(*play.now_at(key), 0, f"r:{key}", "POST"))
        play.fail(key)
    preview = play.preview(None, effect_of=lambda spec: "reversible" if spec.key == "c" else "compensatable")
    assert (preview["unknown"], preview["cannot"]) == (["b", "a"], ["b"])


def test_the_last_receipt_of_a_compensation_is_part_of_its_end():
    """the ledger: as of a step that completes."""
    play = undoing()
    play.do(Sent(*job(play), 0, "k:undo", "DELETE", undo=True))
    said = play.do(Undone(*job(play), {"ok": 1}, received=(Received(0, "k:undo", {"ok": 1}),)))
    assert kinds(said)[:2] == ["effect_received a", "step_compensated a"]
    assert said[0]["data"] == {"call": 0, "key": "k:undo", "undo": True}


def test_results_of_a_map_that_are_put_together_too_late_are_no_effect():
    """semantic 6: a map is undone item by item."""
    play = Play(dag("m", m={"type": "map", **UNDO}))
    play.do(Listed(*play.now_at("m"), 0, "digest", 1, items=[]))
    play.interrupt("m")
    assert kinds(play.do(Complete("m", 1, 1))) == ["late_result_ignored m"]
    assert (play.state.undo, play.state.effects) == ({}, {})
