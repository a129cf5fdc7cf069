"""The watch of all histories notices what breaks a rule: one that lets everything pass would prove nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runs.engine import events
from runs.engine.commands import Noted, Received, Sent, Undone
from runs.engine.state import HANDLERS
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play
from tests.unit.runs.engine.watch import RUN_ENDS, Watch

UNDO = {"compensate": {"type": "task"}}
PORTS: dict[str, Any] = {"ports": ["success"]}
UNWATCHED = {"result_reused", "slots_awaited"}  # notes: no status, item or effect follows from them


def event(kind: str, step: str = "", epoch: int = 1, attempt: int = 1, **data: Any) -> dict[str, Any]:
    at = {"step": step, "epoch": epoch, "attempt": attempt} if step else {}
    return {"kind": kind, **at, "data": data}


def begun() -> Play:
    """a runs."""
    return Play(dag("a > b > c, a.failure > d", a=UNDO, b=UNDO))


def completed() -> Play:
    """a has completed, b runs."""
    play = begun()
    play.complete("a")
    return play


def failing() -> Play:
    """a has failed the run, b still runs, and c waits for b alone."""
    play = Play(dag("a, b > c"))
    play.fail("a")
    return play


def called() -> Play:
    """a has made a call, and had its answer."""
    play = begun()
    play.do(Sent(*play.now_at("a"), 0, "k0", "POST https://x"))
    play.do(Noted(*play.now_at("a"), (Received(0, "k0", {"id": 1}),)))
    return play


def rolling_back() -> Play:
    """a and b are to be undone: b first, and it is begun."""
    play = completed()
    play.complete("b")
    play.roll_back("a")
    play.interrupt("c")
    return play


def half_undone() -> Play:
    """b is undone, a is being undone."""
    play = rolling_back()
    play.do(Undone("b", 1, 1))
    return play


def undoing_nothing() -> Play:
    """A rollback to b waits for c, which runs; nothing else is to be undone."""
    play = Play(dag("a > b > c"))
    play.complete("a")
    play.complete("b")
    play.roll_back("b")
    return play


STARTED: dict[str, Any] = {"worker": "w1"}
SENT: dict[str, Any] = {"call": 0, "what": "POST https://x"}
BROKEN: dict[str, tuple[Any, list[dict[str, Any]], str]] = {
    "it completes twice": (completed, [event("step_completed", "a", **PORTS)], "no step completes twice"),
    "it completes, then fails": (
        completed,
        [event("step_failed", "a", ports=["failure"], handled=True, continued=False)],
        "no step completes twice",
    ),
    "it completes unstarted": (begun, [event("step_completed", "b", **PORTS)], "b is PENDING"),
    "an old attempt counts": (begun, [event("step_completed", "a", attempt=2, **PORTS)], "no longer counts"),
    "no live edge": (begun, [event("step_started", "b", **STARTED)], "its edges do not allow it"),
    "a dead edge": (completed, [event("step_started", "d", **STARTED)], "has been decided on"),
    "it starts once more": (
        completed,
        [event("step_started", "a", attempt=2, **STARTED)],
        "has been decided on",
    ),
    "it starts while the run fails": (
        failing,
        [event("step_completed", "b", **PORTS), event("step_started", "c", **STARTED)],
        "nothing starts now",
    ),
    "an attempt is left out": (
        begun,
        [event("step_completed", "a", **PORTS), event("step_started", "b", attempt=2, **STARTED)],
        "attempts count up",
    ),
    "a step that could start is skipped": (
        begun,
        [event("step_completed", "a", **PORTS), event("step_skipped", "b")],
        "it could start",
    ),
    "the run ends too early": (completed, [event("run_completed")], "COMPLETED while steps run or wait"),
    "it fails for no reason": (
        begun,
        [event("step_interrupted", "a"), event("run_failed")],
        "FAILED without a failure",
    ),
    "another step is reset": (
        undoing_nothing,
        [event("step_reset", "a", epoch=2)],
        "neither undone nor failed",
    ),
    "a running step is reset": (
        undoing_nothing,
        [event("step_reset", "c", epoch=2)],
        "it runs or waits",
    ),
    "an epoch is left out": (undoing_nothing, [event("step_reset", "b", epoch=3)], "epochs count up"),
    "a descendant is not reset": (
        undoing_nothing,
        [event("step_reset", "b", epoch=2), event("rollback_finished", to="b")],
        "exactly the step and its descendants",
    ),
    "two are undone at once": (
        rolling_back,
        [event("compensation_started", "a", **STARTED)],
        "one after the other",
    ),
    "it is undone twice": (
        half_undone,
        [event("step_compensated", "a"), event("compensation_started", "b", **STARTED)],
        "nothing is undone twice",
    ),
    "the wrong order": (
        rolling_back,
        [event("compensation_interrupted", "b"), event("compensation_started", "a", **STARTED)],
        "in their order",
    ),
    "nothing to undo": (
        rolling_back,
        [event("compensation_interrupted", "b"), event("compensation_started", "c", **STARTED)],
        "it is owed",
    ),
    "the rollback leaves something": (
        rolling_back,
        [event("step_reset", key, epoch=2) for key in "abcd"] + [event("rollback_finished", to="a")],
        "everything is undone first",
    ),
    "another key for the same call": (
        called,
        [event("effect_sent", "a", key="k1", **SENT)],
        "a repeated call has the same key",
    ),
    "the same key for another call": (
        called,
        [event("effect_sent", "a", key="k0", **{**SENT, "call": 1})],
        "each call has a key of its own",
    ),
    "an answer to what was not sent": (
        called,
        [event("effect_received", "a", call=1, key="k1")],
        "it was sent before",
    ),
    "a call of an undone step": (
        rolling_back,
        [event("effect_sent", "c", key="k0", **SENT)],
        "c is CANCELLED, and sends nothing",
    ),
}


@pytest.mark.parametrize(("played", "broken", "message"), BROKEN.values(), ids=BROKEN)
def test_the_watch_notices(played, broken, message):
    play = played()
    with pytest.raises(AssertionError, match=message):
        play.watch.entry(play.state.seq + 1, broken, play.state)


def test_the_watch_notices_a_gap_and_an_entry_that_is_there_twice():
    play = begun()
    for seq in (play.state.seq, play.state.seq + 2):
        with pytest.raises(AssertionError, match="seq is gapless"):
            play.watch.entry(seq, [event("step_completed", "a", **PORTS)], play.state)


def test_the_watch_notices_a_state_that_does_not_follow():
    play = begun()
    with pytest.raises(AssertionError, match="the engine says otherwise"):
        play.watch.entry(play.state.seq + 1, [event("step_interrupted", "a")], play.state)


def test_every_kind_of_event_is_watched():
    said = {
        kind for kinds in re.findall(r"^- ([a-z_, ]+):", events.__doc__, re.M) for kind in kinds.split(", ")
    }
    assert said >= set(HANDLERS), "the text names them all"
    watched = {kind for kind in said if kind in RUN_ENDS or hasattr(Watch, f"_{kind}")}
    assert said - watched == UNWATCHED
