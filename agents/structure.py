"""Answers of a shape: check the wanted JSON Schema, read the answer, and hold it to the schema.

No provider's promise is taken on trust: what comes back is validated here, whichever way it was asked for.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from agents.errors import GatewayError

_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)\n?```", re.DOTALL)
_NOTHING_REMOTE: Registry[Any] = Registry()  # without it, jsonschema fetches remote $refs


def check_schema(schema: Any) -> None:
    """Raise GatewayError ``bad_schema`` unless ``schema`` is a JSON Schema 2020-12 of an object."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise GatewayError(
            f"The output schema is not a JSON Schema: {error.message}.", code="bad_schema"
        ) from error
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise GatewayError('The output schema must be of "type": "object".', code="bad_schema")


def read(text: str, schema: dict[str, Any]) -> Any:
    """The JSON value of an answer, valid by ``schema``.

    Raises GatewayError ``output_invalid`` (retryable: another try may answer otherwise), with
    ``path`` and ``problem`` in the details.
    """
    value = _parse(text)
    try:
        problem = best_match(Draft202012Validator(schema, registry=_NOTHING_REMOTE).iter_errors(value))
    except Unresolvable as error:
        raise GatewayError(
            f"The output schema refers to what is not in it: {error}.", code="bad_schema"
        ) from error
    if problem is None:
        return value
    path = "/".join(str(part) for part in problem.absolute_path)
    where = f" at {path}" if path else ""
    raise GatewayError(
        f"The model's answer does not fit the output schema{where}: {problem.message[:300]}.",
        code="output_invalid",
        retryable=True,
        received=text,
        path=path,
        problem=problem.message[:300],
    )


def _parse(text: str) -> Any:
    """The JSON in ``text``; models that are only told of the schema like to put it in a code fence."""
    fenced = _FENCE.search(text)
    for candidate in (text, fenced.group(1) if fenced else ""):
        try:
            return orjson.loads(candidate)
        except orjson.JSONDecodeError:
            continue
    raise GatewayError(
        "The model's answer is not JSON.", code="output_invalid", retryable=True, received=text
    )
