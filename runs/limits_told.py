"""Limits in words. A limit is ``{kind, subject, what, most}``, as the journal says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WHATS = {
    "concurrency": ("step at once", "steps at once"),
    "requests": ("request a minute", "requests a minute"),
    "tokens": ("token a minute", "tokens a minute"),
}
NOUNS = {"user": "user", "orchestration": "orchestration", "model": "LLM model"}
OF = {"user": "for", "orchestration": "in", "model": "with"}


def said(limit: Mapping[str, Any]) -> str:
    """``4 steps at once for mary``, ``60 requests a minute with gpt``."""
    most = int(limit["most"])
    one, many = WHATS[limit["what"]]
    return f"{most:,} {one if most == 1 else many} {OF[limit['kind']]} {limit['subject']}"


def all_said(limits: Iterable[Mapping[str, Any]]) -> str:
    """Several, each once: ``4 steps at once for mary, 60 requests a minute with gpt``."""
    return ", ".join(dict.fromkeys(said(limit) for limit in limits))


def each_said(row: Any) -> str:
    """All figures of a limit: ``4 steps at once, 9,000 tokens a minute``; ``no limit`` without any."""
    most = (row.concurrency, row.requests_per_minute, row.tokens_per_minute)
    figures = zip(most, WHATS.values(), strict=True)
    each = (f"{value:,} {words[value != 1]}" for value, words in figures if value is not None)
    return ", ".join(each) or "no limit"


def called(row: Any) -> str:
    """What a limit is for: ``User mary``, ``Each LLM model``."""
    noun = NOUNS[row.kind]
    return f"{noun[0].upper()}{noun[1:]} {row.subject}" if row.subject else f"Each {noun}"
