"""Ask people: the run waits until enough of them approve, one rejects, or the time is over."""

from __future__ import annotations

from typing import Any, ClassVar

from steps.base import JSON, Ask, Lookup, Problem, StepContext, StepError, StepType
from steps.schema import require, schema_problem
from steps.templates import has_template

ROLES = {"user": "Everybody", "admin": "Admins", "superadmin": "SuperAdmins"}


class Approval(StepType):
    """Puts a question with its evidence to named people, a role, or both."""

    type = "approval"
    waits = True
    label = "Approval"
    group = "Ask people"
    icon = "t-approval"
    summary = "Waits until people approve or reject what they are shown."
    default_timeout_s = 30
    default_config: ClassVar[dict[str, JSON]] = {
        "message": "Go on?",
        "role": "admin",
        "quorum": 1,
        "channels": ["web"],
    }
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "message": {
                "title": "Question",
                "description": "What is asked, in one sentence.",
                "type": "string",
                "minLength": 1,
                "maxLength": 2000,
                "x-widget": "template",
            },
            "evidence": {
                "title": "Evidence",
                "description": "What people need to see to decide.",
                "type": "array",
                "maxItems": 50,
                "x-widget": "rows",
                "items": {
                    "type": "object",
                    "properties": {
                        "title": {"title": "Title", "type": "string", "minLength": 1, "maxLength": 120},
                        "value": {"title": "Value", "x-widget": "template"},
                    },
                    "required": ["title", "value"],
                    "additionalProperties": False,
                },
            },
            "assignees": {
                "title": "People",
                "description": "User names; any of them may answer.",
                "type": "array",
                "maxItems": 100,
                "items": {"title": "User name", "type": "string", "minLength": 1, "maxLength": 150},
                "x-widget": "users",
            },
            "role": {
                "title": "Role",
                "description": "Everybody with this role may answer too.",
                "enum": ["", *ROLES],
                "x-labels": {"": "Nobody else", **ROLES},
                "x-widget": "role",
            },
            "quorum": {
                "title": "Approvals needed",
                "description": "The first rejection rejects.",
                "type": "integer",
                "minimum": 1,
                "maximum": 100,
                "default": 1,
            },
            "expires_s": {
                "title": "Expires after",
                "description": "Unanswered by then, the step goes on along expired. Empty: no limit.",
                "type": ["number", "null"],
                "exclusiveMinimum": 0,
                "maximum": 366 * 24 * 3600,
                "x-unit": "s",
                "x-widget": "template",
            },
            "channels": {
                "title": "Tell them by",
                "description": "The inbox always holds it; a mail brings the evidence and a link to answer.",
                "type": "array",
                "uniqueItems": True,
                "items": {
                    "enum": ["web", "email"],
                    "x-labels": {"web": "their inbox", "email": "mail"},
                },
                "default": ["web"],
                "x-advanced": True,
            },
            "form": {
                "title": "Form",
                "description": "JSON Schema of what the person who answers fills in: the output's data.",
                "type": ["object", "boolean", "null"],
                "x-widget": "json",
                "x-advanced": True,
            },
            "allow_self": {
                "title": "Who started the run may answer",
                "type": "boolean",
                "default": True,
                "x-advanced": True,
            },
        },
        "required": ["message"],
        "additionalProperties": False,
    }

    def ports(self, config: dict[str, JSON]) -> tuple[str, ...]:
        """What people, the clock or a mistake may say."""
        return ("approved", "rejected", "expired", "failure")

    def line(self, config: dict[str, JSON]) -> str:
        """Who is asked."""
        people = [name for name in _list(config.get("assignees")) if isinstance(name, str)]
        role = config.get("role")
        asked = people + ([ROLES[role]] if isinstance(role, str) and role in ROLES else [])
        return ", ".join(asked)[:80] or "nobody is asked yet"

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """Nobody to ask, people who do not exist, a quorum that nobody can reach, a form that is none."""
        people = _list(config.get("assignees"))
        found = [
            Problem(key, f"config.assignees.{number}", "unknown_user", f"There is no user {name!r}.")
            for number, name in enumerate(people)
            if isinstance(name, str) and name and not has_template(name) and not exists("user", name)
        ]
        if not people and not config.get("role"):
            found.append(Problem(key, "config.assignees", "nobody_asked", "Name people or a role to ask."))
        quorum, fixed = config.get("quorum", 1), not any(map(has_template, people))
        if not config.get("role") and people and fixed and _is_int(quorum) and quorum > len(people):
            message = f"{quorum} approvals are needed, and only {len(people)} may answer."
            found.append(Problem(key, "config.quorum", "quorum_unreachable", message))
        if config.get("form") and (wrong := schema_problem(config["form"])):
            found.append(Problem(key, "config.form", "invalid", wrong))
        return found

    def run(self, context: StepContext) -> Ask:
        """Ask."""
        context.check()
        config = _without_empty(context.config)
        require(self.schema, config)
        people = list(dict.fromkeys(config.get("assignees", [])))
        if not people and not config.get("role"):
            raise StepError("Nobody is named to answer this approval.", code="bad_config", field="assignees")
        if wrong := schema_problem(config.get("form") or {}):
            raise StepError(wrong, code="bad_config", field="form")
        return Ask(
            message=config["message"],
            evidence=config.get("evidence", []),
            assignees=people,
            role=config.get("role", ""),
            quorum=config.get("quorum", 1),
            expires_s=config.get("expires_s"),
            form=config.get("form"),
            allow_self=config.get("allow_self", True),
            channels=config.get("channels", ["web"]),
        )


def _without_empty(config: dict[str, JSON]) -> dict[str, JSON]:
    """Names and settings that templates left empty do not count."""
    people = [name for name in _list(config.get("assignees")) if name not in (None, "")]
    return {name: value for name, value in config.items() if value is not None} | (
        {"assignees": people} if "assignees" in config else {}
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
