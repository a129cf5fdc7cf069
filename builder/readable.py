"""What templates may read, and the names that are known before anything has run. Pure."""

from __future__ import annotations

from collections.abc import Iterable
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
ITEM = {"item": "The item", "index": "Its place, from 0"}


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
    found = _within(steps[key], graph) if key else []
    found.append(_readable("input", "Input", _properties(document.get("input") or {}) or ()))
    found += [_step(steps[other], graph) for other in before]
    found.append(_readable("run", "This run", RUN))
    if key:
        found.append(_readable("rollback", "After a rollback", ROLLBACK))
    return found


def _within(step: dict[str, Any], graph: Graph) -> list[Readable]:
    """What is known in one place only: the step's own output where it is undone, the item inside a map."""
    own = [_step(step, graph, within="compensate")]
    if step["type"] != "map":
        return own
    return [*own, *(_readable(name, title, (), within="config.step") for name, title in ITEM.items())]


def _step(step: dict[str, Any], graph: Graph, within: str = "") -> Readable:
    names = [f"output.{name}" for name in output_names(step) or ()] or ["output"]
    more = () if within else ("status", "error.message")
    return _readable(f"steps.{step['key']}", graph.steps[step["key"]].name, (*names, *more), within=within)


def _readable(path: str, title: str, names: Iterable[str], within: str = "") -> Readable:
    return Readable(path=path, title=title, names=list(names), within=within)


def _properties(schema: dict[str, Any]) -> tuple[str, ...] | None:
    """The properties that a schema names; None where it allows any."""
    named = schema.get("properties")
    if not isinstance(named, dict) or not named or schema.get("additionalProperties") is True:
        return None
    return tuple(named)
