"""Two runs beside each other, step by step."""

from __future__ import annotations

from typing import Any

from runs import payloads
from runs.models import OrchestrationInstance, StepRun

Side = dict[str, Any] | None


def compare(left: OrchestrationInstance, right: OrchestrationInstance) -> dict[str, Any]:
    """Both runs, and each step that either has, in the order of ``left`` and then of ``right``.

    ``{left, right, same_input, same_version, steps: [{key, name, type, left, right, same_status,
    same_output}]}``; a side is None where its run has no such step. Steps are matched by key and type, also
    across versions and orchestrations. Who may see both runs is asked before.
    """
    ours, theirs = _steps(left), _steps(right)
    return {
        "left": _run(left),
        "right": _run(right),
        "same_input": left.input == right.input,
        "same_version": left.version_id == right.version_id,
        "steps": [_pair(ours.get(at), theirs.get(at)) for at in dict.fromkeys([*ours, *theirs])],
    }


def _steps(run: OrchestrationInstance) -> dict[tuple[str, str], StepRun]:
    rows = StepRun.objects.filter(instance_id=run.pk).order_by("position")
    return {(row.key, row.type): row for row in rows}


def _run(run: OrchestrationInstance) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "number": run.number,
        "orchestration": run.orchestration.slug,
        "version": run.version.number,
        "status": run.status,
        "input": run.input,
        "output": payloads.output_of(run),
        **_spent(run),
    }


def _pair(left: StepRun | None, right: StepRun | None) -> dict[str, Any]:
    known = left or right
    assert known is not None  # a key comes from one of them
    ours, theirs = _side(left), _side(right)
    both = ours is not None and theirs is not None
    return {
        "key": known.key,
        "name": known.name,
        "type": known.type,
        "left": ours,
        "right": theirs,
        "same_status": bool(both and ours and theirs and ours["status"] == theirs["status"]),
        "same_output": bool(both and ours and theirs and ours["output"] == theirs["output"]),
    }


def _side(row: StepRun | None) -> Side:
    if row is None:
        return None
    return {"status": row.status, "output": payloads.output_of(row), "error": row.error, **_spent(row)}


def _spent(row: StepRun | OrchestrationInstance) -> dict[str, Any]:
    """Seconds from start to end (None while it lasts), tokens and cost."""
    lasted = row.finished_at - row.started_at if row.started_at and row.finished_at else None
    duration = None if lasted is None else round(lasted.total_seconds(), 3)
    return {"duration_s": duration, "tokens": row.tokens, "cost": row.cost}
