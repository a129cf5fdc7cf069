"""A run on the canvas: the builder's drawing of its version, with what each step and edge is doing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder.graph import EdgeSpec
from orchestrator.templatetags.chrome import STATUSES
from runs.engine.states import StepStatus
from runs.items_told import progress
from runs.pages.drawing import Drawing
from runs.pages.sentences import Scene, again, line, why_dead
from runs.pages.undoing import shown_status, undoing
from runs.pages.words import count, shortened

NOTE = 48  # characters of a reason beside an edge
LEADS = {"RUNNING": "Running", "WAITING": "Waiting", "FAILED": "Failed:"}  # by the status that is shown


def cards(scene: Scene, drawing: Drawing, numbers: Mapping[str, int], chosen: str) -> list[dict[str, Any]]:
    """Each step's card with ``now``: what changes while the run goes on."""
    return [{**step, "now": _now(scene, step, numbers, chosen)} for step in drawing.steps]


def _now(scene: Scene, drawn: Mapping[str, Any], numbers: Mapping[str, int], chosen: str) -> dict[str, Any]:
    """What the page's script patches: JSON, the same for the card and the outline."""
    key = drawn["key"]
    step = scene.state.steps[key]
    undo = None if key in scene.undone else undoing(scene, key)
    shown = shown_status(scene, key)
    tone, glyph, word = STATUSES[shown]
    ports = list(step.ports) if step.status in (StepStatus.COMPLETED, StepStatus.FAILED) else []
    running = shown == StepStatus.RUNNING and scene.live
    words = undo.line if undo else line(scene, key)
    lead = undo.lead if undo else LEADS.get(shown, "")
    return {
        "status": shown,
        "tone": tone,
        "glyph": glyph,
        "word": word,
        "lead": lead,  # the status in the line; else the glyph says it alone
        "aside": "" if words.startswith(word) or lead else word,  # for readers of glyphs
        "line": words,
        "since": step.started_at if running and not progress(scene.state, key) else "",
        "tail": again(step) if running else "",
        "text": f"{step.epoch}.{step.attempt}" if running else "",  # whose streamed text may be shown
        "ports": ports,
        "out": drawn["plain"] and "success" in ports,
        "no": numbers.get(key, 0),
        "chosen": key == chosen,
    }


def edges(scene: Scene, drawing: Drawing) -> list[dict[str, Any]]:
    """Each edge with its class: taken, live (its target is at work), dead, or none yet."""
    return [
        {**edge, "css": edge_class(scene, EdgeSpec(edge["source"], edge["port"], edge["target"]))}
        for edge in drawing.edges
    ]


def backs(scene: Scene, drawing: Drawing) -> list[dict[str, Any]]:
    """Each automatic rollback with the words beside it."""
    return [{**back, "note": back_note(scene, back)} for back in drawing.backs]


def edge_class(scene: Scene, edge: EdgeSpec) -> str:
    """How an edge is drawn now."""
    source, target = scene.state.steps[edge.source], scene.state.steps[edge.target]
    ended = source.status in (StepStatus.COMPLETED, StepStatus.FAILED)
    if ended and edge.port in source.ports:
        return "live" if target.status == StepStatus.RUNNING else "taken"
    return "dead" if why_dead(scene, edge) else ""


def back_note(scene: Scene, back: Mapping[str, str]) -> str:
    """What stands beside an automatic rollback's edge: how often and why it happened, else the rule."""
    times = scene.state.rollback_counts.get(back["source"], 0)
    if not times:
        return back["says"]
    often = "once" if times == 1 else "twice" if times == 2 else count(times, "time")
    why = str((scene.state.reasons.get(back["target"]) or {}).get("reason") or "").rstrip(".")
    return f"rolled back {often}: {shortened(why, NOTE)}" if why else f"rolled back {often}"
