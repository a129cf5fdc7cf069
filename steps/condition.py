"""Choose where to go on: each case has a port and an expression."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from steps.base import JSON, Lookup, Part, Problem, StepContext, StepResult, StepType
from steps.schema import require
from steps.templates import evaluate

PORT = r"^[a-z][a-z0-9_]{0,31}(?!\n)$"  # `$` alone would let a line end pass
_OWN = ("else", "failure")


class Condition(StepType):
    """Takes the first true case, or all of them; ``else`` when none is true."""

    type = "condition"
    label = "Condition"
    group = "Shape the flow"
    quick = True
    icon = "t-condition"
    summary = "Chooses the way on by what earlier steps gave."
    default_timeout_s = 10
    expressions = frozenset({"cases"})
    default_config: ClassVar[dict[str, JSON]] = {
        "mode": "first",
        "cases": [{"port": "yes", "label": "Yes", "when": "input"}],
    }
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "mode": {
                "title": "Goes on along",
                "enum": ["first", "all"],
                "x-labels": {"first": "the first case that is true", "all": "every case that is true"},
                "default": "first",
            },
            "cases": {
                "title": "Cases",
                "description": "Each case is a way out. When none is true, the step goes on along else.",
                "type": "array",
                "minItems": 1,
                "maxItems": 50,
                "x-widget": "cases",
                "items": {
                    "type": "object",
                    "properties": {
                        "port": {
                            "title": "Port",
                            "type": "string",
                            "pattern": PORT,
                            "x-says": "A port has up to 32 small letters, digits and _, a letter first.",
                        },
                        "label": {"title": "Label", "type": "string", "maxLength": 80},
                        "when": {
                            "title": "When",
                            "description": "An expression, such as steps.classify.output.label == 'refund'.",
                            "type": "string",
                            "minLength": 1,
                            "x-widget": "expression",
                        },
                    },
                    "required": ["port", "when"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["cases"],
        "additionalProperties": False,
    }

    def ports(self, config: dict[str, JSON]) -> tuple[str, ...]:
        """The cases' ports in their order, then ``else`` and ``failure``."""
        named = (case.get("port") for _, case in _cases(config))
        legal = [port for port in named if isinstance(port, str) and re.fullmatch(PORT, port)]
        return (*dict.fromkeys(port for port in legal if port not in _OWN), *_OWN)

    def line(self, config: dict[str, JSON]) -> str:
        """The one expression, or the names of the ways out."""
        cases = [case for _, case in _cases(config)]
        if len(cases) == 1 and isinstance(cases[0].get("when"), str):
            return str(cases[0]["when"])[:80]
        return ", ".join(str(case.get("label") or case.get("port") or "") for case in cases)[:80]

    def parts(self, config: dict[str, JSON]) -> list[Part]:
        """The expressions."""
        return [
            Part(f"cases.{number}.when", case["when"], expression=True)
            for number, case in _cases(config)
            if isinstance(case.get("when"), str) and case["when"]
        ]

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """Two cases with one port, or a case that takes a name of the step's own."""
        seen: set[Any] = set(_OWN)
        found = []
        for number, case in _cases(config):
            port = case.get("port")
            if isinstance(port, str) and port in seen:
                message = f"The port {port!r} is there already; give each case its own."
                found.append(Problem(key, f"config.cases.{number}.port", "duplicate_port", message))
            seen.add(port if isinstance(port, str) else None)
        return found

    def run(self, context: StepContext) -> StepResult:
        """Evaluate the cases in order."""
        require(self.schema, context.config)
        every = context.config.get("mode") == "all"
        taken: list[str] = []
        for number, case in _cases(context.config):
            context.check()
            if evaluate(case["when"], context.scope, field=f"cases.{number}.when"):
                taken.append(case["port"])
                if not every:
                    break
        taken = taken or ["else"]
        return StepResult(output={"ports": taken}, ports=tuple(taken), line=", ".join(taken))


def _cases(config: dict[str, JSON]) -> list[tuple[int, dict[str, JSON]]]:
    cases = config.get("cases")
    numbered = enumerate(cases) if isinstance(cases, list) else ()
    return [(number, case) for number, case in numbered if isinstance(case, dict)]
