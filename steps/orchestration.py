"""Run another orchestration as one step."""

from __future__ import annotations

from typing import ClassVar

from steps.base import JSON, Child, Lookup, Problem, StepContext, StepError, StepType
from steps.schema import require
from steps.templates import has_template


class Orchestration(StepType):
    """Starts a run of a published orchestration and waits, without holding a thread, until it has ended."""

    type = "orchestration"
    waits = True
    label = "Orchestration"
    group = "Shape the flow"
    icon = "t-orchestration"
    summary = "Runs another orchestration as one step, and goes on with its output."
    effect = "compensatable"
    default_timeout_s = 30
    default_config: ClassVar[dict[str, JSON]] = {"orchestration": "", "input": "{{ input }}"}
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "orchestration": {
                "title": "Orchestration",
                "description": "A published one. Rolling this step back rolls back all that its run did.",
                "type": "string",
                "minLength": 1,
                "x-widget": "slug:orchestration",
            },
            "version": {
                "title": "Version",
                "description": "Empty: the newest one that is published when the step starts.",
                "type": "integer",
                "minimum": 1,
            },
            "input": {
                "title": "Input",
                "description": "What its run gets, as its start form asks for it.",
                "x-widget": "json",
            },
        },
        "required": ["orchestration"],
        "additionalProperties": False,
    }

    def line(self, config: dict[str, JSON]) -> str:
        """Which one."""
        slug, version = config.get("orchestration"), config.get("version")
        return f"{slug} v{version}"[:80] if slug and version else str(slug or "")[:80]

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """One that is not published, a version that there is not, an input that it would refuse."""
        return [Problem(key, f"config.{field}", code, why) for field, code, why in refusals(config, exists)]

    def run(self, context: StepContext) -> Child:
        """Say which run is wanted; the engine makes it."""
        context.check()
        require(self.schema, context.config)
        return wish(context.config)


def runs_children(step: dict[str, JSON]) -> bool:
    """Whether a step of a document starts runs: an orchestration, or a map over one."""
    config = step.get("config")
    if step.get("type") != "map" or not isinstance(config, dict):
        return step.get("type") == Orchestration.type
    inside = config.get("step")
    named = inside.get("type") if isinstance(inside, dict) else ""
    return bool(config.get("orchestration")) or named == Orchestration.type


def wish(config: dict[str, JSON]) -> Child:
    """The run that a rendered config asks for."""
    slug = config.get("orchestration")
    if not isinstance(slug, str) or not slug:
        raise StepError("Choose which orchestration to run.", code="bad_config", field="orchestration")
    given = config.get("input")
    return Child(slug, config.get("version"), {} if given is None else given)


def refusals(config: dict[str, JSON], exists: Lookup) -> list[tuple[str, str, str]]:
    """What is wrong with the orchestration that a config names: (field, code, sentence)."""
    slug, version = config.get("orchestration"), config.get("version")
    if not isinstance(slug, str) or not slug or has_template(slug):
        return []
    if not exists("orchestration", slug):
        message = f"There is no published orchestration {slug} that you may start; choose another one."
        return [("orchestration", "unknown_orchestration", message)]
    if isinstance(version, int) and not exists("orchestration", f"{slug}@{version}"):
        message = f"{slug} has no version {version}; leave it empty for the newest one."
        return [("version", "unknown_version", message)]
    return []
