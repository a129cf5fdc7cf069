"""Undoing effects: one compensation after the other, in reverse order of completion (semantic 6).

``state.undo`` holds what is still to be undone, in order: (step, epoch) -> {status, attempt, failures,
interruptions, worker, calls, due_at, error, child, [output], [payload]}, where status is pending, running,
waiting (for its next attempt), child (for the rollback of a child run) or stuck (it failed for good, and a
person has to say how to go on). ``state.undone`` remembers what was undone, or left by a person, so that
nothing is undone twice for one epoch.

A map is undone item by item: its job has ``items`` in the order of undoing, of which ``done`` are undone, and
``late``, what items came to after they were given up. ``state.undone`` names the item too then.
"""

from __future__ import annotations

from typing import Any

from builder.graph import Graph
from runs.engine import kin, ledger, mapping
from runs.engine.events import Event
from runs.engine.moves import move_run, spend
from runs.engine.records import RunState
from runs.engine.states import RunStatus, StepStatus

FRESH: dict[str, Any] = {
    "status": "pending", "attempt": 0, "failures": 0, "interruptions": 0, "worker": "", "calls": {},
    "due_at": None, "error": None, "child": None,
}  # fmt: skip
NEXT = {name: value for name, value in FRESH.items() if name != "attempt"}


def owed(graph: Graph, state: RunState, key: str) -> bool:
    """Whether a rollback has to undo the step: it names a ``compensate`` action, and had an effect.

    A completed step had one. Of a step that failed or was stopped those calls count that were answered. A
    child run is rolled back whatever came of it. What a fork has taken over never started here: its effects
    are the source's (semantic 8).
    """
    step = state.steps[key]
    if not step.attempt or (key, step.epoch) in state.undone:
        return False
    if is_map(graph, key):
        return bool(owed_items(graph, state, key))
    if state.children and (key, step.epoch, None) in state.children:
        return True
    if graph.steps[key].compensate is None:
        return False
    return step.status is StepStatus.COMPLETED or ledger.answered(state, key)


def is_map(graph: Graph, key: str) -> bool:
    """Whether the step is undone item by item."""
    return graph.steps[key].type == "map"


def owed_items(graph: Graph, state: RunState, key: str) -> tuple[int, ...]:
    """The items of a map that have to be undone, in reverse order of their ends."""
    found, epoch = state.maps.get(key), state.steps[key].epoch
    acts = graph.steps[key].compensate is not None
    if found is None or not (acts or state.children):
        return ()
    called = ledger.items_answered(state, key) if acts else frozenset()
    ends = [index for index in found.items if not found.is_active(index)]
    active = [index for index in found.items if found.is_active(index)]
    return tuple(
        index
        for index in (*reversed(active), *reversed(ends))
        if (key, epoch, index) not in state.undone
        and (
            (key, epoch, index) in state.children
            or (acts and (found.items[index].status is StepStatus.COMPLETED or index in called))
        )
    )


def half_undone(state: RunState) -> list[str]:
    """Steps whose effects are gone in their present epoch: a rollback was given up, and only one goes on."""
    return list(dict.fromkeys(at[0] for at in state.undone if state.steps[at[0]].epoch == at[1]))


def item_of(job: dict[str, Any]) -> int | None:
    """The item of a map that the job undoes now."""
    items = job.get("items")
    return None if items is None else int(items[job["done"]])


def fold_begun(graph: Graph, state: RunState, steps: list[str]) -> None:
    """A rollback has begun: what it undoes, in its order."""
    for key in steps:
        at = (key, state.steps[key].epoch)
        if at not in state.undo and owed(graph, state, key):
            items = {"items": owed_items(graph, state, key), "done": 0} if is_map(graph, key) else {}
            state.undo[at] = {**FRESH, **items}


def fold_late(graph: Graph, state: RunState, event: Event) -> None:
    """An effect that succeeded after its step was given up: undone too, if nothing can still use it."""
    key, epoch, data = event["step"], event["epoch"], event["data"]
    step, at = state.steps[key], (event["step"], event["epoch"])
    if data.get("undo") or graph.steps[key].compensate is None:
        return
    item = data["item"][0] if isinstance(data.get("item"), list) else data.get("item")
    if item is None and is_map(graph, key):  # putting results together has no effect
        return
    if (at if item is None else (*at, item)) in state.undone:
        return
    if step.epoch == epoch and "happened" in data:
        ledger.keep_result(state, event)
    if step.epoch == epoch and key not in state.undoing:
        return
    came = {name: data[name] for name in ("output", "payload", "given") if name in data}
    if "receipt" in data:
        came["output"] = data["receipt"]
    job = {**FRESH, **state.undo.get(at, {})}
    job = {**job, **came} if item is None else _late_item(job, item, came)
    if at in state.undo:
        state.undo[at] = job
    elif key in state.undoing and step.epoch == epoch:  # it ended last, so it is undone next
        rest = list(state.undo.items())
        begun = bool(rest) and rest[0][1]["status"] in ("running", kin.KIND)
        rest.insert(1 if begun else 0, (at, job))
        state.undo.clear()
        state.undo.update(rest)
    else:
        state.undo[at] = job


def _item_completed(graph: Graph, state: RunState, at: str, event: Event) -> None:
    """One that completes while its map is undone is undone too: a rollback waits for items that run."""
    mapping.completed(graph, state, at, event)
    if event["step"] in state.undoing:
        for each in event["data"]["items"]:
            came = {name: each[name] for name in ("output", "payload") if name in each}
            fold_late(graph, state, {**event, "data": {"item": each["index"], **came}})


def _late_item(job: dict[str, Any], item: int, came: dict[str, Any]) -> dict[str, Any]:
    """The job with an item of a map that ended last, so that it is undone next."""
    items, done = job.get("items", ()), job.get("done", 0)
    late = {**job.get("late", {}), item: {**job.get("late", {}).get(item, {}), **came}}
    if item not in items[done:]:
        place = done + (job["status"] != "pending")
        items = (*items[:place], item, *items[place:])
    return {**job, "items": items, "done": done, "late": late}


def _job(state: RunState, event: Event, **changes: Any) -> None:
    at = (event["step"], event["epoch"])
    state.undo[at] = {**state.undo[at], **changes}


def _started(graph: Graph, state: RunState, at: str, event: Event) -> None:
    worker, attempt = event["data"]["worker"], event["attempt"]
    _job(state, event, status="running", worker=worker, attempt=attempt)


def _compensated(graph: Graph, state: RunState, at: str, event: Event) -> None:
    _settle(state, event, "undone")
    spend(state, event["data"])


def _settle(state: RunState, event: Event, how: str) -> None:
    """A step, or the item of a map that is undone now, needs nothing more."""
    where = (event["step"], event["epoch"])
    job = state.undo[where]
    item = item_of(job)
    state.undone[where if item is None else (*where, item)] = how
    if item is None or job["done"] + 1 == len(job["items"]):
        del state.undo[where]
    else:
        state.undo[where] = {**job, **NEXT, "done": job["done"] + 1}


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
    _settle(state, event, "skipped")


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
        job = state.undo.pop(where)
        if where[1] != state.steps[where[0]].epoch:
            left = [(*where, item) for item in job["items"][job["done"] :]] if "items" in job else [where]
            state.undone.update(dict.fromkeys(left, "given up"))
    state.rollback, state.undoing = None, frozenset()
    if state.status is RunStatus.ROLLING_BACK:
        move_run(state, RunStatus.RUNNING)


HANDLERS = {
    "item_completed": _item_completed,
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
