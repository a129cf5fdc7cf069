"""Steps that are put in once more: copies of these, or from elsewhere."""

from __future__ import annotations

from typing import Any

from builder import frame, layout
from builder.changes import read
from builder.changes.add import free_key
from builder.changes.references import renamed
from builder.draft import Recorder
from orchestrator.errors import Invalid

ASIDE = 2 * layout.GRID


def paste(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{steps: [step], edges: [edge], position?}``: steps as a document has them.

    Keys that are taken get a number, and what the pasted steps read from each other follows. Edges to steps
    outside the lot are left out. ``position`` is the lot's upper left corner.
    """
    lot = [frame.step(step, number) for number, step in enumerate(read.items(edit, "steps"), 1)]
    if not lot:
        raise Invalid("There is nothing to paste.", field="steps")
    edges = [frame.edge(edge, number) for number, edge in enumerate(read.items(edit, "edges"), 1)]
    keys = _fresh_keys(recorder, lot)
    shift = _shift(lot, read.corner(edit["position"]) if edit.get("position") else None)
    for step in lot:
        fresh = {"config": {}, **step, **renamed(step, keys), "key": keys[step["key"]]}
        at = step.get("position") or {"x": 0, "y": 0}
        fresh["position"] = {axis: at[axis] + shift[axis] for axis in ("x", "y")}
        recorder.put(["steps", fresh["key"]], fresh)
    for edge in edges:
        if edge["source"] in keys and edge["target"] in keys:
            port = edge.get("port", "success")
            recorder.put(["edges", keys[edge["source"]], port, keys[edge["target"]]], True)
    recorder.keys.update(keys)
    return f"paste {read.titles(recorder, list(keys.values()))}"


def duplicate(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{steps: [key]}``: the steps once more, a little aside, with the edges between them."""
    chosen = dict.fromkeys(recorder.step(key)["key"] for key in read.items(edit, "steps"))
    edges = [
        {"source": source, "port": port, "target": target}
        for source, port, target in recorder.draft.edges
        if source in chosen and target in chosen
    ]
    paste(recorder, {"op": "duplicate", "steps": [recorder.step(key) for key in chosen], "edges": edges})
    return f"duplicate {read.titles(recorder, list(chosen))}"


def _fresh_keys(recorder: Recorder, lot: list[dict[str, Any]]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for step in lot:
        if step["key"] in keys:
            raise Invalid(
                f"Two of the steps have the key {step['key']}.", code="duplicate_key", step=step["key"]
            )
        keys[step["key"]] = free_key(recorder, step["key"], frozenset(keys.values()))
    return keys


def _shift(lot: list[dict[str, Any]], to: dict[str, int] | None) -> dict[str, int]:
    if to is None:
        return {"x": ASIDE, "y": ASIDE}
    corners = [step.get("position") or {"x": 0, "y": 0} for step in lot]
    return {axis: to[axis] - min(at[axis] for at in corners) for axis in ("x", "y")}
