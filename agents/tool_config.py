"""What a tool's config may say: an HTTP request with places for the model's arguments, or a search."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from agents.errors import GatewayError
from agents.structure import check_schema

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}
QUESTION: dict[str, Any] = {
    "type": "object",
    "properties": {"query": {"type": "string", "minLength": 1, "description": "What to look for"}},
    "required": ["query"],
    "additionalProperties": False,
}
HTTP: dict[str, Any] = {
    "type": "object",
    "properties": {
        "method": {"enum": METHODS},
        "url": {"type": "string", "maxLength": 8000},
        "headers": {"type": "object", "additionalProperties": {"type": ["string", "number"]}},
        "query": {"type": "object"},
        "json": {},
        "body": {"type": "string"},
        "arguments": {"type": "object"},
    },
    "required": ["url"],
    "additionalProperties": False,
}
KNOWLEDGE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "base": {"type": "string", "minLength": 1},
        "k": {"type": "integer", "minimum": 1, "maximum": 50},
        "min_score": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["base"],
    "additionalProperties": False,
}
# The server is written out: a model may fill in places behind it, never choose who is called.
_FIXED_SERVER = re.compile(r"https?://[^\s/?#@{}]+([/?#].*)?", re.IGNORECASE | re.DOTALL)


def check(kind: str, config: Any) -> None:
    """Raise ValidationError for a config that could not be used."""
    problem = best_match(Draft202012Validator(HTTP if kind == "http" else KNOWLEDGE).iter_errors(config))
    if problem is not None:
        place = ".".join(map(str, problem.absolute_path))
        raise ValidationError({"config": f"{place}: {problem.message}" if place else problem.message})
    if kind != "http":
        return
    if not _FIXED_SERVER.fullmatch(config["url"]):
        raise ValidationError(
            {"config": "url: Begin with https:// and a server’s name; {{ input.… }} may stand behind it."}
        )
    try:
        check_schema(config.get("arguments", NO_ARGUMENTS))
    except GatewayError as error:
        says = error.message.replace("output schema", "arguments’ schema")
        raise ValidationError({"config": says}) from error


def arguments(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of what the model gives."""
    schema: dict[str, Any] = config.get("arguments", NO_ARGUMENTS) if kind == "http" else QUESTION
    return schema
