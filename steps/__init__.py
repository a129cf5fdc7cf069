"""What a step can do: the registry of step types, and what other rooms ask about a config."""

from __future__ import annotations

from steps import schema, templates
from steps.approval import Approval
from steps.base import JSON, Lookup, Problem, StepType
from steps.condition import Condition
from steps.delay import Delay
from steps.email import Email
from steps.form import Form
from steps.http import Http
from steps.llm import Llm
from steps.map import Map
from steps.orchestration import Orchestration
from steps.retrieve import Retrieve
from steps.transform import Transform
from steps.validation import Validation

TYPES: dict[str, StepType] = {
    "llm": Llm(),
    "retrieve": Retrieve(),
    "validation": Validation(),
    "http": Http(),
    "email": Email(),
    "approval": Approval(),
    "form": Form(),
    "condition": Condition(),
    "transform": Transform(),
    "delay": Delay(),
    "map": Map(),
    "orchestration": Orchestration(),
}


def get(type: str) -> StepType:  # noqa: A002  (the document's word)
    """The step type called ``type``. Raises KeyError for one that is unknown."""
    return TYPES[type]


def ports_of(type: str, config: JSON) -> tuple[str, ...] | None:  # noqa: A002
    """The ports of a step in drawing order, or None for a type that does not exist."""
    if type in TYPES:
        return TYPES[type].ports(config if isinstance(config, dict) else {})
    return None


def compile_config(type: str, config: dict[str, JSON]) -> templates.Compiled:  # noqa: A002
    """``config`` ready for ``templates.render``; what the type evaluates by itself stays as it is."""
    raw = TYPES[type].expressions
    parts = {
        name: templates.Compiled(value, True, name) if name in raw else templates.compile_value(value, name)
        for name, value in config.items()
    }
    constant = all(part.constant for part in parts.values())
    return templates.Compiled(config if constant else parts, constant)


def reads_of(type: str, config: JSON) -> set[tuple[str, templates.Path]]:  # noqa: A002
    """Each (field, path) that the config reads: ``("config.prompt", ("steps", "draft", "output"))``.

    Parts that cannot be compiled read nothing; ``config_problems`` reports them.
    """
    found: set[tuple[str, templates.Path]] = set()
    for part in TYPES[type].parts(config) if type in TYPES and isinstance(config, dict) else ():
        try:
            read = list(templates.reads(part.value, f"config.{part.field}", expression=part.expression))
        except templates.TemplateError:
            continue
        found.update(read)
    return found


def config_problems(key: str, type: str, config: JSON, exists: Lookup) -> list[Problem]:  # noqa: A002
    """What keeps this step's config from running, with fields as paths: ``config.cases.0.when``.

    Whether the steps that templates read are upstream is the builder's question (``reads_of``).
    """
    if type not in TYPES:
        return [Problem(key, "type", "unknown_type", f"There is no step type {type!r}.")]
    if not isinstance(config, dict):
        return [Problem(key, "config", "invalid", "The config must be an object.")]
    found = [
        Problem(key, _path("config", field), "invalid", message)
        for field, message in schema.violations(TYPES[type].schema, config)
    ]
    found += _template_problems(key, TYPES[type], config)
    return found + TYPES[type].problems(key, config, exists)


def _template_problems(key: str, step_type: StepType, config: dict[str, JSON]) -> list[Problem]:
    found = []
    for part in step_type.parts(config):
        try:
            read = list(templates.reads(part.value, part.field, expression=part.expression))
        except templates.TemplateError as error:
            found.append(Problem(key, _path("config", error.field or part.field), "template", error.message))
            continue
        for field, path in read:
            if path[0] == "value" and "value" not in part.extra:
                message = "Only the checks of a validation can read value; read input or a step's output."
                found.append(Problem(key, f"config.{field}", "unknown_name", message))
    return found


def _path(*parts: str) -> str:
    return ".".join(part for part in parts if part)
