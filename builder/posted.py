"""What the builder's page posts, read and done: one door for edits, undo, redo and fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from django.http import HttpRequest

from builder import edits
from builder.form_values import ABSENT
from builder.inspector import inspector, read_value, settings_form
from builder.models import Orchestration
from builder.nested import chosen
from orchestrator.errors import Invalid
from orchestrator.models import User

REDRAWS = (
    "on_failure.action",
    "compensate.type",
    "config.step.type",
)  # fields whose form has other fields once they are saved


def read(request: HttpRequest) -> dict[str, Any]:
    """The posted object: ``revision`` with ``edit``, ``field``, ``undo`` or ``redo``. Raises Invalid."""
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise Invalid("This is not JSON.") from error
    if not isinstance(body, dict) or type(body.get("revision")) is not int:
        raise Invalid("An edit is an object with the revision that it was made on.", field="revision")
    return body


def perform(user: User, orchestration: Orchestration, body: dict[str, Any]) -> edits.Applied:
    """Do what ``body`` says. Raises as the edits do."""
    if body.get("undo"):
        return edits.undo(user, orchestration)
    if body.get("redo"):
        return edits.redo(user, orchestration)
    field = body.get("field")
    if not isinstance(field, dict):
        return edits.apply(user, orchestration, body.get("edit"), body["revision"])
    key, path, text = (field.get(part) for part in ("step", "path", "text"))
    if not isinstance(path, str) or not isinstance(text, str) or not isinstance(key, str | None):
        raise Invalid("A field is saved with its step, its path and its text.", field="field")
    return edits.apply(user, orchestration, configuring(orchestration, key, path, text), body["revision"])


def configuring(orchestration: Orchestration, key: str | None, path: str, text: str) -> dict[str, Any]:
    """The edit that saves what a control of the inspector says. Raises Invalid with the field."""
    value = read_value(orchestration.draft, key or None, path, text)
    if key and value is not ABSENT and (whole := chosen(path, value)):
        path, value = whole
    elif key and path == "compensate.type":
        path = "compensate"  # without a type there is nothing to undo by
    edit = {"op": "configure", "key": key, "field": path} if key else {"op": "set_meta", "field": path}
    return edit if value is ABSENT else {**edit, "value": value}


def redraws(body: dict[str, Any]) -> bool:
    """Whether the form that is open looks different after ``body`` was done."""
    field = body.get("field")
    return not isinstance(field, dict) or field.get("path") in REDRAWS


def changed(orchestration: Orchestration, key: str, posted: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The edits that save a whole form: one for each field that says something else than the draft."""
    form = inspector(orchestration.draft, key) if key else settings_form(orchestration.draft)
    for tab in form["tabs"]:
        for field in tab["fields"]:
            ticked = field["widget"] == "checkbox" and f"{field['path']}__there" in posted
            text = posted.get(field["path"], "" if ticked else None)
            if text is not None and text.replace("\r\n", "\n") != field["text"]:
                yield configuring(orchestration, key, field["path"], text)
