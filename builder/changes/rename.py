"""Give a step another key; everything that reads it follows."""

from __future__ import annotations

from typing import Any

from builder import frame
from builder.changes import read
from builder.changes.references import renamed
from builder.draft import Recorder
from orchestrator.errors import Conflict, Invalid


def rename_key(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{key, to}``: the step, its edges, the templates and rollbacks that name it."""
    step = recorder.step(edit.get("key"))
    old, new = step["key"], read.text(edit, "to")
    if not frame.KEY.fullmatch(new):
        raise Invalid(
            "A key is lower-case letters, digits and _, begins with a letter, and has at most 64 characters.",
            code="bad_key",
            step=old,
            field="key",
        )
    if new == old:
        return f"rename {old}"
    if new in recorder.draft.steps:
        raise Conflict(f"Another step has the key {new} already.", code="key_taken", step=old, field="key")
    at = recorder.draft.index(["steps", old])
    edges = [
        (edge, recorder.draft.index(["edges", *edge])) for edge in recorder.draft.edges if old in edge[::2]
    ]
    recorder.drop(["steps", old])
    recorder.put(["steps", new], {**step, "key": new}, at)
    for (source, port, target), place in edges:
        recorder.drop(["edges", source, port, target])
        ends = {old: new}
        recorder.put(["edges", ends.get(source, source), port, ends.get(target, target)], True, place)
    _rewrite(recorder, {old: new})
    recorder.keys[old] = new
    return f"rename {old} to {new}"


def _rewrite(recorder: Recorder, keys: dict[str, str]) -> None:
    for key in list(recorder.draft.steps):
        step = recorder.draft.steps[key]
        for field, value in renamed(step, keys).items():
            recorder.put(["steps", key, field], value)
    output = recorder.draft.meta.get("output")
    fresh = renamed({"type": "", "config": {"output": output}}, keys)
    if fresh:
        recorder.put(["meta", "output"], fresh["config"]["output"])
