"""What is known of child runs: those that a step, or an item of a map, waits for.

``state.children`` remembers the child of each step's epoch, and of each item: (step, epoch, item or None)
-> {id, orchestration, name, version, number, since, epoch, attempt, [tried]}. ``since`` is the entry of the
child's journal at which it was taken up (0: it is new): what it comes to after that is the answer that is
waited for.
"""

from __future__ import annotations

from collections.abc import Iterator

from builder.graph import Graph
from runs.engine.events import Event
from runs.engine.mapping import active, settle
from runs.engine.moves import suspend
from runs.engine.records import Child, RunState
from runs.engine.states import StepStatus

KIND = "child"  # of a wait, and the status of a job that undoes


def waits_for_child(state: RunState, key: str) -> bool:
    """Whether the step itself waits for a child run."""
    step = state.steps[key]
    return step.status is StepStatus.WAITING and step.wait is not None and step.wait["kind"] == KIND


def hears(state: RunState, key: str, epoch: int, attempt: int) -> bool:
    """Whether the step waits for the child that this dispatch of it has begun."""
    step = state.steps[key]
    return (step.epoch, step.attempt) == (epoch, attempt) and waits_for_child(state, key)


def children_of(state: RunState, key: str) -> Iterator[tuple[int | None, Child]]:
    """The children of the step's present epoch, by item, as their items ended."""
    epoch, found = state.steps[key].epoch, state.maps.get(key)
    for item in (None,) if found is None else found.items:
        if (known := state.children.get((key, epoch, item))) is not None:
            yield item, known


def wanted(state: RunState, child: str, key: str, item: int | None) -> tuple[str, Child]:
    """What the run wants of its child, and what it knows of it.

    ``go`` on; be undone (``undo``, or ``stuck`` at that; ``undoing`` is the attempt); ``rest`` until a
    rollback undoes it; ``stop``, since nothing waits for it any more; ``nothing``: it is not known, or not
    yet.
    """
    for (step, epoch), job in state.undo.items():
        known = state.children.get((step, epoch, item))
        if step != key or known is None or known["id"] != child:
            continue
        if (job["child"] or {}).get("id") == child and job["status"] in (KIND, "stuck"):
            known = {**known, **job["child"], "undoing": job["attempt"]}
            return ("undo" if job["status"] == KIND else "stuck"), known
        return "rest", known
    known = state.children.get((key, state.steps[key].epoch, item))
    if known is None or known["id"] != child:
        return "nothing", {}
    return ("go" if _goes(state, key, item) else "stop"), known


def _goes(state: RunState, key: str, item: int | None) -> bool:
    if item is None:
        return waits_for_child(state, key)
    found = active(state, key)
    return found is not None and item in found.children


# ---------------------------------------------------------------- the fold


def _started(graph: Graph, state: RunState, at: str, event: Event) -> None:
    key, data = event["step"], event["data"]
    known: Child = {**data["child"], "epoch": event["epoch"], "attempt": event["attempt"]}
    if "item" not in data:
        state.children[key, event["epoch"], None] = known
        suspend(state, key, {"kind": KIND, "child": known["id"]})
        return
    index, tried = data["item"]
    state.children[key, event["epoch"], index] = {**known, "tried": tried}
    found = state.own_map(key)
    found.items[index] = found.items[index].waiting()
    found.running.pop(index, None)
    found.children[index] = known["id"]
    settle(state, key, found)


def _undoes(graph: Graph, state: RunState, at: str, event: Event) -> None:
    where = event["step"], event["epoch"]
    state.undo[where] = {**state.undo[where], "status": KIND, "child": event["data"]["child"]}


HANDLERS = {"child_started": _started, "compensation_waiting": _undoes}
