"""Limits in words. A limit is ``{kind, subject, what, most}``, as the journal says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WHATS = {
    "concurrency": ("step at once", "steps at once"),
    "requests": ("request a minute", "requests a minute"),
    "tokens": ("token a minute", "tokens a minute"),
}
OF = {"user": "for", "orchestration": "in", "model": "with"}


def said(limit: Mapping[str, Any]) -> str:
    """``4 steps at once for mary``, ``60 requests a minute with gpt``."""
    most = int(limit["most"])
    one, many = WHATS[limit["what"]]
    return f"{most:,} {one if most == 1 else many} {OF[limit['kind']]} {limit['subject']}"


def all_said(limits: Iterable[Mapping[str, Any]]) -> str:
    """Several, each once: ``4 steps at once for mary, 60 requests a minute with gpt``."""
    return ", ".join(dict.fromkeys(said(limit) for limit in limits))
