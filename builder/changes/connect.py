"""Edges between steps that are there."""

from __future__ import annotations

from typing import Any

from builder import cards
from builder.changes import read
from builder.draft import EdgeKey, Recorder
from orchestrator.errors import Invalid


def connect(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{source, port?, target}``; the usual way out where no port is named."""
    edge = read.edge(recorder, edit)
    _refuse_twice(recorder, edge)
    recorder.put(["edges", *edge], True)
    return f"connect {_ends(recorder, edge)}"


def disconnect(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{source, port?, target}`` of an edge that is there."""
    edge = read.existing(recorder, edit)
    recorder.drop(["edges", *edge])
    return f"disconnect {_ends(recorder, edge)}"


def reconnect(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{edge: {source, port, target}, to: {source, port?, target}}``: one end of an edge goes elsewhere."""
    old, new = read.existing(recorder, edit.get("edge")), read.edge(recorder, edit.get("to"))
    if old != new:
        _refuse_twice(recorder, new)
        at = recorder.draft.index(["edges", *old])
        recorder.drop(["edges", *old])
        recorder.put(["edges", *new], True, at)
    return f"connect {_ends(recorder, new)}"


def _refuse_twice(recorder: Recorder, edge: EdgeKey) -> None:
    if edge in recorder.draft.edges:
        source, port, target = edge
        raise Invalid(
            f"{_ends(recorder, edge)} are connected by {port} already.",
            code="duplicate_edge",
            step=source,
            target=target,
        )


def _ends(recorder: Recorder, edge: EdgeKey) -> str:
    source, _, target = edge
    return f"{cards.title(recorder.draft.steps[source])} and {cards.title(recorder.draft.steps[target])}"
