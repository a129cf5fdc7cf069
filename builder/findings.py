"""What one step's config says by itself, remembered: of 500 steps an edit changes one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import orjson

import steps
from steps import templates
from steps.base import Lookup, Problem

CACHED = 8_192
Reads = tuple[tuple[str, templates.Path], ...]  # (field, path), in order


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found, and which names were asked for, with the answers that it rests on."""

    problems: tuple[Problem, ...]
    reads: Reads
    asked: tuple[tuple[Any, str, bool], ...]


_known: OrderedDict[tuple[str, str, bytes], _Known] = OrderedDict()


def findings(
    key: str, kind: str, config: dict[str, Any], exists: Lookup
) -> tuple[tuple[Problem, ...], Reads]:
    """The Problems of a step's own config, and what its templates read. ``exists`` is asked each time."""
    name = (key, kind, orjson.dumps(config))
    known = _known.get(name)
    if known is None or any(exists(what, slug) != answer for what, slug, answer in known.asked):
        known = _find(key, kind, config, exists)
        _known[name] = known
        while len(_known) > CACHED:
            _known.popitem(last=False)
    return known.problems, known.reads


def _find(key: str, kind: str, config: dict[str, Any], exists: Lookup) -> _Known:
    asked: dict[tuple[Any, str], bool] = {}

    def ask(kind: Any, slug: str) -> bool:
        asked[kind, slug] = exists(kind, slug)
        return asked[kind, slug]

    problems = tuple(steps.config_problems(key, kind, config, ask))
    reads = tuple(sorted(steps.reads_of(kind, config)))
    return _Known(problems, reads, tuple((what, slug, answer) for (what, slug), answer in asked.items()))
