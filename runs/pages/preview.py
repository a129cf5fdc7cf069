"""The preview of a rollback, in the words of the panel."""

from __future__ import annotations

from typing import Any

from orchestrator.errors import Conflict
from orchestrator.models import User
from runs import verbs
from runs.engine.states import StepStatus
from runs.models import OrchestrationInstance
from runs.pages.look import WHOLE, Look
from runs.pages.sentences import ASKING, Scene
from runs.pages.words import count, listed, money

IDLE = (StepStatus.PENDING, StepStatus.SKIPPED)  # nothing to undo: they are decided again


def preview(user: User, run: OrchestrationInstance, scene: Scene, look: Look) -> dict[str, Any]:
    """What rolling back to ``look.back`` would do; ``refused`` says why it cannot be done now."""
    to = None if look.back == WHOLE else look.back
    title = f"Roll back to {scene.voice.step(to)}" if to else "Roll back the whole run"
    shared = {"title": title, "to": to or "", "close": look.to(back=""), "checkpoints": _checkpoints(scene)}
    try:
        plan = verbs.rollback(user, run, to=to, dry_run=True) or {}
    except Conflict as error:
        return {**shared, "refused": error.message, "steps": []}
    done = [one for one in plan["steps"] if one["status"] not in IDLE]
    steps = [
        {
            "no": number,
            "key": one["step"],
            "title": scene.voice.step(one["step"]),
            "what": _what(scene, one, plan),
        }
        for number, one in enumerate(done, 1)
    ]
    idle = [scene.voice.step(one["step"]) for one in plan["steps"] if one["status"] in IDLE]
    return {
        **shared,
        "steps": steps,
        "numbers": {one["key"]: one["no"] for one in steps},
        "unknown": listed([scene.voice.step(key) for key in plan["unknown"]]),
        "cannot": [_cannot(scene, one) for one in plan.get("cannot", ())],
        "idle": listed(idle),
        "kept": listed([scene.voice.step(key) for key in plan["kept"]]),
        "waits_for": listed([scene.voice.step(key) for key in plan.get("waits_for", ())]),
        "cost": ", ".join(text for text in (money(plan["cost"]), _tokens(plan["tokens"])) if text),
        "button": f"Roll back {count(len(steps), 'step')}" if to else "Roll back the whole run",
    }


def _tokens(number: int) -> str:
    return count(number, "token") if number else ""


def _undone(plan: dict[str, Any], key: str) -> str:
    """What is undone of a step that did something outside, or in runs of its own."""
    children = [child for child in plan["children"] if child["step"] == key]
    if len(children) == 1:
        number, steps = children[0]["number"], children[0]["preview"]["compensates"]
        return f"Run {number} is rolled back{_undoing(len(steps))}; it runs again"
    if children:
        steps = sum(len(child["preview"]["compensates"]) for child in children)
        return f"{len(children):,} runs are rolled back, last first{_undoing(steps)}; it runs again"
    if key in plan["items"]:
        return f"What it did for {count(plan['items'][key], 'item')} is undone, last first; it runs again"
    return "What it did is undone; it runs again"


def _undoing(steps: int) -> str:
    return f", which undoes what {count(steps, 'step')} did" if steps else ""


def _what(scene: Scene, planned: dict[str, Any], plan: dict[str, Any]) -> str:
    """What undoing one step means."""
    key, status = planned["step"], planned["status"]
    if key in plan["compensates"]:
        return _undone(plan, key)
    asks = scene.graph.steps[key].type in ASKING
    if status == StepStatus.COMPLETED:
        return (
            "The answer no longer counts; it is asked again"
            if asks
            else "Its output is dropped; it runs again"
        )
    if status == StepStatus.WAITING:
        return "The question is withdrawn; it is asked again" if asks else "It stops waiting"
    return {
        StepStatus.RUNNING: "Stopped, then run again",
        StepStatus.FAILED: "Failed; nothing to undo",
        StepStatus.CANCELLED: "Was stopped; nothing to undo",
    }[StepStatus(status)]


def _cannot(scene: Scene, key: str) -> str:
    """One thing that stays done outside."""
    return f"{scene.voice.step(key)}: what it sent stays sent, and it is sent again if the step runs again."


def _checkpoints(scene: Scene) -> list[tuple[str, str]]:
    """Every step one may roll back to, latest first, and the whole run."""
    done = dict.fromkeys(reversed(list(scene.state.completed_order)))
    failed = [key for key, step in scene.state.steps.items() if step.status == StepStatus.FAILED]
    keys = dict.fromkeys([*failed, *done])
    return [*((key, scene.voice.step(key)) for key in keys), (WHOLE, "The whole run")]
