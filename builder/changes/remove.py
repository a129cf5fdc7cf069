"""Remove steps with their edges, or edges alone."""

from __future__ import annotations

from typing import Any

from builder import cards
from builder.changes import read
from builder.draft import EdgeKey, Recorder
from orchestrator.errors import Invalid


def remove(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{steps: [key], edges: [{source, port, target}], heal?}``; a step's edges go with it.

    ``heal`` joins what was before the removed steps with what came after them by the usual way out.
    """
    keys = list(dict.fromkeys(recorder.step(key)["key"] for key in read.items(edit, "steps")))
    edges = list(dict.fromkeys(read.existing(recorder, value) for value in read.items(edit, "edges")))
    if not keys and not edges:
        raise Invalid("The edit remove names neither steps nor edges.", field="steps")
    says = (
        read.titles(recorder, keys)
        if keys
        else "a connection"
        if len(edges) == 1
        else f"{len(edges)} connections"
    )
    bridges = _bridges(recorder, set(keys)) if edit.get("heal") else []
    gone = [edge for edge in recorder.draft.edges if edge in set(edges) or {edge[0], edge[2]} & set(keys)]
    for edge in gone:
        recorder.drop(["edges", *edge])
    for key in keys:
        recorder.drop(["steps", key])
    for edge in bridges:
        recorder.put(["edges", *edge], True)
    return f"remove {says}"


def _bridges(recorder: Recorder, keys: set[str]) -> list[EdgeKey]:
    """Edges past the removed steps; none where many ways in meet many ways out."""
    edges = recorder.draft.edges
    into = [(source, port) for source, port, target in edges if target in keys and source not in keys]
    out = []
    for source, port, target in edges:
        step = recorder.draft.steps[source]
        if source in keys and target not in keys and port == cards.usual_port(step["type"], step["config"]):
            out.append(target)
    if len(into) > 1 and len(set(out)) > 1:
        return []
    return [(*start, target) for start in into for target in dict.fromkeys(out)]
