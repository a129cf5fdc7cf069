"""Reading an edit's own fields; what cannot be read is refused with the field's name."""

from __future__ import annotations

from typing import Any

from builder import cards, frame
from builder.draft import EdgeKey, MissingError, Recorder
from orchestrator.errors import Invalid

Edit = dict[str, Any]


def text(edit: Edit, field: str) -> str:
    """A field that must be text."""
    value = edit.get(field)
    if not isinstance(value, str) or not value:
        raise Invalid(f"The edit {edit.get('op')} needs {field} as text.", field=field)
    return value


def items(edit: Edit, field: str) -> list[Any]:
    """A field that is a list; empty where it is missing."""
    value = edit.get(field, [])
    if not isinstance(value, list):
        raise Invalid(f"The edit {edit.get('op')} needs {field} as a list.", field=field)
    return value


def mapping(edit: Edit, field: str) -> dict[str, Any]:
    """A field that is an object; empty where it is missing."""
    value = {} if edit.get(field) is None else edit[field]
    if not isinstance(value, dict):
        raise Invalid(f"The edit {edit.get('op')} needs {field} as an object.", field=field)
    return value


def corner(value: Any) -> dict[str, int]:
    """A position on the canvas."""
    at = frame.position(value, "")
    if not at:
        raise Invalid("A position is an object with x and y.", field="position")
    return at


def edge(recorder: Recorder, value: Any) -> EdgeKey:
    """Source, port and target of an edge between steps that are there; the usual port where none is named."""
    if not isinstance(value, dict):
        raise Invalid("An edge is an object with source, port and target.", field="edges")
    source, target = recorder.step(value.get("source")), recorder.step(value.get("target"))
    port = value.get("port")
    if port is None or port == "":
        port = cards.usual_port(source["type"], source["config"])
    if not isinstance(port, str):
        raise Invalid("A port is named by text.", field="port", step=source["key"])
    return source["key"], port, target["key"]


def existing(recorder: Recorder, value: Any) -> EdgeKey:
    """The same, of an edge that is there. Raises MissingError."""
    found = edge(recorder, value)
    if found not in recorder.draft.edges:
        raise MissingError(("edges", *found))
    return found


def titles(recorder: Recorder, keys: list[str]) -> str:
    """One step by its title, several by their number."""
    if len(keys) == 1:
        return cards.title(recorder.draft.steps[keys[0]])
    return f"{len(keys)} steps"
