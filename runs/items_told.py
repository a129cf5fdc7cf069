"""The items of a map, for people and programs: how each stands, and how all of them do."""

from __future__ import annotations

from typing import Any

from orchestrator.errors import Invalid, NotFound
from runs.engine.items import ItemState, MapState
from runs.engine.records import RunState
from runs.engine.states import StepStatus

SHOWN = 50
ORDER = {"FAILED": 0, "RUNNING": 1, "CANCELLED": 2, "PENDING": 3, "COMPLETED": 4}
NEW = ItemState()


def progress(state: RunState, key: str) -> str:
    """How far a map is: ``412 of 1,000, 3 failed``; empty for what is no map under way or ended."""
    found = state.maps.get(key)
    if found is None:
        return ""
    failed = f", {found.failed:,} failed" if found.failed else ""
    return f"{found.completed:,} of {found.count:,}{failed}"


def shown(state: RunState, key: str) -> dict[str, Any] | None:
    """The items that matter most, at most ``SHOWN``: those that failed first, then those that run."""
    found = state.maps.get(key)
    if found is None:
        return None
    begun = sorted(found.items, key=lambda index: (ORDER[found.items[index].status], index))[:SHOWN]
    rows = [row(found, index) for index in sorted(begun)]
    return {"rows": rows, "progress": progress(state, key), "more": max(found.count - len(rows), 0)}


def row(found: MapState, index: int) -> dict[str, Any]:
    """One item: ``{index, status, attempt, error, started_at, finished_at}``."""
    item = found.items.get(index, NEW)
    return {
        "index": index,
        "status": str(item.status),
        "attempt": item.attempt,
        "error": item.error,
        "started_at": item.started_at,
        "finished_at": item.finished_at,
    }


def page(state: RunState, key: str, status: str, number: int, size: int) -> dict[str, Any]:
    """A page of a map's items in their order, of one status where that is named: ``{count, results}``.

    Raises NotFound for a step that is no map with items, Invalid for a status that there is not.
    """
    found = state.maps.get(key)
    if found is None:
        raise NotFound("This step has no items.")
    wanted = status.upper()
    if wanted and wanted not in ORDER:
        raise Invalid(f"status must be one of {', '.join(ORDER).lower()}.", field="status")
    of = [index for index in range(found.count) if not wanted or _is(found, index, wanted)]
    first = (number - 1) * size
    return {"count": len(of), "results": [row(found, index) for index in of[first : first + size]]}


def _is(found: MapState, index: int, status: str) -> bool:
    return found.items.get(index, NEW).status == StepStatus(status)
