"""Wait for a time, without holding a thread."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import ClassVar

from steps.base import JSON, Lookup, Problem, Sleep, StepContext, StepError, StepResult, StepType
from steps.schema import require
from steps.templates import has_template

MAX_S = 366 * 24 * 3600.0


class Delay(StepType):
    """Waits some seconds, or until a moment."""

    type = "delay"
    waits = True
    label = "Delay"
    group = "Shape the flow"
    icon = "t-delay"
    summary = "Waits for a time, then goes on. A restart does not lose the wait."
    default_timeout_s = 10
    default_config: ClassVar[dict[str, JSON]] = {"seconds": 60}
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "seconds": {
                "title": "Seconds",
                "description": "How long to wait.",
                "type": "number",
                "minimum": 0,
                "maximum": MAX_S,
                "x-unit": "s",
                "x-widget": "template",
            },
            "until": {
                "title": "Until",
                "description": "A moment instead: 2030-01-31T09:00:00Z; UTC where it names no zone.",
                "type": "string",
                "format": "date-time",
                "x-widget": "template",
            },
        },
        "anyOf": [{"required": ["seconds"]}, {"required": ["until"]}],
        "x-says": "Set the seconds, or a moment to wait until.",
        "additionalProperties": False,
    }

    def ports(self, config: dict[str, JSON]) -> tuple[str, ...]:
        """A delay cannot fail along an edge."""
        return ("success",)

    def line(self, config: dict[str, JSON]) -> str:
        """How long, or until when."""
        if config.get("until"):
            return f"until {config['until']}"[:80]
        seconds = config.get("seconds")
        return f"{seconds} s"[:80] if isinstance(seconds, (int, float, str)) else ""

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """Both settings at once, or a moment that cannot be read."""
        until = config.get("until")
        if until and config.get("seconds") is not None:
            message = "Set either the seconds or the moment, not both."
            return [Problem(key, "config.until", "invalid", message)]
        if isinstance(until, str) and until and not has_template(until) and moment(until) is None:
            return [Problem(key, "config.until", "invalid", f"{until!r} is no date and time.")]
        return []

    def run(self, context: StepContext) -> StepResult | Sleep:
        """Sleep, or complete at once where the moment has passed."""
        context.check()
        require(self.schema, context.config)
        seconds = self._seconds(context.config)
        return Sleep(seconds) if seconds > 0 else StepResult(output={"waited_s": 0})

    def _seconds(self, config: dict[str, JSON]) -> float:
        if not config.get("until"):
            return float(config.get("seconds") or 0)
        due = moment(config["until"])
        if due is None:
            raise StepError(f"{config['until']!r} is no date and time.", code="bad_config", field="until")
        seconds = (due - datetime.now(UTC)).total_seconds()
        if seconds > MAX_S:
            raise StepError("A delay may last 366 days at most.", code="bad_config", field="until")
        return seconds if math.isfinite(seconds) else 0


def moment(text: str) -> datetime | None:
    """The aware moment that an ISO 8601 text names, or None."""
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
