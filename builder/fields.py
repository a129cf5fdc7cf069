"""From a JSON Schema to the field of a form, and from what a form posted back to the value. Pure.

The hints (``x-widget``, ``x-labels``, ``x-advanced``, ``x-unit``) are those of ``steps/schema.py``.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from builder.shapes import Field, Option, Widget

JSON = Any
AREAS = frozenset({"prompt", "system", "message", "body"})  # texts that people write several lines of
HINTED: dict[str, Widget] = {
    "template": "template",
    "expression": "expression",
    "users": "tags",
    "cases": "rows",
    "checks": "rows",
    "rows": "rows",
    "json": "json",
    "code": "area",
    "keyvalue": "pairs",
    "schema": "schema",
    "area": "area",
}
TYPED: dict[str, Widget] = {
    "boolean": "checkbox",
    "integer": "integer",
    "number": "number",
    "array": "tags",
    "object": "json",
}


def widget_of(name: str, schema: dict[str, JSON]) -> Widget:
    """Which control a setting gets."""
    hint = str(schema.get("x-widget", ""))
    if hint in ("template", "code") and name in AREAS:
        return "template_area"
    if hint in HINTED:
        return HINTED[hint]
    if "enum" in schema or hint.startswith("slug:") or hint == "role":
        return "select"
    kinds = _kinds(schema)
    return next((TYPED[kind] for kind in kinds if kind in TYPED), "text") if len(kinds) <= 2 else "text"


def reference_of(schema: dict[str, JSON]) -> str:
    """What kind of thing a setting names: agent, model, base, credential, user; empty for none."""
    hint = str(schema.get("x-widget", ""))
    return "user" if hint == "users" else hint.removeprefix("slug:") if hint.startswith("slug:") else ""


def choices(schema: dict[str, JSON]) -> list[Option]:
    """The options that the schema itself lists."""
    labels = schema.get("x-labels") or {}
    listed = schema.get("enum") or (schema.get("items") or {}).get("enum") or []
    words = ((option, "" if option is None else str(option)) for option in listed)
    return [Option(value=word, label=str(labels.get(word, word)), missing=False) for _, word in words]


def field(
    path: str,
    name: str,
    schema: dict[str, JSON],
    value: list[JSON],
    *,
    required: bool = False,
    options: list[Option] | None = None,
    problem: str = "",
) -> Field:
    """The field for one setting; ``value`` is empty where the document leaves it out."""
    widget = widget_of(name, schema)
    default = schema.get("default")
    shown = value[0] if value else default if widget in ("checkbox", "select") else None
    listed = choices(schema) if options is None else options
    if widget == "select" and (shown in (None, "") or not (required or default)):
        listed = _with_none(listed, "Choose…" if required else "None")
    return Field(
        path=path,
        label=str(schema.get("title") or name.replace("_", " ").capitalize()),
        help=str(schema.get("description", "")),
        widget=widget,
        value=shown,
        text=text_of(widget, shown),
        required=required,
        options=listed,
        columns=[],
        row_port=schema.get("x-widget") == "cases",
        minimum=schema.get("minimum", schema.get("exclusiveMinimum")),
        maximum=schema.get("maximum", schema.get("exclusiveMaximum")),
        unit=str(schema.get("x-unit", "")),
        advanced=bool(schema.get("x-advanced")),
        only_for=[],
        placeholder=str(schema.get("x-placeholder", "")) or text_of(widget, default),
        problem=problem,
    )


def text_of(widget: Widget, value: JSON) -> str:
    """A value as its control shows it."""
    if value is None:
        return ""
    if widget == "checkbox":
        return "true" if value else ""
    if widget == "tags" and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    if widget == "pairs" and isinstance(value, dict) and _plain_pairs(value):
        return "\n".join(f"{name}: {text}" for name, text in value.items())
    if widget in ("json", "schema", "rows", "pairs"):
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain_pairs(value: dict[str, JSON]) -> bool:
    """Whether names and texts can stand one a line and be read back the same."""
    return all(
        isinstance(text, str) and f"{name}{text}".isprintable() and ":" not in name and text == text.strip()
        and name and name == name.strip()
        for name, text in value.items()
    )  # fmt: skip


def _with_none(options: list[Option], label: str) -> list[Option]:
    if any(option["value"] == "" for option in options):
        return options
    return [Option(value="", label=label, missing=False), *options]


def _kinds(schema: dict[str, JSON]) -> list[str]:
    kinds = schema.get("type", [])
    return [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
