"""Do one step for each item of a list."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import steps
from steps import schema
from steps.base import JSON, Each, Lookup, Part, Problem, StepContext, StepError, StepResult, StepType
from steps.orchestration import refusals
from steps.schema import violations

MOST_ITEMS = 10_000
CONCURRENCY = 8
ENDS_BY_ITSELF = ("success", "failure")  # the ports of what may run inside


class Map(StepType):
    """Runs the step in its settings once for each item; its ``retry`` and ``timeout_s`` are each item's."""

    type = "map"
    label = "Map over items"
    group = "Shape the flow"
    icon = "t-map"
    summary = "Does one step for each item of a list."
    default_timeout_s = 60
    waits = True
    expressions = frozenset({"step", "input"})
    default_config: ClassVar[dict[str, JSON]] = {
        "items": "{{ input.items }}",
        "step": {"type": "transform", "config": {"output": "{{ item }}"}},
    }
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "items": {
                "title": "Items",
                "description": "A list of up to 10,000 items, known when the step starts.",
                "x-widget": "template",
            },
            "step": {
                "title": "Step for each item",
                "description": "Its type and config. Its templates read item and index, counted from 0.",
                "type": "object",
                "properties": {
                    "type": {"title": "Type", "type": "string", "minLength": 1},
                    "config": {"title": "Config", "type": "object"},
                },
                "required": ["type", "config"],
                "additionalProperties": False,
                "x-widget": "step",
            },
            "orchestration": {
                "title": "Orchestration for each item",
                "description": "Instead of a step: each item is a run of its own.",
                "type": "string",
                "x-widget": "slug:orchestration",
            },
            "version": {
                "title": "Its version",
                "description": "Empty: the newest one that is published when an item starts.",
                "type": "integer",
                "minimum": 1,
            },
            "input": {
                "title": "Its input",
                "description": "What each run gets; reads item and index. Empty: the item itself.",
                "x-widget": "json",
            },
            "concurrency": {
                "title": "Items at once",
                "description": "At most 32 things of one run are under way at a time.",
                "type": "integer",
                "minimum": 1,
                "maximum": 32,
                "default": CONCURRENCY,
            },
            "on_item_failure": {
                "title": "When an item fails for good",
                "enum": ["fail", "skip"],
                "x-labels": {"fail": "the step fails", "skip": "its result is null"},
                "default": "fail",
            },
        },
        "required": ["items"],
        "anyOf": [{"required": ["step"]}, {"required": ["orchestration"]}],
        "x-says": "Choose what is done for each item: a step, or an orchestration.",
        "additionalProperties": False,
    }

    def line(self, config: dict[str, JSON]) -> str:
        """What is done, and over what."""
        kind, over = inner(config)[0], config.get("items")
        known = steps.TYPES.get(kind)
        label = known.label if known else "A step"
        return f"{label} for each of {over}"[:80] if isinstance(over, str) and over else label

    def effect_of(self, config: dict[str, JSON]) -> str:
        """What the step for each item leaves."""
        kind, own = inner(config)
        return steps.TYPES[kind].effect_of(own) if kind in steps.TYPES else self.effect

    def asks(self, config: dict[str, JSON]) -> list[dict[str, JSON]]:
        """Whom the step for each item asks."""
        kind, own = inner(config)
        return steps.TYPES[kind].asks(own) if kind in steps.TYPES and kind != self.type else []

    def parts(self, config: dict[str, JSON]) -> list[Part]:
        """The items, and what the step for each of them reads."""
        kind, own = inner(config)
        found = [Part(name, value) for name, value in config.items() if name != "step"]
        if "orchestration" not in config and kind in steps.TYPES and kind != self.type:
            found += [
                replace(part, field=f"step.config.{part.field}") for part in steps.TYPES[kind].parts(own)
            ]
        return found

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """A type that cannot be done for an item, and what that type itself refuses."""
        kind, own = inner(config)
        if config.get("orchestration"):
            return _of_orchestration(key, config, exists)
        if not kind:
            return []
        if why := refusal(kind, own):
            return [Problem(key, "config.step.type", "not_inside_map", why)]
        known = steps.TYPES[kind]
        found = [
            Problem(key, f"config.{field}" if field else "config", "invalid", message)
            for field, message in violations(known.schema, own)
        ]
        found += known.problems(key, own, exists)
        return [replace(one, field=f"config.step.{one.field}") for one in found]

    def run(self, context: StepContext) -> Each | StepResult:
        """Give the items to the engine; without any the step is done."""
        context.check()
        own = context.config
        schema.require(self.schema, {**own, "step": {"type": "-", "config": {}}} if "step" in own else own)
        items = context.config.get("items")
        if not isinstance(items, list):
            given = "nothing" if items is None else f"{SAYS.get(type(items), 'something')}, not a list"
            raise StepError(f"Items gave {given}; it must be a list.", code="not_a_list", field="items")
        if len(items) > MOST_ITEMS:
            message = f"Items gave {len(items):,} items; a map takes at most {MOST_ITEMS:,}."
            raise StepError(message, code="too_many_items", count=len(items))
        if not items:
            return StepResult(output={"results": []}, line="no items")
        skip = context.config.get("on_item_failure") == "skip"
        return Each(items, context.config.get("concurrency") or CONCURRENCY, skip)


SAYS: dict[type, str] = {
    str: "text",
    dict: "an object",
    int: "a number",
    float: "a number",
    bool: "yes or no",
}


def _of_orchestration(key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
    found = [Problem(key, f"config.{field}", code, why) for field, code, why in refusals(config, exists)]
    if "step" in config:
        message = "Choose either a step or an orchestration for each item, not both."
        found.append(Problem(key, "config.orchestration", "invalid", message))
    return found


def inner(config: dict[str, JSON]) -> tuple[str, dict[str, JSON]]:
    """Type and config of the step for each item, as far as they are there."""
    if config.get("orchestration"):
        named: dict[str, JSON] = {
            name: config[name] for name in ("orchestration", "version", "input") if name in config
        }
        return "orchestration", {"input": "{{ item }}", **named}
    step = config.get("step")
    if not isinstance(step, dict):
        return "", {}
    kind, own = step.get("type"), step.get("config")
    return kind if isinstance(kind, str) else "", own if isinstance(own, dict) else {}


def refusal(kind: str, config: dict[str, JSON]) -> str:
    """Why a type cannot be done for an item; empty where it can."""
    if kind == Map.type:
        return "A map cannot hold another map; make one list of all items in a step before."
    if kind not in steps.TYPES:
        return f"There is no step type {kind[:80]!r} that can run here."
    if steps.TYPES[kind].ports(config) != ENDS_BY_ITSELF:
        return f"A {kind} step does not end by itself on success or failure, so it cannot run for each item."
    return ""
