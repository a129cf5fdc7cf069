"""The one line about a run in its bar: who started it when, how it ended, and what it used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from runs.engine.states import ENDED
from runs.models import OrchestrationInstance
from runs.pages.sentences import Scene, dots
from runs.pages.words import ago, clock, count, money

Entries = Sequence[tuple[int, datetime, list[dict[str, Any]]]]
ENDINGS = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "ROLLED_BACK": "rolled back",
}


def _by_whom(scene: Scene, entries: Entries) -> str:
    """Who cancelled the run or rolled it back, and why."""
    for _seq, _at, events in reversed(entries):
        for event in events:
            if event["kind"] in ("run_cancelled", "run_rolled_back"):
                data = event["data"]
                why = f" ({data['reason']})" if data.get("reason") else ""
                return f" by {scene.voice.who(data.get('by'))}{why}"
            if event["kind"] in ("run_completed", "run_failed"):
                return ""
    return ""


def facts(run: OrchestrationInstance, scene: Scene, entries: Entries) -> str:
    """Who started it when, how it ended, and what it used."""
    state, speak = scene.state, scene.voice
    by = speak.who(run.started_by.username if run.started_by else None)
    text = f"Started by {by} {ago(state.started_at or run.created_at, speak.now)}"
    if state.status in ENDED and state.finished_at:
        text += f", {ENDINGS[state.status]} {clock(state.finished_at, speak.now)}{_by_whom(scene, entries)}"
    used = count(state.tokens, "token") if state.tokens else ""
    return dots(text, f"version {run.version.number}", used, money(state.cost))
