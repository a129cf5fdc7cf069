"""Add a step: alone, after another one, or on an edge."""

from __future__ import annotations

import copy
from typing import Any

import steps
from builder import cards, frame, layout
from builder.changes import read
from builder.changes.place import below, beside, make_room
from builder.draft import EdgeKey, Recorder
from orchestrator.errors import Invalid


def add_step(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{type, name?, config?, position?, on_edge?, after?}``; the key it got is ``keys["new"]``.

    ``on_edge`` puts it between the two steps of an edge, ``after: {source, port?}`` (or just the source)
    connects it.
    """
    kind = read.text(edit, "type")
    if steps.ports_of(kind, {}) is None:
        raise Invalid(f"There is no step type {kind!r}.", code="unknown_type", field="type")
    key = free_key(recorder, kind)
    step = frame.step({"key": key, "type": kind, "name": edit.get("name"), "config": _config(kind, edit)})
    step.setdefault("config", {})
    recorder.put(["steps", key], step)
    recorder.keys["new"] = key
    if edit.get("on_edge"):
        _insert(recorder, step, edit)
    elif edit.get("after"):
        _append(recorder, step, edit)
    elif edit.get("position"):
        _stand(recorder, key, read.corner(edit["position"]))
    else:
        _stand(recorder, key, below(recorder.draft, key, None))
    return f"add {cards.title(step)}"


def insert_on_edge(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{key, source, port?, target}``: a step that is there already goes between the two of an edge."""
    step = recorder.step(edit.get("key"))
    _between(recorder, step, read.existing(recorder, edit))
    make_room(recorder, step["key"])
    return f"insert {cards.title(step)}"


def free_key(recorder: Recorder, wish: str, taken: frozenset[str] = frozenset()) -> str:
    """``wish``, or it with the first number that is free."""
    number, key = 1, wish
    while key in recorder.draft.steps or key in taken:
        number += 1
        key = f"{wish[: 63 - len(str(number))].rstrip('_')}_{number}"
    return key


def _config(kind: str, edit: dict[str, Any]) -> Any:
    if "config" in edit:
        return read.mapping(edit, "config")
    return copy.deepcopy(steps.TYPES[kind].default_config) if kind in steps.TYPES else {}


def _insert(recorder: Recorder, step: dict[str, Any], edit: dict[str, Any]) -> None:
    source, port, target = read.existing(recorder, edit["on_edge"])
    _between(recorder, step, (source, port, target))
    if edit.get("position"):
        _stand(recorder, step["key"], read.corner(edit["position"]))
    else:
        _stand(recorder, step["key"], beside(recorder.draft, step["key"], source, target))
    make_room(recorder, step["key"])


def _between(recorder: Recorder, step: dict[str, Any], edge: EdgeKey) -> None:
    source, port, target = edge
    at = recorder.draft.index(["edges", *edge])
    usual = cards.usual_port(step["type"], step["config"])
    recorder.drop(["edges", *edge])
    recorder.put(["edges", source, port, step["key"]], True, at)
    recorder.put(["edges", step["key"], usual, target], True, None if at is None else at + 1)


def _append(recorder: Recorder, step: dict[str, Any], edit: dict[str, Any]) -> None:
    after = {"source": edit["after"]} if isinstance(edit["after"], str) else read.mapping(edit, "after")
    source, port, _ = read.edge(recorder, {**after, "target": step["key"]})
    recorder.put(["edges", source, port, step["key"]], True)
    given = edit.get("position")
    _stand(recorder, step["key"], read.corner(given) if given else below(recorder.draft, step["key"], source))


def _stand(recorder: Recorder, key: str, at: dict[str, int]) -> None:
    snapped = {axis: round(value / layout.GRID) * layout.GRID for axis, value in at.items()}
    recorder.put(["steps", key], {**recorder.draft.steps[key], "position": snapped})
