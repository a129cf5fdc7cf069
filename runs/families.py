"""A run with the runs that it has started: which they are, and what may be done to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from builder.graph import StepSpec
from orchestrator.errors import Conflict
from runs import journal
from runs.children_told import wanted_of
from runs.engine import rollback
from runs.engine.kin import children_of
from runs.engine.states import RunStatus
from runs.models import OrchestrationInstance


def family(run_id: UUID) -> set[UUID]:
    """The run with all that it has started."""
    found, level = {run_id}, {run_id}
    while level:
        rows = OrchestrationInstance.objects.filter(parent_id__in=level)
        level = set(rows.values_list("pk", flat=True))
        found |= level
    return found


def is_taken(run: OrchestrationInstance) -> bool:
    """Whether the run is a child whose parent does not wait for it any more.

    What such a run came to is a part of its parent: it is tried again, or undone, through that.
    """
    return run.parent_id is not None and wanted_of(run)[0] in ("stop", "rest", "nothing")


def refuse(run: OrchestrationInstance) -> None:
    """Raise Conflict ``child_run`` for a child run whose parent does not wait for it any more."""
    if is_taken(run):
        message = f"This run is a part of step {run.parent_step} of another run, which has taken its result."
        raise Conflict(
            f"{message} Try that step again there, or roll that run back.",
            code="child_run", run=str(run.parent_id), step=run.parent_step,
        )  # fmt: skip


def preview(run_id: UUID, to: str | None, effect_of: Callable[[StepSpec], str]) -> dict[str, Any]:
    """What a rollback would do. Raises Conflict as the rollback would.

    ``children`` are the child runs, as they are undone: {step, [item], run, number, preview}.
    """
    graph, _, state = journal.load(run_id)
    found = rollback.preview(graph, state, to, effect_of)
    found["children"] = [
        {
            "step": key, **({} if item is None else {"item": item}), "run": child["id"],
            "number": child["number"], "preview": preview(UUID(child["id"]), None, effect_of),
        }
        for key in found["compensates"]
        for item, child in reversed(list(children_of(state, key)))
        if _has_begun(UUID(child["id"]))
    ]  # fmt: skip
    return found


def _has_begun(pk: UUID) -> bool:
    state = journal.load(pk)[2]
    return state.started_at is not None and state.status not in (
        RunStatus.ROLLED_BACK,
        RunStatus.ROLLING_BACK,
    )
