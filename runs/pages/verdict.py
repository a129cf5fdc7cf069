"""What a failed run says about itself: one sentence, what it means, what went out and what came back."""

from __future__ import annotations

from typing import Any

from runs.engine.states import StepStatus
from runs.pages.look import Look
from runs.pages.sentences import ASKING, Part, Scene, answer, part
from runs.pages.words import capital, count, listed


def verdict(scene: Scene, look: Look) -> dict[str, Any]:
    """The band above the canvas of a failed run."""
    error = scene.state.error or {}
    key = error.get("step") or _failed_step(scene)
    if key not in scene.state.steps:
        return {"step": "", "sentence": capital(str(error.get("message") or "The run failed.")), "means": ""}
    one = part(scene, key)
    fault = one.step.error or error
    return {
        "key": key,
        "step": scene.voice.step(key),
        "tries": _tries(one),
        "sentence": capital(str(fault.get("message") or error.get("message") or "It failed.")),
        "means": _meaning(one, fault),
        "not_run": _not_run(scene),
        "retryable": bool(fault.get("retryable")),
        "sent": fault.get("sent") or "",
        "received": fault.get("received") or "",
        "back": look.to(back=suggestion(scene, key), step=""),
    }


def suggestion(scene: Scene, key: str) -> str:
    """The checkpoint to offer first: the last answer of a person upstream, else the step before."""
    upstream = scene.graph.ancestors(key)
    done = [one for one in scene.state.completed_order if one in upstream]
    asked = [one for one in done if scene.graph.steps[one].type in ASKING]
    return (asked or done or [key])[-1]


def _failed_step(scene: Scene) -> str:
    failed = (key for key, step in scene.state.steps.items() if step.status == StepStatus.FAILED)
    return next(failed, "")


def _tries(one: Part) -> str:
    """How often it was tried, and when the last time was."""
    at = one.voice.clock(one.step.finished_at, seconds=True)
    times = max(1, one.step.failures)
    return f"{count(times, 'attempt')}, the last at {at}" if times > 1 else f"at {at}"


def _meaning(one: Part, fault: dict[str, Any]) -> str:
    """What trying again as it is would do."""
    if said := answer(one.voice, one.step.approval):
        return f"{said}, and no way on is drawn from that answer."
    times = one.scene.state.rollback_counts.get(one.spec.key, 0)
    if times:
        often = "once" if times == 1 else count(times, "time")
        return f"It was rolled back {often} by itself, which is the limit."
    if fault.get("retryable"):
        return "This may pass by itself: retrying sends the same again."
    return "Retrying will give the same until what it works on is changed."


def _not_run(scene: Scene) -> str:
    """The steps that were still to come."""
    still = (StepStatus.PENDING, StepStatus.CANCELLED)
    names = [scene.voice.step(key) for key, step in scene.state.steps.items() if step.status in still]
    if not names:
        return ""
    shown = listed(names) if len(names) < 5 else f"{', '.join(names[:3])} and {len(names) - 3} more"
    return f"Not run: {shown}."
