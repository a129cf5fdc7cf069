"""Checking values against JSON Schema 2020-12, in sentences that a person can act on.

Schemas of configs carry hints for the inspector's form: ``title``, ``description``, ``x-widget``
(template, expression, slug:model, slug:agent, slug:base, slug:credential, users, role, cases, checks,
json, code, keyvalue, rows, step), ``x-advanced`` (folded away), ``x-labels`` (words for an enum's values),
``x-unit`` and ``x-placeholder``; ``x-says`` replaces the sentence of whatever fails in that place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from steps.base import JSON, StepError
from steps.patterns import PatternError, searched
from steps.templates import has_template

WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "an object",
    "null": "empty",
}
LIMITS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "needs at least {} characters",
    "maxLength": "may have at most {} characters",
    "minItems": "needs at least {} entries",
    "maxItems": "may have at most {} entries",
    "multipleOf": "must be a multiple of {}",
}
MAX_PROBLEMS = 50


def _pattern(validator: Any, pattern: str, text: JSON, schema: JSON) -> Iterator[ValidationError]:
    if isinstance(text, str) and not _found(pattern, text):
        yield ValidationError(f"{text[:80]!r} does not match {pattern!r}")


def _found(pattern: str, text: str) -> bool:
    try:
        return searched(pattern, text)
    except (PatternError, TimeoutError):
        return False  # a pattern that cannot be matched in time lets nothing pass


# Python's own `re` would hang on an unlucky pattern of a document's schema.
Validator: Any = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def validator(schema: JSON) -> Any:
    """A validator that never fetches anything (a ``$ref`` elsewhere is an error). Raises SchemaError."""
    return _validator(json.dumps(schema))


@lru_cache(maxsize=1024)
def _validator(text: str) -> Any:
    """By the schema's text: checking a schema takes some 10 ms, writing it out some 20 µs."""
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    return Validator(schema, registry=Registry())


def violations(schema: JSON, value: JSON, *, templates: bool = True) -> list[tuple[str, str]]:
    """(field, sentence) for each way in which ``value`` breaks ``schema``.

    ``field`` is a dotted path in ``value``, empty for the whole. With ``templates``, strings that are
    worked out at run time count as fitting. Raises SchemaError for a bad schema.
    """
    found: list[tuple[str, str]] = []
    try:
        errors = list(islice(validator(schema).iter_errors(value), MAX_PROBLEMS))
        for error in errors:
            if not (templates and _rests_on_template(error)):
                found += _explained(error)
    except Unresolvable as error:
        found.append(("", f"The schema refers to what is not in it: {error}."))
    except RecursionError:
        found.append(("", "The schema refers to itself without end, or the value is nested too deeply."))
    return list(dict.fromkeys(found))


def schema_problem(schema: JSON) -> str:
    """Why ``schema`` is no JSON Schema, as a sentence, or an empty string."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(map(str, error.absolute_path))
        return f"The JSON Schema is not valid{f' at {place}' if place else ''}: {error.message[:200]}."
    return ""


def require(schema: JSON, config: dict[str, JSON]) -> None:
    """Raise StepError (``bad_config``) unless the resolved ``config`` fits the type's schema."""
    for error in validator(schema).iter_errors(config):
        for field, message in _explained(error):
            where = f" (config.{field})" if field else ""
            raise StepError(f"{message}{where}", code="bad_config", field=field)


def _rests_on_template(error: ValidationError) -> bool:
    """Whether what failed is a string that is worked out at run time, so nobody can know yet."""
    return has_template(error.instance) or any(map(_rests_on_template, error.context or ()))


def _explained(error: ValidationError) -> list[tuple[str, str]]:
    """What is wrong, looking into the alternatives of ``oneOf`` and ``anyOf``.

    Where a constant tells alternatives apart (``kind``), only the one that was chosen counts.
    """
    if not error.context or "x-says" in _hints(error):
        return [_explain(error)]
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    marks = [inner for inner in error.context if inner.validator == "const"]
    chosen = [found for found in branches.values() if not any(inner in marks for inner in found)]
    if marks and not chosen:
        title = _hints(marks[0]).get("title") or (marks[0].absolute_path or ["The value"])[-1]
        options = ", ".join(_shown(mark.validator_value) for mark in marks)
        return [(".".join(map(str, marks[0].absolute_path)), f"{title} must be one of {options}.")]
    if marks and len(chosen) == 1:
        return [said for inner in chosen[0] for said in _explained(inner)]
    return _explained(best_match(error.context) or error)


def _hints(error: ValidationError) -> dict[str, Any]:
    return error.schema if isinstance(error.schema, dict) else {}


def _explain(error: ValidationError) -> tuple[str, str]:
    path = [str(part) for part in error.absolute_path]
    if error.validator in ("required", "additionalProperties") and isinstance(error.instance, dict):
        name = _named(error)
        return ".".join([*path, name]), _about_key(error, name)
    subject = _hints(error).get("title") or (path[-1] if path else "The value")
    return ".".join(path), str(_hints(error).get("x-says") or f"{subject} {_predicate(error)}.")


def _named(error: ValidationError) -> str:
    """The property that is missing, or that should not be there."""
    if error.validator == "required":  # one error for each missing name, told apart by its message only
        wanted: Any = error.validator_value
        return next((str(name) for name in wanted if error.message.startswith(repr(name))), "")
    properties: Iterable[str] = _hints(error).get("properties", {})
    given: Any = error.instance
    return next((str(name) for name in given if name not in properties), "")


def _about_key(error: ValidationError, name: str) -> str:
    if error.validator == "required":
        part = _hints(error).get("properties", {}).get(name, {})
        title = part.get("title") if isinstance(part, dict) else None
        return f"{title or name} is missing."
    return f"{name!r} is not known here."


def _predicate(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    if error.validator == "type":
        kinds = wanted if isinstance(wanted, list) else [wanted]
        return "must be " + " or ".join(WORDS.get(kind, str(kind)) for kind in kinds)
    if error.validator == "enum":
        return "must be one of " + ", ".join(_shown(option) for option in wanted)
    if error.validator == "const":
        return f"must be {_shown(wanted)}"
    if error.validator in ("minLength", "minItems") and wanted == 1:
        return "is empty"
    if error.validator in LIMITS:
        return LIMITS[str(error.validator)].format(wanted)
    if error.validator == "pattern":
        return f"does not have the form {wanted}"
    return f"does not fit: {error.message[:200]}"


def _shown(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value)
