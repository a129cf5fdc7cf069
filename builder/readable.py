"""What templates may read, and the names that are known before anything has run. Pure."""

from __future__ import annotations

from typing import Any

from builder.graph import Graph
from builder.shapes import Readable

METHODS = frozenset({"items", "keys", "values", "get"})  # of any object, in templates
OUTPUTS: dict[str, tuple[str, ...]] = {
    "http": ("status", "headers", "json", "text"),
    "retrieve": ("results",),
    "approval": ("decision", "by", "comment", "data"),
    "validation": ("passed", "problems"),
    "condition": ("ports",),
    "delay": ("waited_s",),
    "email": ("message_id",),
    "map": ("results", "errors"),
}
RUN = ("id", "user", "started_at")
ROLLBACK = ("reason", "count")


def output_names(step: dict[str, Any]) -> tuple[str, ...] | None:
    """The names in a step's output; None where only a run can tell."""
    kind, config = step["type"], step.get("config") or {}
    if kind == "llm":
        schema = config.get("output_schema")
        if isinstance(schema, dict):
            return _properties(schema)
        return None if config.get("agent") else ("text",)
    if kind == "form":
        fields = config.get("schema")
        return _properties(fields) if isinstance(fields, dict) else None
    if kind == "transform":
        made = config.get("output")
        return tuple(map(str, made)) if isinstance(made, dict) else None
    return OUTPUTS.get(kind)


def upstream(document: dict[str, Any], graph: Graph, key: str) -> list[Readable]:
    """The input, the steps before ``key`` (nearest first), the run and the rollback; "" means the output."""
    steps = {step["key"]: step for step in document["steps"]}
    before = [other for other in reversed(graph.order) if not key or graph.is_upstream(other, key)]
    found = [
        Readable(path="input", title="Input", names=list(_properties(document.get("input") or {}) or ()))
    ]
    for other in before:
        names = [f"output.{name}" for name in output_names(steps[other]) or ()] or ["output"]
        title = graph.steps[other].name
        found.append(Readable(path=f"steps.{other}", title=title, names=[*names, "status", "error.message"]))
    found.append(Readable(path="run", title="This run", names=list(RUN)))
    if key:
        found.append(Readable(path="rollback", title="After a rollback", names=list(ROLLBACK)))
    return found


def _properties(schema: dict[str, Any]) -> tuple[str, ...] | None:
    """The properties that a schema names; None where it allows any."""
    named = schema.get("properties")
    if not isinstance(named, dict) or not named or schema.get("additionalProperties") is True:
        return None
    return tuple(named)
