"""What a form posted for a field, as the value that the document gets. Pure."""

from __future__ import annotations

import json
from typing import Any

from builder.shapes import Widget
from orchestrator.errors import Invalid
from steps import schema as schemas
from steps.templates import has_template

JSON = Any


class _Absent:
    """The type of ABSENT."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()  # the field was left empty: it goes from the document


def coerce(widget: Widget, schema: dict[str, JSON], posted: str | list[str], path: str) -> JSON:
    """The value that ``posted`` means, or ABSENT. Raises Invalid with ``field`` where it means none.

    Text with ``{{`` is kept as it is whatever type the setting has: its value is known at run time only.
    """
    lines = posted if isinstance(posted, list) else [posted]
    text = "\n".join(lines).replace("\r\n", "\n")
    if widget == "checkbox":
        value: JSON = text.strip().lower() in ("true", "on", "1", "yes")
        return ABSENT if value == bool(schema.get("default")) else value
    if not text.strip():
        return ABSENT
    if widget == "tags":
        return _tags(text)
    if widget == "pairs":
        return _pairs(text, path)
    if widget in ("json", "schema", "rows"):
        return _json(text, path, loose=widget == "json")
    if widget == "select":
        return next((option for option in schema.get("enum", ()) if str(option) == text), text)
    return _scalar(schema, text, path)


def _tags(text: str) -> list[str] | _Absent:
    tags = list(dict.fromkeys(line.strip() for line in text.split("\n") if line.strip()))
    return tags or ABSENT


def _pairs(text: str, path: str) -> JSON:
    if text.lstrip().startswith("{"):
        return _json(text, path, loose=False)
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        name, mark, value = line.partition(":")
        if not line.strip():
            continue
        if not mark or not name.strip():
            raise Invalid(f"Line {number} has no name: write name: value.", field=path)
        if name.strip() in pairs:
            raise Invalid(f"Line {number} gives {name.strip()} a second time.", field=path)
        pairs[name.strip()] = value.strip()
    return pairs


def _json(text: str, path: str, *, loose: bool) -> JSON:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (json.JSONDecodeError, RecursionError) as error:
        if loose and text.strip().startswith("{{") and text.strip().endswith("}}"):
            return text.strip()  # one template for the whole value
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "too deep"
        raise Invalid(f"This is not JSON ({where}).", field=path) from error


def _refuse(constant: str) -> JSON:
    raise json.JSONDecodeError(f"{constant} is not a JSON number", constant, 0)


def _scalar(schema: dict[str, JSON], text: str, path: str) -> JSON:
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "string" in kinds or (has_template(text) and not _is_json(text)):
        return text
    if "integer" in kinds or "number" in kinds:
        return _number(text, path, whole="number" not in kinds)
    return _fitting(schema, text)


def _number(text: str, path: str, *, whole: bool) -> float:
    compact = text.strip().replace(" ", "").replace("\u202f", "").replace("\u00a0", "")
    try:
        value = float(compact)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e15 or (whole and value != int(value)):
        raise Invalid(f"This must be a {'whole ' if whole else ''}number, such as 5.", field=path)
    return int(value) if value == int(value) else value


def _fitting(schema: dict[str, JSON], text: str) -> JSON:
    """For a setting of any type: the reading of the text that the schema takes, JSON before plain text."""
    readings: list[JSON] = [text]
    if _is_json(text):
        readings.insert(0, json.loads(text))
    elif "," in text:
        readings.append([_maybe_number(part.strip()) for part in text.split(",")])
    if "anyOf" not in schema:
        plain = not text.lstrip().startswith(("{", "[", '"'))
        return text if plain else readings[0]
    return next((value for value in readings if not schemas.violations(schema, value)), text)


def _maybe_number(text: str) -> JSON:
    return int(text) if text.isdecimal() else text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True
