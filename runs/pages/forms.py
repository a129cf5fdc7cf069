"""Forms drawn from a JSON Schema: the start form, and what an approval asks for beside the decision."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

JSON = Any
INPUT_TYPES = {
    "email": "email",
    "uri": "url",
    "date": "date",
    "time": "time",
    "password": "text",
}
# JSON Schema keyword -> attribute of the control
LIMITS = {
    "minLength": "minlength",
    "maxLength": "maxlength",
    "minimum": "min",
    "maximum": "max",
    "pattern": "pattern",
}
LONG_TEXT = 200  # from this allowed length on, a text gets several lines


@dataclass(slots=True)
class Field:
    """One control: ``kind`` is text, textarea, integer, number, checkbox, select, lines or json."""

    name: str
    id: str
    label: str
    kind: str
    required: bool
    help: str = ""
    value: str = ""
    error: str = ""
    input_type: str = "text"
    attrs: dict[str, str] = field(default_factory=dict)
    choices: list[tuple[str, str]] = field(default_factory=list)


class SchemaForm:
    """A form for the object that ``schema`` describes.

    ``initial`` fills it; ``data`` is what was sent (then ``value`` and the fields' errors count).
    ``prefix`` keeps its names apart from those of the form around it.
    """

    def __init__(
        self,
        schema: Mapping[str, JSON] | None,
        *,
        initial: Mapping[str, JSON] | None = None,
        data: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> None:
        self.schema: dict[str, JSON] = dict(schema or {})
        self.prefix = prefix
        self.properties: dict[str, dict[str, JSON]] = {
            name: part if isinstance(part, dict) else {}
            for name, part in (self.schema.get("properties") or {}).items()
        }
        required = set(self.schema.get("required") or ())
        self.fields = [self._field(name, part, name in required) for name, part in self.properties.items()]
        self.error = ""  # about the whole, where no field is to blame
        self.value: dict[str, JSON] = {}
        if data is not None:
            self._read(data)
        else:
            self._fill(initial or {})

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong with what was sent."""
        return not self.error and not any(one.error for one in self.fields)

    @property
    def faulty(self) -> list[Field]:
        """The fields with an error, in their order."""
        return [one for one in self.fields if one.error]

    def blame(self, name: str | None, message: str) -> None:
        """Put a refusal under its field, or above the form where no field has that name."""
        for one in self.fields:
            if name and one.name == name.split(".")[0].split("[")[0]:
                one.error = message
                return
        self.error = message

    def _field(self, name: str, part: dict[str, JSON], required: bool) -> Field:
        kind = kind_of(part)
        attrs = {LIMITS[key]: str(part[key]) for key in LIMITS if key in part}
        if kind in ("textarea", "lines", "json"):
            attrs = {
                key: text for key, text in attrs.items() if key.endswith("length") and kind == "textarea"
            }
        label = str(part.get("title") or name.replace("_", " ").capitalize())
        return Field(
            name=name,
            id=f"in-{self.prefix}{name}",
            label=label,
            kind=kind,
            required=required and kind != "checkbox",
            help=_help(part, kind),
            input_type=INPUT_TYPES.get(str(part.get("format")), "text"),
            attrs=attrs,
            choices=[(_option(value), text) for value, text in options(part)],
        )

    def _fill(self, initial: Mapping[str, JSON]) -> None:
        for one in self.fields:
            part = self.properties[one.name]
            given = initial.get(one.name, part.get("default"))
            if given is None and one.kind == "lines":
                given = []
            one.value = _shown(given, one.kind)

    def _read(self, data: Mapping[str, str]) -> None:
        """Take the controls' texts into ``value`` and check it against the schema."""
        for one in self.fields:
            one.value = data.get(self.prefix + one.name, "")
            try:
                taken, value = _taken(one, self.properties[one.name])
            except ValueError as error:
                one.error = str(error)
                continue
            if taken:
                self.value[one.name] = value
        for name, message in problems(self.schema, self.value):
            if not any(one.name == name and one.error for one in self.fields):
                self.blame(name, message)


def kind_of(part: Mapping[str, JSON]) -> str:
    """Which control shows a property."""
    kind = part.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "string")
    if options(part):
        return "select"
    if kind == "array":
        items = part.get("items")
        return "lines" if isinstance(items, dict) and items.get("type") == "string" else "json"
    if kind in ("object", None) and not part.get("format"):
        return "json" if kind == "object" or "properties" in part else "text"
    if kind == "boolean":
        return "checkbox"
    if kind in ("integer", "number"):
        return str(kind)
    long = isinstance(part.get("maxLength"), int) and part["maxLength"] >= LONG_TEXT
    return "textarea" if part.get("format") in ("textarea", "markdown") or long else "text"


def options(part: Mapping[str, JSON]) -> list[tuple[JSON, str]]:
    """The values that a property may take, with their labels; empty where it is free."""
    if isinstance(part.get("enum"), list):
        return [(value, str(value)) for value in part["enum"] if value is not None]
    cases = part.get("oneOf")
    if isinstance(cases, list) and cases and all(isinstance(one, dict) and "const" in one for one in cases):
        return [(one["const"], str(one.get("title", one["const"]))) for one in cases]
    return []


def problems(schema: Mapping[str, JSON], value: JSON) -> Iterator[tuple[str | None, str]]:
    """Each fault of ``value`` as (top-level property or None, sentence); at most one per property."""
    validator = Draft202012Validator(dict(schema), format_checker=FormatChecker())
    seen: set[str | None] = set()
    for error in sorted(validator.iter_errors(value), key=lambda one: [str(step) for step in one.path]):
        name = _blamed(error)
        if name not in seen:
            seen.add(name)
            yield name, say(error)


def _blamed(error: ValidationError) -> str | None:
    if error.path:
        return str(error.path[0])
    if error.validator == "required" and isinstance(error.instance, dict):
        wanted: Any = error.validator_value
        return next((name for name in wanted if name not in error.instance), None)
    return None


def say(error: ValidationError) -> str:
    """A validation error as a sentence for the person who typed it."""
    limit: Any = error.validator_value
    given: Any = error.instance
    sentences: dict[str, Callable[[], str]] = {
        "required": lambda: "Fill this in.",
        "minLength": lambda: (
            "Fill this in." if not given else f"Write at least {limit} characters; these are {len(given)}."
        ),
        "maxLength": lambda: f"Write at most {limit} characters; these are {len(given)}.",
        "minimum": lambda: f"At least {limit}.",
        "maximum": lambda: f"At most {limit}.",
        "exclusiveMinimum": lambda: f"More than {limit}.",
        "exclusiveMaximum": lambda: f"Less than {limit}.",
        "multipleOf": lambda: f"A multiple of {limit}.",
        "minItems": lambda: f"At least {limit} of them.",
        "maxItems": lambda: f"At most {limit} of them.",
        "uniqueItems": lambda: "Each of them once.",
        "pattern": lambda: f"This does not match the form {limit}.",
        "format": lambda: _formats(str(limit)),
        "type": lambda: f"This must be {_types(limit)}.",
        "enum": lambda: "Choose one of the values.",
    }
    found = sentences.get(str(error.validator))
    text = found() if found else f"{error.message}."
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in list(error.path)[1:])
    return f"At {where.lstrip('.')}: {text}" if where else text


def _formats(name: str) -> str:
    examples = {
        "date": "Write a date like 2026-11-24.",
        "email": "Write an e-mail address like mary@example.org.",
        "uri": "Write an address that starts with https://.",
        "date-time": "Write a date and time like 2026-11-24T10:30:00Z.",
    }
    return examples.get(name, f"This is not a valid {name}.")


def _types(kinds: JSON) -> str:
    words = {
        "string": "a text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "yes or no",
        "array": "a list",
        "object": "an object",
        "null": "empty",
    }
    names = kinds if isinstance(kinds, list) else [kinds]
    return " or ".join(words.get(str(name), str(name)) for name in names)


def _help(part: Mapping[str, JSON], kind: str) -> str:
    given = str(part.get("description") or "")
    hints = {"lines": "One on each line.", "json": "As JSON."}
    return " ".join(text for text in (given, hints.get(kind, "")) if text)


def _option(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _shown(value: JSON, kind: str) -> str:
    """The text of a control that holds ``value``."""
    if kind == "checkbox":
        return "on" if value is True else ""
    if kind == "lines" and isinstance(value, list):
        return "\n".join(str(one) for one in value)
    if value is None:
        return ""
    if isinstance(value, str) and kind != "json":
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if kind == "json" else None)


def _taken(one: Field, part: Mapping[str, JSON]) -> tuple[bool, JSON]:
    """Whether a control holds a value, and that value; raises ValueError with a sentence."""
    text = one.value.replace("\r\n", "\n")
    if one.kind == "checkbox":
        return True, bool(text)
    if not text.strip():
        return False, None
    if one.kind == "select":
        return True, next((value for value, _ in options(part) if _option(value) == text), text)
    if one.kind == "lines":
        return True, [line.strip() for line in text.split("\n") if line.strip()]
    if one.kind == "json":
        return True, _json(text)
    if one.kind in ("integer", "number"):
        return True, _number(text.strip(), whole=one.kind == "integer")
    return True, text


def _json(text: str) -> JSON:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"This is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error


def _number(text: str, *, whole: bool) -> int | float:
    try:
        number = int(text) if whole else float(text.replace(",", "."))
        if not math.isfinite(number):
            raise ValueError(text)
    except (ValueError, OverflowError) as error:
        raise ValueError("Write a whole number, like 3." if whole else "Write a number, like 2.5.") from error
    return number
