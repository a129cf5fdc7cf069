"""Ask one person to fill in a form: what they fill in is the step's output."""

from __future__ import annotations

from typing import Any, ClassVar

from steps.base import JSON, Ask, Lookup, Problem, StepContext, StepError, StepType
from steps.schema import require, schema_problem
from steps.templates import has_template


class Form(StepType):
    """Puts a form, drawn from a JSON Schema, to one person."""

    type = "form"
    label = "Form"
    group = "Ask people"
    icon = "t-form"
    summary = "Waits until one person has filled in a form."
    default_timeout_s = 30
    default_config: ClassVar[dict[str, JSON]] = {
        "message": "Please fill this in.",
        "schema": {
            "type": "object",
            "properties": {"answer": {"type": "string", "title": "Answer"}},
            "required": ["answer"],
        },
    }
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "message": {
                "title": "What is asked for",
                "description": "Shown above the form, in one sentence.",
                "type": "string",
                "minLength": 1,
                "maxLength": 2000,
                "x-widget": "template",
            },
            "schema": {
                "title": "Fields",
                "description": "What is filled in; it becomes the step's output.",
                "type": "object",
                "x-widget": "schema",
            },
            "assignee": {
                "title": "Who fills it in",
                "description": "A user name. Empty: who started the run.",
                "type": ["string", "null"],
                "maxLength": 150,
                "x-widget": "template",
                "x-placeholder": "who started the run",
            },
            "expires_s": {
                "title": "Expires after",
                "description": "Not filled in by then, the step goes on along expired. Empty: no limit.",
                "type": ["number", "null"],
                "exclusiveMinimum": 0,
                "maximum": 366 * 24 * 3600,
                "x-unit": "s",
                "x-widget": "template",
            },
        },
        "required": ["message", "schema"],
        "additionalProperties": False,
    }

    def ports(self, config: dict[str, JSON]) -> tuple[str, ...]:
        """Filled in, not in time, or a mistake."""
        return ("success", "expired", "failure")

    def line(self, config: dict[str, JSON]) -> str:
        """Who is asked for what."""
        schema = config.get("schema")
        fields = schema.get("properties") if isinstance(schema, dict) else None
        who = config.get("assignee")
        asked = [who if isinstance(who, str) and who else "who started the run"]
        if isinstance(fields, dict):
            asked += [", ".join(map(str, fields))] if fields else []
        return ": ".join(asked)[:80]

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """A person who does not exist, a schema that is none or that draws no form."""
        found = []
        who = config.get("assignee")
        if isinstance(who, str) and who and not has_template(who) and not exists("user", who):
            found.append(Problem(key, "config.assignee", "unknown_user", f"There is no user {who!r}."))
        if "schema" in config and (wrong := _wrong(config["schema"])):
            found.append(Problem(key, "config.schema", "invalid", wrong))
        return found

    def run(self, context: StepContext) -> Ask:
        """Ask. Raises StepError where there is nobody to ask or nothing to fill in."""
        context.check()
        config = {name: value for name, value in context.config.items() if value is not None}
        require(self.schema, config)
        if wrong := _wrong(config["schema"]):
            raise StepError(wrong, code="bad_config", field="schema")
        return Ask(
            kind="form",
            message=config["message"],
            evidence=[],
            assignees=[_person(config.get("assignee", "").strip() or _starter(context))],
            role="",
            quorum=1,
            expires_s=config.get("expires_s"),
            form=config["schema"],
            allow_self=True,
            channels=["web"],
        )


def _wrong(schema: JSON) -> str:
    """Why ``schema`` cannot be drawn as a form, as a sentence, or an empty string."""
    if not isinstance(schema, dict):
        return ""  # the config's own schema says so
    if wrong := schema_problem(schema):
        return wrong
    if schema.get("type", "object") != "object":
        return "The fields must be an object's: set the schema's type to object."
    return ""


def _starter(context: StepContext) -> str:
    run: Any = context.scope.get("run") or {}
    name = run.get("user")
    if not name:
        message = "Nobody is named to fill in this form, and nobody started the run by hand; name somebody."
        raise StepError(message, code="nobody_asked", field="assignee")
    return str(name)


def is_user(name: str) -> bool:
    """Whether somebody who may sign in goes by this user name."""
    from orchestrator.models import User

    return User.objects.filter(username=name, is_active=True).exists()


def _person(name: str) -> str:
    """The user name. Raises StepError (``unknown_user``) where nobody goes by it."""
    if not is_user(name):
        message = f"There is no user {name!r} who could fill in this form; name somebody who may sign in."
        raise StepError(message, code="unknown_user", field="assignee")
    return name
