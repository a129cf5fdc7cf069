"""The orchestration document as text: JSON or YAML, written byte for byte the same again."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

import orjson

import steps
from builder import graph, yaml_text
from builder.frame import canonical
from orchestrator.errors import Invalid, TooLarge, Unsupported

__all__ = ["MAX_BYTES", "canonical", "digest", "dump", "empty", "kind_of", "parse", "structure"]

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = yaml_text.MAX_DEPTH
MEDIA_TYPES: dict[str, Literal["json", "yaml"]] = {
    "application/json": "json",
    "text/json": "json",
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
    "text/x-yaml": "yaml",
}
Kind = Literal["json", "yaml"]


def empty(name: str, description: str = "") -> dict[str, Any]:
    """The document of a new orchestration."""
    return canonical({"name": name, "description": description})


def kind_of(media_type: str) -> Kind:
    """Which of the two texts a media type (or file name) means; raises Unsupported."""
    bare = media_type.partition(";")[0].strip().lower()
    if bare in MEDIA_TYPES:
        return MEDIA_TYPES[bare]
    for ending, kind in ((".json", "json"), (".yaml", "yaml"), (".yml", "yaml")):
        if bare.endswith(ending):
            return kind  # type: ignore[return-value]
    raise Unsupported(f"A document is application/json or application/yaml, not {bare or 'untyped'!r}.")


def parse(text: str | bytes, media_type: str = "application/json") -> dict[str, Any]:
    """The canonical document that ``text`` says.

    Raises TooLarge over 4 MiB, Unsupported for another media type, Invalid where it cannot be read or its
    frame is wrong. What steps it may refer to is ``structure``'s and ``problems``' question.
    """
    kind = kind_of(media_type)
    if len(text) > MAX_BYTES:
        raise TooLarge(f"A document may have {MAX_BYTES // 1024 // 1024} MiB; this one has more.")
    decoded = _decode(text)
    value = _load_json(decoded) if kind == "json" else yaml_text.load(decoded)
    bounded(value)
    return canonical(value)


def dump(document: dict[str, Any], kind: Kind = "json") -> bytes:
    """The document as UTF-8 text. What ``parse`` makes of it dumps to the same bytes."""
    document = canonical(document)
    if kind == "yaml":
        return yaml_text.dump(document).encode()
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def digest(document: dict[str, Any]) -> str:
    """SHA-256 of the canonical document, in hexadecimal: equal documents, equal digests."""
    return hashlib.sha256(orjson.dumps(canonical(document))).hexdigest()


def structure(document: dict[str, Any]) -> graph.Graph:
    """The document's graph. Raises GraphError where its structure is refused (ARCHITECTURE, semantic 10)."""
    return graph.build(document, steps.ports_of)


def bounded(value: Any) -> None:
    """Raise Invalid for what JSON text cannot keep: depth, huge integers, infinity, halves of characters."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return
        level = [child for item in level for child in _children(item)]
    raise Invalid(f"The document is nested deeper than {MAX_DEPTH} levels.", code="not_readable")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        if not value.isascii():
            _whole(value)
    elif isinstance(value, float) and not -float("inf") < value < float("inf"):
        raise Invalid("The document holds a number that is not finite.", code="not_readable")
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise Invalid("The document holds an integer beyond 64 bits.", code="not_readable")
    elif value is not None and not isinstance(value, (bool, int, float)):
        raise Invalid("The document holds what JSON cannot say.", code="not_readable")
    return []


def _whole(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            "The document holds half of a character (a lone surrogate).", code="not_readable"
        ) from error


def _decode(text: str | bytes) -> str:
    if isinstance(text, str):
        _whole(text)
        return text.removeprefix("\ufeff")
    try:
        return bytes(text).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(
            f"The document is not UTF-8 text (byte {error.start + 1}).", code="not_readable"
        ) from error


def _load_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_not_json)
    except json.JSONDecodeError as error:
        raise Invalid(
            f"This is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.",
            code="not_readable",
            line=error.lineno,
        ) from error
    except RecursionError as error:
        raise Invalid(
            f"The document is nested deeper than {MAX_DEPTH} levels.", code="not_readable"
        ) from error
    except ValueError as error:  # an integer of more digits than Python converts
        raise Invalid(f"This JSON cannot be read: {error}.", code="not_readable") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        again = next(key for key in keys if keys.count(key) > 1)
        raise Invalid(f"The key {again[:80]!r} is given twice in one object.", code="not_readable")
    return value


def _not_json(constant: str) -> Any:
    raise Invalid(f"{constant} is not a number that JSON knows.", code="not_readable")
