"""Change one field of one step."""

from __future__ import annotations

from typing import Any

import steps
from builder import cards, frame
from builder.draft import Recorder
from orchestrator.errors import Invalid

FIELDS = ("name", "config", "retry", "timeout_s", "join", "on_failure", "compensate")


def configure(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{key, field, value?}``; ``field`` is ``config.prompt`` or a list of its parts.

    Without a value the field goes. Edges follow the ports: those of a port that is renamed in its place move,
    those of one that is gone go.
    """
    step = recorder.step(edit.get("key"))
    path = parts(edit.get("field"))
    before = steps.ports_of(step["type"], step["config"]) or ()
    if path[0] == "config" or (path[0] == "compensate" and len(path) > 1):
        _write(recorder, step, path, [edit["value"]] if "value" in edit else [])
    else:
        _write_frame(recorder, step, path, edit.get("value"))
    changed = recorder.step(step["key"])
    _follow(recorder, step["key"], before, steps.ports_of(changed["type"], changed["config"]) or ())
    return f"change {word(path)} of {cards.title(changed)}"


def parts(field: Any) -> list[str]:
    """The path that a field names. Raises Invalid."""
    path = field.split(".") if isinstance(field, str) else field
    if not isinstance(path, list) or not all(isinstance(part, (str, int)) for part in path) or not path:
        raise Invalid("A field is named by its path, such as config.prompt.", field="field")
    path = [str(part) for part in path]
    if path[0] not in FIELDS or "" in path:
        raise Invalid(f"{'.'.join(path)!r} is not a field of a step.", field=".".join(path))
    return path


def word(path: list[str]) -> str:
    """How people call the field."""
    return path[-1].replace("_", " ") if not path[-1].isdigit() else path[0]


def _write(recorder: Recorder, step: dict[str, Any], path: list[str], value: list[Any]) -> None:
    """Write below ``config`` or ``compensate``: down through objects; a list on the way as a whole."""
    if len(path) == 1:
        whole = frame.step({**step, "config": value[0] if value else {}}).get("config", {})
        recorder.put(["steps", step["key"], "config"], whole)
        return
    depth, holder = 1, step.get(path[0]) or {}
    while depth < len(path) - 1 and isinstance(holder.get(path[depth]), dict):
        holder = holder[path[depth]]
        depth += 1
    name, rest = path[depth], path[depth + 1 :]
    if rest:
        value = [_within(holder.get(name), rest, value, ".".join(path))]
    at = ["steps", step["key"], *path[: depth + 1]]
    if value:
        recorder.put(at, value[0])
    else:
        recorder.drop(at)


def _within(holder: Any, path: list[str], value: list[Any], field: str) -> Any:
    """A copy of ``holder`` with ``value`` at ``path`` inside it."""
    first, *rest = path
    if isinstance(holder, list):
        place = int(first) if first.isdigit() else -1
        if not 0 <= place <= len(holder) - (not value):
            raise Invalid(f"{field} names no entry of the list.", field=field)
        old = holder[place] if place < len(holder) else {}
        fresh = [_within(old, rest, value, field)] if rest else value
        return [*holder[:place], *fresh, *holder[place + 1 :]]
    if holder is not None and not isinstance(holder, dict):
        raise Invalid(f"{field} lies within a value that is neither an object nor a list.", field=field)
    holder = holder or {}
    if rest:
        return {**holder, first: _within(holder.get(first), rest, value, field)}
    if value:
        return {**holder, first: value[0]}
    return {name: part for name, part in holder.items() if name != first}


def _write_frame(recorder: Recorder, step: dict[str, Any], path: list[str], value: Any) -> None:
    """Write a field beside the config; the frame checks it and leaves out what is default."""
    field, *rest = path
    if len(rest) > 1 or (rest and field in ("name", "timeout_s", "join")):
        raise Invalid(f"{'.'.join(path)!r} is not a field of a step.", field=".".join(path))
    whole = {**(step.get(field) or {}), rest[0]: value} if rest else value
    if rest and value is None:
        whole.pop(rest[0])
    if field == "join" and value is None:
        whole = "any"
    fresh = frame.step({**step, field: whole})
    if field in fresh:
        recorder.put(["steps", step["key"], field], fresh[field])
    else:
        recorder.drop(["steps", step["key"], field])


def _follow(recorder: Recorder, key: str, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    lost = [port for port in before if port not in after]
    if not lost:
        return
    renamed = dict(zip(before, after, strict=True)) if len(before) == len(after) else {}
    for edge in list(recorder.draft.edges):
        source, port, target = edge
        if source != key or port not in lost:
            continue
        at = recorder.draft.index(["edges", *edge])
        recorder.drop(["edges", *edge])
        heir = renamed.get(port)
        if heir and heir not in before:
            recorder.put(["edges", key, heir, target], True, at)
