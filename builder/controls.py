"""One control of the inspector's form: its options, its columns and what is wrong with it."""

from __future__ import annotations

from typing import Any, cast

from builder import fields
from builder.references import Directory
from builder.shapes import Field, Option, ProblemView
from steps.base import Kind

JSON = Any


def one(
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
    wrong = (each["message"] for each in found if f"{each['field']}.".startswith(f"{path}."))
    made = fields.field(
        path, name, schema, value, required=required, options=options, problem=next(wrong, "")
    )
    if made["widget"] == "rows":
        made["columns"] = _columns(schema.get("items") or {}, directory)
    return made


def _columns(row: dict[str, JSON], directory: Directory | None) -> list[Field]:
    """The fields of a row; where rows are of several kinds, each kind's own are for it only."""
    columns = {
        name: one(name, name, schema, [], [], directory=directory, required=name in row.get("required", ()))
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
                name, one(name, name, schema, [], [], directory=directory, required=required)
            )
            column["only_for"].append(word)
    return list(columns.values())


def maybe(holder: dict[str, JSON], name: str) -> list[JSON]:
    """The value under ``name`` as a list of one; none where it is not there."""
    return [holder[name]] if name in holder else []


def property_of(node: dict[str, JSON], name: str) -> dict[str, JSON] | None:
    """The schema of a property; where rows are of several kinds, that of the last kind that has it."""
    holders = (node, *node.get("oneOf", ()))
    found = [holder["properties"][name] for holder in holders if name in holder.get("properties", {})]
    return next((schema for schema in reversed(found) if isinstance(schema, dict)), None)


def down(node: dict[str, JSON], path: list[str]) -> dict[str, JSON] | None:
    """The schema at ``path`` below ``node``; None where there is none."""
    found: dict[str, JSON] | None = node
    for part in path:
        if found is None:
            return None
        found = found.get("items") if part.isdigit() else property_of(found, part)
    return found


def settings_of(
    path: str,
    schema: dict[str, JSON],
    config: dict[str, JSON],
    directory: Directory,
    found: list[ProblemView],
) -> list[Field]:
    """The fields of a type's config that stands at ``path``; hidden settings only where they are set."""
    needed = schema.get("required", ())
    return [
        one(
            f"{path}.{name}",
            name,
            part,
            maybe(config, name),
            found,
            directory=directory,
            required=name in needed,
        )
        for name, part in schema["properties"].items()
        if (not part.get("x-hidden") or name in config) and part.get("x-widget") != "step"
    ]
