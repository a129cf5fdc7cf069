"""Undoing effects: one compensation after the other, in reverse order of completion (semantic 6).

``state.undo`` holds what is still to be undone, in order: (step, epoch) -> {status, attempt, failures,
interruptions, worker, calls, due_at, error, [output], [payload]}, where status is pending, running, waiting
(for its next attempt) or stuck (it failed for good, and a person has to say how to go on). ``state.undone``
remembers what was undone, or left by a person, so that nothing is undone twice for one epoch.
"""

from __future__ import annotations

from typing import Any

from builder.graph import Graph
from runs.engine import ledger
from runs.engine.events import Event
from runs.engine.moves import move_run, spend
from runs.engine.records import RunState
from runs.engine.states import RunStatus, StepStatus

FRESH: dict[str, Any] = {
    "status": "pending", "attempt": 0, "failures": 0, "interruptions": 0, "worker": "", "calls": {},
    "due_at": None, "error": None,
}  # fmt: skip


def owed(graph: Graph, state: RunState, key: str) -> bool:
    """Whether a rollback has to undo the step: it names a ``compensate`` action, and had an effect.

    A completed step had one. Of a step that failed or was stopped those calls count that were answered. What
    a fork has taken over never started here: its effects are the source's (semantic 8).
    """
    step = state.steps[key]
    if graph.steps[key].compensate is None or (key, step.epoch) in state.undone or not step.attempt:
        return False
    return step.status is StepStatus.COMPLETED or ledger.answered(state, key)


def half_undone(state: RunState) -> list[str]:
    """Steps whose effects are gone in their present epoch: a rollback was given up, and only one goes on."""
    return [key for key, epoch in state.undone if state.steps[key].epoch == epoch]


def fold_begun(graph: Graph, state: RunState, steps: list[str]) -> None:
    """A rollback has begun: what it undoes, in its order."""
    for key in steps:
        at = (key, state.steps[key].epoch)
        if at not in state.undo and owed(graph, state, key):
            state.undo[at] = dict(FRESH)


def fold_late(graph: Graph, state: RunState, event: Event) -> None:
    """An effect that succeeded after its step was given up: undone too, if nothing can still use it."""
    key, epoch, data = event["step"], event["epoch"], event["data"]
    step, at = state.steps[key], (event["step"], event["epoch"])
    if data.get("undo") or graph.steps[key].compensate is None or at in state.undone:
        return
    if step.epoch == epoch and "happened" in data:
        ledger.keep_result(state, event)
    if step.epoch == epoch and key not in state.undoing:
        return
    job = {**FRESH, **state.undo.get(at, {})}
    if "receipt" in data:
        job["output"] = data["receipt"]
    else:
        job.update({name: data[name] for name in ("output", "payload") if name in data})
    if at in state.undo:
        state.undo[at] = job
    elif key in state.undoing and step.epoch == epoch:  # it ended last, so it is undone next
        rest = list(state.undo.items())
        begun = bool(rest) and rest[0][1]["status"] == "running"
        rest.insert(1 if begun else 0, (at, job))
        state.undo.clear()
        state.undo.update(rest)
    else:
        state.undo[at] = job


def _job(state: RunState, event: Event, **changes: Any) -> None:
    at = (event["step"], event["epoch"])
    state.undo[at] = {**state.undo[at], **changes}


def _started(graph: Graph, state: RunState, at: str, event: Event) -> None:
    worker, attempt = event["data"]["worker"], event["attempt"]
    _job(state, event, status="running", worker=worker, attempt=attempt, due_at=None)


def _compensated(graph: Graph, state: RunState, at: str, event: Event) -> None:
    where = (event["step"], event["epoch"])
    del state.undo[where]
    state.undone[where] = "undone"
    spend(state, event["data"])


def _retry_scheduled(graph: Graph, state: RunState, at: str, event: Event) -> None:
    job, data = state.undo[event["step"], event["epoch"]], event["data"]
    failures = job["failures"] + 1
    changes = {"due_at": data["due_at"], "error": data["error"], "failures": failures, "interruptions": 0}
    _job(state, event, status="waiting", **changes)


def _failed(graph: Graph, state: RunState, at: str, event: Event) -> None:
    _job(state, event, status="stuck", error=event["data"]["error"], since=at)


def _again(graph: Graph, state: RunState, at: str, event: Event) -> None:
    fresh = {"failures": 0, "interruptions": 0} if event["kind"] == "compensation_retried" else {}
    _job(state, event, status="pending", due_at=None, **fresh)


def _interrupted(graph: Graph, state: RunState, at: str, event: Event) -> None:
    count = state.undo[event["step"], event["epoch"]]["interruptions"] + 1
    _job(state, event, status="pending", interruptions=count)


def _skipped(graph: Graph, state: RunState, at: str, event: Event) -> None:
    where = (event["step"], event["epoch"])
    del state.undo[where]
    state.undone[where] = "skipped"


def given_up(state: RunState, key: str) -> list[tuple[str, int]]:
    """What a person who gives up at ``key`` leaves as it is: that, and all that the rollback has yet to undo.

    Effects of an epoch that is over, which no rollback would find again, are undone all the same.
    """
    return [
        (step, epoch)
        for (step, epoch), job in state.undo.items()
        if (step == key and job["status"] == "stuck")
        or (step in state.undoing and epoch == state.steps[step].epoch)
    ]


def _given_up(graph: Graph, state: RunState, at: str, event: Event) -> None:
    for where in given_up(state, event["data"]["step"]):
        del state.undo[where]
        if where[1] != state.steps[where[0]].epoch:
            state.undone[where] = "given up"
    state.rollback, state.undoing = None, frozenset()
    if state.status is RunStatus.ROLLING_BACK:
        move_run(state, RunStatus.RUNNING)


HANDLERS = {
    "effect_sent": ledger.fold_sent,
    "compensation_started": _started,
    "step_compensated": _compensated,
    "compensation_retry_scheduled": _retry_scheduled,
    "compensation_failed": _failed,
    "compensation_retried": _again,
    "compensation_queued": _again,
    "compensation_interrupted": _interrupted,
    "compensation_skipped": _skipped,
    "rollback_given_up": _given_up,
}
