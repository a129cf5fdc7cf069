"""Check a value; a failed check takes the failure port, so a run can go back and mend it."""

from __future__ import annotations

from typing import Any, ClassVar

from steps import checks
from steps.base import JSON, Lookup, Part, Problem, StepContext, StepResult, StepType
from steps.schema import require
from steps.templates import render_value, text_of


class Validation(StepType):
    """Runs its checks over a value and lists every one that did not pass."""

    type = "validation"
    label = "Validation"
    group = "Shape the flow"
    icon = "t-validation"
    summary = "Checks a value; what does not pass goes on along failure."
    default_timeout_s = 120
    expressions = frozenset({"checks"})
    default_config: ClassVar[dict[str, JSON]] = {
        "value": "{{ input }}",
        "checks": [{"kind": "expression", "when": "value", "message": "There is nothing to check."}],
    }
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "value": {
                "title": "Value",
                "description": "What is checked.",
                "x-widget": "template",
            },
            "checks": {
                "title": "Checks",
                "type": "array",
                "minItems": 1,
                "maxItems": 50,
                "x-widget": "checks",
                "items": {
                    "type": "object",
                    "properties": {
                        "kind": {
                            "title": "Kind",
                            "enum": list(checks.KINDS),
                            "x-labels": {name: kind.schema["title"] for name, kind in checks.KINDS.items()},
                        },
                        "message": {
                            "title": "Message",
                            "description": "What is said when it does not pass.",
                            "type": "string",
                            "maxLength": 2000,
                            "x-widget": "template",
                        },
                    },
                    "required": ["kind"],
                    "oneOf": [kind.schema for kind in checks.KINDS.values()],
                },
            },
        },
        "required": ["value", "checks"],
        "additionalProperties": False,
    }

    def line(self, config: dict[str, JSON]) -> str:
        """What kinds of checks there are."""
        kinds = [check["kind"] for _, check in _checks(config) if isinstance(check.get("kind"), str)]
        return ", ".join(dict.fromkeys(kinds))[:80]

    def parts(self, config: dict[str, JSON]) -> list[Part]:
        """The value, the expressions, the prompts and the messages."""
        found = [Part("value", config.get("value"))]
        for number, check in _checks(config):
            found += [
                Part(f"checks.{number}.{name}", check[name], expression=name == "when", extra=("value",))
                for name in ("when", "prompt", "message")
                if isinstance(check.get(name), str) and check[name]
            ]
        return found

    def asks(self, config: dict[str, JSON]) -> list[dict[str, JSON]]:
        """The checks that a model makes."""
        return [check for _, check in _checks(config) if check.get("kind") == "llm"]

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """What each kind of check says about its own settings."""
        return [
            Problem(key, f"config.checks.{number}.{field}", code, message)
            for number, check in _checks(config)
            if (kind := checks.kind_of(check)) is not None
            for field, code, message in kind.problems(check, exists)
        ]

    def run(self, context: StepContext) -> StepResult:
        """Run every check; one that cannot be carried out raises StepError instead of failing the value."""
        require(self.schema, context.config)
        value = context.config["value"]
        seen = checks.Seen(value, {**context.scope, "value": value}, context)
        problems = []
        for number, check in _checks(context.config):
            context.check()
            if said := checks.KINDS[check["kind"]].carry_out(check, seen, f"checks.{number}"):
                own = check.get("message")
                at = f"checks.{number}.message"
                problems.append(text_of(render_value(own, seen.scope, at)) if own else said)
        return StepResult(
            output={"passed": not problems, "problems": problems},
            ports=("failure",) if problems else ("success",),
            usage=seen.usage,
            cost=seen.cost,
            line="passed" if not problems else problems[0][:80],
            reason="; ".join(problems)[:1000],
        )


def _checks(config: dict[str, JSON]) -> list[tuple[int, dict[str, Any]]]:
    checks_ = config.get("checks")
    numbered = enumerate(checks_) if isinstance(checks_, list) else ()
    return [(number, check) for number, check in numbered if isinstance(check, dict)]
