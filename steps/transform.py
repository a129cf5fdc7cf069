"""Shape data: any JSON with templates becomes the output."""

from __future__ import annotations

from typing import ClassVar

from steps.base import JSON, StepContext, StepResult, StepType


class Transform(StepType):
    """Gives its ``output`` setting, templates resolved."""

    type = "transform"
    label = "Transform"
    group = "Shape the flow"
    icon = "t-transform"
    summary = "Makes new data out of what earlier steps gave."
    quick = True
    default_timeout_s = 10
    default_config: ClassVar[dict[str, JSON]] = {"output": {"text": "{{ input }}"}}
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "output": {
                "title": "Output",
                "description": "Any JSON; {{ }} in its texts is filled in. A text that is exactly one {{ }} "
                "keeps the type of its value.",
                "x-widget": "json",
            }
        },
        "required": ["output"],
        "additionalProperties": False,
    }

    def line(self, config: dict[str, JSON]) -> str:
        """The names of what it makes."""
        output = config.get("output")
        if isinstance(output, dict):
            return ", ".join(map(str, output))[:80]
        return output[:80] if isinstance(output, str) else ""

    def run(self, context: StepContext) -> StepResult:
        """Give the output."""
        context.check()
        return StepResult(output=context.config.get("output"))
