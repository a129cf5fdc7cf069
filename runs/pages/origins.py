"""Where a fork, and the results that it did not work out itself, come from (semantic 8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orchestrator import access
from orchestrator.models import User
from runs.engine.takeover import is_taken_over
from runs.models import OrchestrationInstance
from runs.pages.sentences import Scene, whence
from runs.pages.words import capital


def number_of_source(entries: Sequence[tuple[int, datetime, list[dict[str, Any]]]]) -> int:
    """The number of the run that this one was forked from, as its first entry says it; 0 for none."""
    first = entries[0][2] if entries else []
    return next((int(event["data"]["number"]) for event in first if event["kind"] == "run_forked"), 0)


def origin(user: User, run: OrchestrationInstance, scene: Scene, key: str) -> dict[str, Any] | None:
    """Where the step's result is from: ``{words, run}``; ``run`` is None where there is none to show."""
    words = whence(scene, key)
    if not words:
        return None
    taken_over = is_taken_over(scene.state.steps[key])
    pk = run.forked_from_id if taken_over else scene.state.results[key].get("run")
    known = pk and access.visible(user, OrchestrationInstance).filter(pk=pk).exists()
    return {"words": capital(words), "run": str(pk) if known else None}
