"""What the action that undoes an item of a map sees: the item, and what was done for it."""

from __future__ import annotations

from typing import Any

from runs import payloads
from runs.cache import Run
from runs.engine.items import MapState
from runs.executors.base import Assignment
from runs.items import value_of
from steps.base import JSON


def scope(
    run: Run, assignment: Assignment, job: dict[str, Any], item: int, seen: dict[str, Any]
) -> dict[str, Any]:
    """``seen`` with ``item``, ``index``, and the step's output with the item's result in its place.

    Where the item did not come to a result, the last receipt of its calls stands for it.
    """
    key, state = assignment.step, run.state
    late = job.get("late", {}).get(item, {})
    mine = state.steps[key].epoch == assignment.epoch
    found = state.maps.get(key) if mine else None
    output = seen["steps"][key]["output"] if mine else None
    results: list[JSON] = [*output["results"]] if isinstance(output, dict) else [None] * (item + 1)
    if results[item] is None:
        results[item] = _result(run, found, late, item, key)
        output = {**(output or {}), "results": results}
    steps = {**seen["steps"], key: {**seen["steps"][key], "output": output}}
    return {**seen, "steps": steps, "item": _given(run, found, late, item), "index": item}


def _given(run: Run, found: MapState | None, late: dict[str, Any], item: int) -> JSON:
    if found is not None:
        return value_of(run.pk, found, item)
    given = late.get("given") or {}
    return payloads.load(run.pk, given["payload"]) if given.get("payload") else given.get("value")


def _result(run: Run, found: MapState | None, late: dict[str, Any], item: int, key: str) -> JSON:
    kept = late or (found.outputs.get(item) if found is not None else None)
    if not kept and found is not None:
        calls = run.state.effects.get(key, {}).values()
        mine = [call for call in calls if call.get("item") == item and call["received"]]
        kept = {"payload": mine[-1].get("payload"), "output": mine[-1].get("receipt")} if mine else {}
    if not kept:
        return None
    return payloads.load(run.pk, kept["payload"]) if kept.get("payload") else kept.get("output")
