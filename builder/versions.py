"""What differs between two documents of one orchestration. Pure."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

import orjson

from builder.draft import META, Draft

JSON = Any


class Change(TypedDict):
    """One field that differs; ``before`` or ``after`` is missing where it was not there."""

    field: str
    before: JSON
    after: JSON


class StepDiff(TypedDict):
    """A step that was added, removed or changed, with the fields that differ."""

    step: str
    name: str
    what: Literal["added", "removed", "changed"]
    fields: list[Change]


class Diff(TypedDict):
    """All that differs; ``moved`` are the steps that stand elsewhere."""

    steps: list[StepDiff]
    edges_added: list[dict[str, str]]
    edges_removed: list[dict[str, str]]
    settings: list[Change]
    moved: list[str]


def diff(before: dict[str, JSON], after: dict[str, JSON]) -> Diff:
    """What makes ``after`` out of ``before``, both canonical."""
    old, new = Draft(before), Draft(after)
    changed: list[StepDiff] = []
    for key in {**old.steps, **new.steps}:
        one, other = old.steps.get(key), new.steps.get(key)
        if one is None or other is None:
            present = one or other or {}
            word: Literal["added", "removed"] = "added" if one is None else "removed"
            changed.append(StepDiff(step=key, name=present.get("name", ""), what=word, fields=[]))
        elif fields := _fields(one, other):
            changed.append(StepDiff(step=key, name=other.get("name", ""), what="changed", fields=fields))
    return Diff(
        steps=changed,
        edges_added=[_edge(edge) for edge in new.edges if edge not in old.edges],
        edges_removed=[_edge(edge) for edge in old.edges if edge not in new.edges],
        settings=[change for name in META for change in _differ(name, old.meta, new.meta)],
        moved=[
            key
            for key, step in new.steps.items()
            if key in old.steps and step.get("position") != old.steps[key].get("position")
        ],
    )


def count_changes(before: dict[str, JSON], after: dict[str, JSON]) -> int:
    """How many steps, edges and settings differ; all moves together are one."""
    found = diff(before, after)
    edges = len(found["edges_added"]) + len(found["edges_removed"])
    return len(found["steps"]) + edges + len(found["settings"]) + bool(found["moved"])


def _fields(one: dict[str, JSON], other: dict[str, JSON]) -> list[Change]:
    found: list[Change] = []
    for name in {**one, **other}:
        if name == "config":
            for setting in {**one["config"], **other["config"]}:
                found += _differ(setting, one["config"], other["config"], "config.")
        elif name == "compensate" and one.get(name, {}).get("type") == other.get(name, {}).get("type"):
            was, now = (step[name].get("config", {}) for step in (one, other))
            for setting in {**was, **now}:
                found += _differ(setting, was, now, "compensate.config.")
        elif name != "position":
            found += _differ(name, one, other)
    return found


def _differ(name: str, one: dict[str, JSON], other: dict[str, JSON], prefix: str = "") -> list[Change]:
    if name in one and name in other and _text(one[name]) == _text(other[name]):
        return []
    if name not in one and name not in other:
        return []
    return [Change(field=f"{prefix}{name}", before=one.get(name), after=other.get(name))]


def _text(value: JSON) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _edge(edge: tuple[str, str, str]) -> dict[str, str]:
    source, port, target = edge
    return {"source": source, "port": port, "target": target}
