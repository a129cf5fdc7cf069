"""The form of a step, drawn from its type's schema, and the one of the orchestration itself."""

from __future__ import annotations

from typing import Any, cast

import steps
from builder import cards, fields
from builder.document import structure
from builder.form_values import coerce
from builder.frame import RETRY
from builder.graph import Graph, rollback_targets
from builder.palette import announced
from builder.problem_views import views
from builder.problems import problems
from builder.readable import upstream
from builder.references import Directory, Kind
from builder.shapes import Field, Inspector, Option, ProblemView, Tab
from orchestrator.errors import Invalid, NotFound

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


def inspector(document: dict[str, JSON], key: str) -> Inspector:
    """The form of step ``key`` of a canonical document. Raises NotFound."""
    step = _step(document, key)
    graph, directory = structure(document), Directory()
    found = views(document, [one for one in problems(document, directory) if one.step == key])
    known = steps.TYPES.get(step["type"])
    more = announced(step["type"])
    return Inspector(
        key=key,
        type=step["type"],
        label=cards.label(step),
        icon=known.icon if known else more.icon,
        title=cards.title(step),
        summary=known.summary if known else more.summary,
        effect=known.effect if known else "reversible",
        available=known is not None,
        tabs=[
            Tab(id="settings", title="Settings", fields=_settings(step, directory, found)),
            Tab(id="fails", title="If it fails", fields=_fails(step, graph, found)),
            Tab(id="flow", title="Flow", fields=[_one("join", "join", JOIN, _maybe(step, "join"), found)]),
        ],
        problems=found,
        upstream=upstream(document, graph, key),
    )


def settings_form(document: dict[str, JSON]) -> Inspector:
    """The form of what belongs to the orchestration as a whole."""
    found = views(document, [one for one in problems(document, Directory()) if one.step is None])
    listed = [
        _one(name, name, schema, _maybe(document, name), found, required=name == "name")
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
    if path in ("name", "join", "timeout_s"):
        return {"name": NAME, "join": JOIN, "timeout_s": _time_limit(step)}[path]
    if root in ("retry", "on_failure"):
        return {"retry": RETRYING, "on_failure": ON_FAILURE}[root].get(".".join(rest))
    known = steps.TYPES.get(step["type"])
    if root != "config" or not rest:
        return None
    if known is None:
        return {"x-widget": "json"}
    node: dict[str, JSON] | None = known.schema
    for part in rest:
        if node is None:
            return None
        node = node.get("items") if part.isdigit() else _property(node, part)
    return node


def _property(node: dict[str, JSON], name: str) -> dict[str, JSON] | None:
    holders = (node, *node.get("oneOf", ()))
    found = [holder["properties"][name] for holder in holders if name in holder.get("properties", {})]
    return next((schema for schema in reversed(found) if isinstance(schema, dict)), None)


def _settings(step: dict[str, JSON], directory: Directory, found: list[ProblemView]) -> list[Field]:
    listed = [_one("name", "name", NAME, _maybe(step, "name"), found)]
    listed[0]["placeholder"] = cards.label(step)
    config, known = step.get("config") or {}, steps.TYPES.get(step["type"])
    if known is None:
        schema = {"title": "Settings", "x-widget": "json"}
        return [*listed, _one("config", "config", schema, _maybe(step, "config"), found)]
    needed = known.schema.get("required", ())
    for name, schema in known.schema["properties"].items():
        if not schema.get("x-hidden") or name in config:
            path = f"config.{name}"
            value = _maybe(config, name)
            listed.append(
                _one(path, name, schema, value, found, directory=directory, required=name in needed)
            )
    return listed


def _fails(step: dict[str, JSON], graph: Graph, found: list[ProblemView]) -> list[Field]:
    retry, failure = step.get("retry") or {}, step.get("on_failure") or {}
    listed = []
    for name, schema in RETRYING.items():
        default = {**schema, "default": RETRY[name]}
        listed.append(_one(f"retry.{name}", name, default, _maybe(retry, name), found))
    listed.insert(1, _one("timeout_s", "timeout_s", _time_limit(step), _maybe(step, "timeout_s"), found))
    can_go_on = "success" in graph.steps[step["key"]].ports
    for name, schema in ON_FAILURE.items():
        if name == "action" and not can_go_on and failure.get("action") != "continue":
            schema = {**schema, "enum": ["fail", "rollback"]}  # noqa: PLW2901
        if name == "action" or failure.get("action") == "rollback":
            options = _targets(graph, step["key"], failure.get("to")) if name == "to" else None
            value = _maybe(failure, name)
            path, required = f"on_failure.{name}", name != "max_times"
            listed.append(_one(path, name, schema, value, found, options=options, required=required))
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


def _one(
    path: str,
    name: str,
    schema: dict[str, JSON],
    value: list[JSON],
    found: list[ProblemView],
    *,
    options: list[Option] | None = None,
    directory: Directory | None = None,
    required: bool = False,
) -> Field:
    """One field with its options, its columns and the first Problem at or below it."""
    kind = fields.reference_of(schema)
    if kind and directory:
        options = directory.options(cast("Kind", kind), value[0] if value else "")
    wrong = (one["message"] for one in found if f"{one['field']}.".startswith(f"{path}."))
    made = fields.field(
        path, name, schema, value, required=required, options=options, problem=next(wrong, "")
    )
    if made["widget"] == "rows":
        made["columns"] = _columns(schema.get("items") or {}, directory)
    return made


def _columns(row: dict[str, JSON], directory: Directory | None) -> list[Field]:
    """The fields of a row; where rows are of several kinds, each kind's own are for it only."""
    columns = {
        name: _one(name, name, schema, [], [], directory=directory, required=name in row.get("required", ()))
        for name, schema in row.get("properties", {}).items()
    }
    for kind in row.get("oneOf", ()):
        word = str(kind["properties"]["kind"]["const"])
        if "kind" in columns:
            labels = {option["value"]: option for option in columns["kind"]["options"]}
            labels[word]["label"] = str(kind.get("title", word))
        for name, schema in kind["properties"].items():
            if name in row.get("properties", {}):
                continue
            required = name in kind.get("required", ())
            column = columns.setdefault(
                name, _one(name, name, schema, [], [], directory=directory, required=required)
            )
            column["only_for"].append(word)
    return list(columns.values())


def _maybe(holder: dict[str, JSON], name: str) -> list[JSON]:
    return [holder[name]] if name in holder else []
