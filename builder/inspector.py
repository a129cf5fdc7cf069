"""The form of a step, drawn from its type's schema, and the one of the orchestration itself."""

from __future__ import annotations

from typing import Any, cast

import steps
from builder import cards, fields, nested
from builder.controls import down, maybe, one, settings_of
from builder.document import structure
from builder.form_values import coerce
from builder.frame import RETRY
from builder.graph import Graph, rollback_targets
from builder.palette import STRANGER
from builder.problem_views import views
from builder.problems import problems
from builder.readable import upstream
from builder.references import Directory
from builder.shapes import Field, Inspector, Option, ProblemView, Tab
from orchestrator.errors import Invalid, NotFound
from orchestrator.models import User

JSON = Any
NAME = {"title": "Name", "type": "string", "maxLength": 200}
META: dict[str, dict[str, JSON]] = {
    "name": {"title": "Name", "type": "string", "maxLength": 120},
    "description": {
        "title": "Description",
        "description": "What it does, for those who start it.",
        "type": "string",
        "x-widget": "area",
    },
    "input": {
        "title": "Input",
        "description": "JSON Schema of what a run is started with; the start form is drawn from it.",
        "type": "object",
        "x-widget": "schema",
    },
    "output": {
        "title": "Output",
        "description": "What a run answers, with {{ }}; without it, the outputs of the last steps.",
        "x-widget": "json",
    },
}
JOIN: dict[str, JSON] = {
    "title": "Starts",
    "description": "Matters where several ways lead here.",
    "enum": ["any", "all", "first"],
    "default": "any",
    "x-labels": {
        "any": "once all ways in are decided and one was taken",
        "all": "only if every way in was taken",
        "first": "as soon as the first way in is taken",
    },
}
RETRYING: dict[str, dict[str, JSON]] = {
    "max_attempts": {"title": "Attempts", "description": "How often it is tried in all.", "type": "integer"},
    "delay_s": {"title": "First pause", "type": "number", "x-unit": "s"},
    "backoff": {"title": "Longer each time by", "type": "number", "x-unit": "times", "x-advanced": True},
    "max_delay_s": {"title": "Longest pause", "type": "number", "x-unit": "s", "x-advanced": True},
}
ON_FAILURE: dict[str, dict[str, JSON]] = {
    "action": {
        "title": "Then",
        "description": "What happens when no attempt worked and no edge leads on from the failure.",
        "enum": ["fail", "continue", "rollback"],
        "default": "fail",
        "x-labels": {
            "fail": "the run fails",
            "continue": "the run goes on without its output",
            "rollback": "the run rolls back and tries again",
        },
    },
    "to": {"title": "Rolls back to", "description": "This step or one before it.", "enum": []},
    "max_times": {
        "title": "At most",
        "description": "Then the run fails.",
        "type": "integer",
        "x-unit": "times",
    },
}


def inspector(document: dict[str, JSON], key: str, user: User | None = None) -> Inspector:
    """The form of step ``key`` of a canonical document, as ``user`` may fill it in. Raises NotFound."""
    step = _step(document, key)
    graph, directory = structure(document), Directory(user)
    found = views(document, [one for one in problems(document, directory) if one.step == key])
    known = steps.TYPES.get(step["type"])
    return Inspector(
        key=key,
        type=step["type"],
        label=cards.label(step),
        icon=known.icon if known else STRANGER.icon,
        title=cards.title(step),
        summary=known.summary if known else STRANGER.summary,
        effect=known.effect if known else "reversible",
        available=known is not None,
        tabs=[
            Tab(id="settings", title="Settings", fields=_settings(step, directory, found)),
            *nested.each_item(step, directory, found),
            Tab(id="fails", title="If it fails", fields=_fails(step, graph, found)),
            Tab(id="flow", title="Flow", fields=[one("join", "join", JOIN, maybe(step, "join"), found)]),
            nested.undo(step, directory, found),
        ],
        problems=found,
        upstream=upstream(document, graph, key),
    )


def settings_form(document: dict[str, JSON]) -> Inspector:
    """The form of what belongs to the orchestration as a whole."""
    found = views(document, [one for one in problems(document, Directory()) if one.step is None])
    listed = [
        one(name, name, schema, maybe(document, name), found, required=name == "name")
        for name, schema in META.items()
    ]
    return Inspector(
        key="",
        type="",
        label="Orchestration",
        icon="t-orchestration",
        title=document["name"],
        summary="What belongs to the orchestration as a whole.",
        effect="reversible",
        available=True,
        tabs=[Tab(id="settings", title="Settings", fields=listed)],
        problems=found,
        upstream=upstream(document, structure(document), ""),
    )


def read_value(document: dict[str, JSON], key: str | None, path: str, text: str | list[str]) -> JSON:
    """What a form posted for field ``path`` of step ``key`` (None: of the orchestration), as a value.

    ABSENT where it was left empty. Raises Invalid with ``field``, NotFound for an unknown step.
    """
    name = path.rpartition(".")[2]
    schema = _schema(_step(document, key), path) if key else META.get(path)
    if schema is None:
        raise Invalid(f"There is no field {path}.", field=path)
    return coerce(fields.widget_of(name, schema), schema, text, path)


def _step(document: dict[str, JSON], key: str) -> dict[str, JSON]:
    step = next((one for one in document["steps"] if one["key"] == key), None)
    if step is None:
        raise NotFound(f"There is no step {key} (any more).")
    return cast("dict[str, JSON]", step)


def _schema(step: dict[str, JSON], path: str) -> dict[str, JSON] | None:
    """The schema of one field: of the frame, or down in the type's own."""
    root, *rest = path.split(".")
    if (inner := nested.schema(step, path)) is not None:
        return inner
    if path in ("name", "join", "timeout_s"):
        return {"name": NAME, "join": JOIN, "timeout_s": _time_limit(step)}[path]
    if root in ("retry", "on_failure"):
        return {"retry": RETRYING, "on_failure": ON_FAILURE}[root].get(".".join(rest))
    known = steps.TYPES.get(step["type"])
    if root != "config" or not rest:
        return None
    if known is None:
        return {"x-widget": "json"}
    return down(known.schema, rest)


def _settings(step: dict[str, JSON], directory: Directory, found: list[ProblemView]) -> list[Field]:
    listed = [one("name", "name", NAME, maybe(step, "name"), found)]
    listed[0]["placeholder"] = cards.label(step)
    config, known = step.get("config") or {}, steps.TYPES.get(step["type"])
    if known is None:
        schema = {"title": "Settings", "x-widget": "json"}
        return [*listed, one("config", "config", schema, maybe(step, "config"), found)]
    return listed + settings_of("config", known.schema, config, directory, found)


def _fails(step: dict[str, JSON], graph: Graph, found: list[ProblemView]) -> list[Field]:
    retry, failure = step.get("retry") or {}, step.get("on_failure") or {}
    listed = []
    for name, schema in RETRYING.items():
        default = {**schema, "default": RETRY[name]}
        listed.append(one(f"retry.{name}", name, default, maybe(retry, name), found))
    listed.insert(1, one("timeout_s", "timeout_s", _time_limit(step), maybe(step, "timeout_s"), found))
    can_go_on = "success" in graph.steps[step["key"]].ports
    for name, schema in ON_FAILURE.items():
        if name == "action" and not can_go_on and failure.get("action") != "continue":
            schema = {**schema, "enum": ["fail", "rollback"]}  # noqa: PLW2901
        if name == "action" or failure.get("action") == "rollback":
            options = _targets(graph, step["key"], failure.get("to")) if name == "to" else None
            value = maybe(failure, name)
            path, required = f"on_failure.{name}", name != "max_times"
            listed.append(one(path, name, schema, value, found, options=options, required=required))
    return listed


def _time_limit(step: dict[str, JSON]) -> dict[str, JSON]:
    known = steps.TYPES.get(step["type"])
    default = {"default": known.default_timeout_s} if known else {}
    return {"title": "Time for each", "description": "Then the attempt fails.", "type": "number",
            "x-unit": "s", **default}  # fmt: skip


def _targets(graph: Graph, key: str, chosen: str | None) -> list[Option]:
    allowed = rollback_targets(graph, key)
    names = {other: graph.steps[other].name for other in allowed}
    listed = [Option(value=other, label=name, missing=False) for other, name in reversed(names.items())]
    lost = [Option(value=chosen, label=chosen, missing=True)] if chosen and chosen not in names else []
    return listed + lost
