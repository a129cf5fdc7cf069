"""What of a run waits for a free slot, and how the fold keeps that."""

from __future__ import annotations

from collections.abc import Collection

from builder.graph import Graph
from runs.engine.events import Event
from runs.engine.records import RunState
from runs.engine.states import ACTIVE, RunStatus


def waits(state: RunState, key: str) -> bool:
    """Whether the step, or all of a map's items, could start now and waits for a free slot."""
    if state.awaiting is None or state.failing or state.status is not RunStatus.RUNNING:
        return False
    return key in state.ready or (key in state.mapping and not state.maps[key].running)


def fold_awaited(graph: Graph, state: RunState, at: str, event: Event) -> None:
    """Until nothing is ready any more (``state.refresh``)."""
    state.awaiting = {"since": at, **event["data"]}


def wanted(state: RunState, gated: Collection[str]) -> dict[str, int]:
    """How many of each gated step could start now: the step, or items of a map."""
    if state.status not in ACTIVE or state.failing:
        return {}
    found = {key: 1 for key in state.ready if key in gated}
    for key in state.mapping:
        items = state.maps[key]
        if key in gated and not items.ended:
            waiting = len(items.queue) + items.count - items.next
            found[key] = min(waiting, items.concurrency - items.under_way)
    return found
