"""The items of a map, for people and programs: how each stands, and how all of them do."""

from __future__ import annotations

from collections import Counter
from typing import Any

from orchestrator.errors import Invalid, NotFound
from runs.engine.items import ItemState, MapState
from runs.engine.records import RunState
from runs.engine.states import StepStatus

ORDER = ("FAILED", "RUNNING", "WAITING", "CANCELLED", "PENDING", "COMPLETED")  # those that matter most first
NEW = ItemState()


def progress(state: RunState, key: str) -> str:
    """How far a map is: ``412 of 1,000, 3 failed``; empty for what is no map under way or ended."""
    found = state.maps.get(key)
    if found is None:
        return ""
    failed = f", {found.failed:,} failed" if found.failed else ""
    return f"{found.completed:,} of {found.count:,}{failed}"


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


def counts(state: RunState, key: str) -> dict[str, int]:
    """How many items of a map have each status, those that matter most first; statuses of none left out."""
    found = state.maps[key]
    of = Counter(str(item.status) for item in found.items.values())
    of[str(StepStatus.PENDING)] += found.count - len(found.items)
    return {status: of[status] for status in ORDER if of[status]}


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
