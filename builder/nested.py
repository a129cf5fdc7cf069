"""A step inside a step, by its type's own form: what undoes it, and what a map does for each item."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import steps
from builder.controls import down, maybe, one, settings_of
from builder.references import Directory
from builder.shapes import Field, Option, ProblemView, Tab
from steps.base import StepType
from steps.map import refusal

JSON = Any
EACH, UNDO = "config.step", "compensate"  # where such a step stands
ASKS: dict[str, dict[str, JSON]] = {
    EACH: {"title": "What is done", "description": "Its templates read item and index, counted from 0."},
    UNDO: {
        "title": "A rollback undoes it by",
        "description": "Runs when what this step did is rolled back; it may read the step's own output.",
    },
}
HINTS = {UNDO: "nothing: what it did stays", EACH: "Choose…"}


def each_item(step: dict[str, JSON], directory: Directory, found: list[ProblemView]) -> list[Tab]:
    """The tab of a map's inner step; none for what is no map of steps."""
    if not _takes_step(step):
        return []
    return [Tab(id="each", title="Each item", fields=_fields(step, EACH, directory, found))]


def undo(step: dict[str, JSON], directory: Directory, found: list[ProblemView]) -> Tab:
    """The tab of what undoes the step."""
    return Tab(id="undo", title="Undo", fields=_fields(step, UNDO, directory, found))


def schema(step: dict[str, JSON], path: str) -> dict[str, JSON] | None:
    """The schema of a field within such a step; None where ``path`` is not within one."""
    at = _place(path)
    if at is None or (at == EACH and not _takes_step(step)):
        return None
    name, *rest = path.removeprefix(f"{at}.").split(".")
    if name == "type" and not rest:
        return {**ASKS[at], "enum": [option["value"] for option in _types("")]}
    known = steps.TYPES.get(_held(step, at).get("type") or "")
    return down(known.schema, rest) if known and name == "config" and rest else None


def chosen(path: str, kind: str) -> tuple[str, JSON] | None:
    """The field and value that choosing a type saves: its config goes with it. None for other fields."""
    at = _place(path)
    if at is None or path != f"{at}.type":
        return None
    known = steps.TYPES.get(kind)
    return at, {"type": kind, "config": deepcopy(known.default_config) if known else {}}


def _place(path: str) -> str | None:
    return next((at for at in ASKS if path.startswith(f"{at}.")), None)


def _takes_step(step: dict[str, JSON]) -> bool:
    known = steps.TYPES.get(step["type"])
    part = known.schema["properties"].get("step") if known and "properties" in known.schema else None
    return isinstance(part, dict) and part.get("x-widget") == "step"


def _held(step: dict[str, JSON], at: str) -> dict[str, JSON]:
    held = step.get("compensate") if at == UNDO else (step.get("config") or {}).get("step")
    return held if isinstance(held, dict) else {}


def _types(kind: str) -> list[Option]:
    """The types that can stand there, with one that cannot but does."""
    known = [
        Option(value=one.type, label=one.label, missing=False) for one in steps.TYPES.values() if _fits(one)
    ]
    lost = (
        [Option(value=kind, label=kind, missing=True)]
        if kind and kind not in {o["value"] for o in known}
        else []
    )
    return known + lost


def _fits(kind: StepType) -> bool:
    """Whether steps of the type end at once, on success or failure."""
    return not kind.waits and not refusal(kind.type, kind.default_config)


def _fields(step: dict[str, JSON], at: str, directory: Directory, found: list[ProblemView]) -> list[Field]:
    held = _held(step, at)
    kind = str(held.get("type") or "")
    found = [{**each, "field": f"{at}.type"} if each["field"] == at else each for each in found]
    options = _types(kind)
    if at == UNDO or not kind:
        options.insert(0, Option(value="", label=HINTS[at], missing=False))
    listed = [
        one(
            f"{at}.type",
            "type",
            {**ASKS[at], "enum": []},
            maybe(held, "type"),
            found,
            options=options,
            required=True,
        )
    ]
    known, config = steps.TYPES.get(kind), held.get("config")
    if known is None:
        return listed
    return listed + settings_of(
        f"{at}.config", known.schema, config if isinstance(config, dict) else {}, directory, found
    )
