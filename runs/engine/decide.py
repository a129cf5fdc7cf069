"""What follows from a command: ``decide(graph, state, command, now) -> events``. Pure.

The ends that a command brings and the starts that they free are one list, for one entry. Deciding twice
is harmless: the second time there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from builder.graph import Graph
from orchestrator.errors import Conflict
from runs.engine import children, ends, fork, giving_up, ledger, maps, reuse, rollback, slots, undo, waits
from runs.engine.commands import (
    Admit,
    Asked,
    Await,
    Cancel,
    CancelStep,
    ChildBegins,
    ChildUndoes,
    Command,
    Complete,
    Due,
    Fail,
    Fork,
    Held,
    Interrupt,
    ItemBegins,
    ItemDone,
    ItemFail,
    ItemHeld,
    ItemInterrupt,
    Kick,
    Listed,
    Noted,
    Resolve,
    RetryRun,
    Reuse,
    Rollback,
    Sent,
    Slept,
    Start,
    UndoFailed,
    UndoInterrupted,
    Undone,
    Vote,
)
from runs.engine.events import Event
from runs.engine.records import RunState
from runs.engine.states import ACTIVE, RunStatus
from runs.engine.turn import RUN_FAILED, Turn
from runs.engine.unwinding import half_undone

__all__ = ["WINDOW", "consider", "decide"]

WINDOW = 32  # steps of a run in flight


def decide(
    graph: Graph,
    state: RunState,
    command: Command,
    now: datetime,
    worker: str = "",
    window: int = WINDOW,
    gated: Collection[str] = (),
) -> list[Event]:
    """The events that ``command`` brings about; [] when it changes nothing (a duplicate, a late timer).

    ``state`` stays as it is. ``worker`` will execute what starts; without one, steps that become free stay
    ready, and so do those of ``gated`` that are not admitted. At most ``window`` steps of the run are RUNNING
    at once. Raises Conflict where the state refuses a person's act: already_decided, expired, voided,
    unknown_approval, not_running, not_failed, rolling_back, not_a_checkpoint, unknown_step, not_active.
    """
    return consider(graph, state, command, now, worker, window, gated).events


def consider(
    graph: Graph,
    state: RunState,
    command: Command,
    now: datetime,
    worker: str = "",
    window: int = WINDOW,
    gated: Collection[str] = (),
) -> Turn:
    """As ``decide``, with the state that follows; ``Turn.settle`` takes it over into ``state``."""
    turn = Turn(graph, state, now, worker, window, gated)
    HANDLERS[type(command)](turn, command)
    if turn.events or type(command) is Kick:
        if turn.state.maps:
            _go_on_with_maps(turn)
        if turn.state.undo:
            undo.go_on(turn)
        rollback.finish(turn)
        turn.go_on()
        if turn.state.mapping and turn.may_begin():
            maps.start_items(turn)
    return turn


def _go_on_with_maps(turn: Turn) -> None:
    """Of a run that stops or goes back: maps of which nothing runs any more stop before that is decided."""
    if turn.state.status in ACTIVE and turn.state.failing:
        maps.wind_down(turn, RUN_FAILED)
    elif turn.state.undoing:
        maps.halt(turn)


def _start(turn: Turn, command: Start) -> None:
    if turn.state.status is RunStatus.PENDING:
        said = {"input": command.input, "user": dict(command.user), "version": command.version}
        turn.say("run_started", said if command.parent is None else {**said, "parent": dict(command.parent)})


def _kick(turn: Turn, command: Kick) -> None:
    """Nothing of its own: whoever decides goes on with what can start."""


def _cancel(turn: Turn, command: Cancel) -> None:
    """Everything stops at once; what a running step reports later is late."""
    state = turn.state
    if state.status is RunStatus.ROLLING_BACK:
        raise Conflict("The run is being rolled back; it can be cancelled after that.", code="rolling_back")
    if state.status not in (*ACTIVE, RunStatus.PENDING):
        raise Conflict(f"The run is {state.status} already.", code="not_running")
    for key in [*state.running, *state.waiting]:
        turn.stop(key, "The run was cancelled.")
    turn.say("run_cancelled", {"by": command.by, "reason": command.reason})


def _retry(turn: Turn, command: RetryRun) -> None:
    """Semantic 5: FAILED and CANCELLED steps go back to PENDING in the same epoch."""
    state = turn.state
    if command.seen is not None and command.seen != state.seq:
        return
    if state.status is RunStatus.ROLLING_BACK:
        raise Conflict("The run is being rolled back.", code="rolling_back")
    if state.status not in (RunStatus.FAILED, RunStatus.CANCELLED) or state.started_at is None:
        message = f"The run is {state.status}; one that has failed or was cancelled can be tried again."
        raise Conflict(message, code="not_failed")
    if half := half_undone(state):
        message = f"What {', '.join(half)} did is undone already; roll back to it, or to a step before it."
        raise Conflict(message, code="half_undone", steps=half)
    wanted = list(state.broken) if command.steps is None else list(dict.fromkeys(command.steps))
    for key in wanted:
        if key not in turn.graph.steps:
            raise Conflict("The run has no such step.", code="unknown_step", step=str(key)[:80])
        if key not in state.broken:
            message = f"Step {key} is {state.steps[key].status}; it has nothing to be tried again."
            raise Conflict(message, code="not_failed", step=key)
    turn.say("run_retried", {"by": command.by, "steps": wanted})


HANDLERS: dict[type, Callable[[Turn, Any], None]] = {
    Start: _start,
    Fork: fork.fork,
    Kick: _kick,
    Admit: slots.admit,
    Await: slots.awaited,
    Held: slots.held,
    Complete: ends.complete,
    Fail: ends.raised,
    Reuse: reuse.reuse,
    Asked: waits.asked,
    Slept: waits.slept,
    Listed: maps.listed,
    ItemDone: maps.done,
    ItemFail: maps.failed,
    ItemHeld: maps.held,
    ItemInterrupt: maps.interrupted,
    Vote: waits.voted,
    Due: waits.due,
    Interrupt: ends.interrupted,
    Cancel: _cancel,
    CancelStep: giving_up.cancel_step,
    RetryRun: _retry,
    Rollback: rollback.roll_back,
    Sent: ledger.sent,
    Noted: ledger.noted,
    Undone: undo.undone,
    UndoFailed: undo.failed,
    UndoInterrupted: undo.interrupted,
    Resolve: undo.resolve,
    ChildBegins: children.begins,
    ItemBegins: children.item_begins,
    ChildUndoes: children.undoes,
}
