"""What belongs to the orchestration as a whole."""

from __future__ import annotations

from typing import Any

from builder import frame
from builder.changes import read
from builder.draft import META, Recorder
from orchestrator.errors import Invalid


def set_meta(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{field: name|description|input|output, value?}``; without a value the field goes."""
    field = read.text(edit, "field")
    if field not in META:
        raise Invalid(f"{field!r} is not one of {', '.join(META)}.", field=field)
    document = frame.canonical({**recorder.draft.meta, "steps": [], "edges": [], field: edit.get("value")})
    if field in document:
        recorder.put(["meta", field], document[field])
    else:
        recorder.drop(["meta", field])
    return f"change the {field}" if field != "name" else f"rename it to {document['name']}"
