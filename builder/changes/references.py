"""The steps that templates and rollbacks name, renamed. Pure."""

from __future__ import annotations

import re
from typing import Any

import steps

_BLOCK = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)
_TOKEN = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|[A-Za-z_]\w*|\s+|\d[\w.]*|.", re.DOTALL)
Keys = dict[str, str]  # old key -> new key


def renamed(step: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """The fields of ``step`` that name one of ``keys``, with the new ones."""
    config = step.get("config") or {}
    known = steps.TYPES.get(step["type"])
    bare = {part.field for part in known.parts(config) if part.expression} if known else set()
    fresh = {
        "config": _walk(config, keys, bare, ""),
        "compensate": _walk(step.get("compensate"), keys, set(), ""),
        "on_failure": _back(step.get("on_failure"), keys),
    }
    return {field: value for field, value in fresh.items() if value != step.get(field) and value is not None}


def in_template(text: str, keys: Keys) -> str:
    """``steps.old`` as ``steps.new`` in every ``{{ }}`` and ``{% %}``; text around them stays."""
    if "{{" not in text and "{%" not in text:
        return text
    return _BLOCK.sub(lambda block: in_expression(block[0], keys), text)


def in_expression(text: str, keys: Keys) -> str:
    """The same in a bare expression: ``steps.old``, ``steps["old"]``; not in quotes, not ``x.steps.old``."""
    tokens = _TOKEN.findall(text)
    solid = [place for place, token in enumerate(tokens) if not token.isspace()]
    for number, place in enumerate(solid[:-2]):
        before = tokens[solid[number - 1]] if number else ""
        mark, name = solid[number + 1], solid[number + 2]
        if tokens[place] != "steps" or before == ".":
            continue
        if tokens[mark] == "." and tokens[name] in keys:
            tokens[name] = keys[tokens[name]]
        elif tokens[mark] == "[" and tokens[name][1:-1] in keys and tokens[name][0] in "'\"":
            tokens[name] = tokens[name][0] + keys[tokens[name][1:-1]] + tokens[name][0]
    return "".join(tokens)


def _walk(value: Any, keys: Keys, bare: set[str], path: str) -> Any:
    if isinstance(value, str):
        return in_expression(value, keys) if path in bare else in_template(value, keys)
    if isinstance(value, list):
        return [_walk(part, keys, bare, _join(path, place)) for place, part in enumerate(value)]
    if isinstance(value, dict):
        return {name: _walk(part, keys, bare, _join(path, name)) for name, part in value.items()}
    return value


def _back(value: Any, keys: Keys) -> Any:
    if not isinstance(value, dict) or value.get("to") not in keys:
        return value
    return {**value, "to": keys[value["to"]]}


def _join(path: str, part: Any) -> str:
    return f"{path}.{part}" if path else str(part)
