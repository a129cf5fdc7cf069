"""A step while a rollback undoes it (semantic 6): what its card says, and the band above the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runs.engine.kin import KIND
from runs.engine.states import RunStatus, StepStatus
from runs.engine.unwinding import half_undone, item_of
from runs.pages.sentences import Scene, dots, standing

ENDED = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.CANCELLED)
DONE = {"undone": "What it did is undone", "skipped": "Left as it is, by a person"}


@dataclass(frozen=True, slots=True)
class Undoing:
    """``status`` gives glyph and word, ``lead`` the status in the line; all of it is drawn in plum."""

    status: str
    lead: str
    line: str


def undoing(scene: Scene, key: str) -> Undoing | None:
    """How far undoing the step is; None where nothing of it is undone or to be."""
    state = scene.state
    job = next((job for (step, _), job in state.undo.items() if step == key), None)
    if job is not None:
        return _under_way(scene, job)
    if (done := state.undone.get((key, state.steps[key].epoch))) is not None:
        return Undoing("ROLLED_BACK", "", DONE[done])
    if state.undone and key in half_undone(state):
        return Undoing("ROLLED_BACK", "", "What it did for its items is undone")
    waits = state.status == RunStatus.ROLLING_BACK and key in state.undoing
    return Undoing("ROLLING_BACK", "", "Set back in the end") if waits and _ended(scene, key) else None


def shown_status(scene: Scene, key: str) -> str:
    """The status whose glyph and word the step has now."""
    if key in scene.undone:
        return "ROLLED_BACK"
    under_way = undoing(scene, key)
    return under_way.status if under_way else standing(scene, key)


def _under_way(scene: Scene, job: dict[str, Any]) -> Undoing:
    error = str((job["error"] or {}).get("message") or "")
    if job["status"] == "stuck":
        return Undoing("NOT_UNDONE", "Not undone:", error)
    if job["status"] == "waiting":
        due = scene.voice.clock(job["due_at"], seconds=True)
        return Undoing("ROLLING_BACK", "Undoing", dots(f"is tried again at {due}", error))
    if job["status"] == KIND:
        return Undoing("ROLLING_BACK", "Undoing", dots(_left(job), f"run {job['child']['number']}"))
    if job["status"] == "running" and "items" in job:
        return Undoing("ROLLING_BACK", "Undoing", _left(job))
    if job["status"] == "running":
        again = f"attempt {job['attempt']}" if job["attempt"] > 1 else "what it did"
        return Undoing("ROLLING_BACK", "Undoing", again)
    return Undoing("ROLLING_BACK", "", "Still to be undone")


def _left(job: dict[str, Any]) -> str:
    """Which item of a map, and how many there are: ``item 3, 2 of 7``; empty for another step."""
    item = item_of(job)
    return "" if item is None else f"item {item}, {job['done'] + 1:,} of {len(job['items']):,}"


def _ended(scene: Scene, key: str) -> bool:
    return scene.state.steps[key].status in ENDED


def band(scene: Scene, *, may_act: bool) -> list[dict[str, Any]]:
    """What is still to be undone, in order; where one is stuck, a person can say how to go on."""
    return [
        {
            "step": key,
            "title": scene.voice.step(key),
            "status": job["status"],
            "error": (job["error"] or {}).get("message", ""),
            "due": scene.voice.clock(job["due_at"], seconds=True) if job["due_at"] else "",
            "left": _left(job),
            "child": job["child"],
            "since": scene.voice.clock(job.get("since"), seconds=True),
            "may": may_act and job["status"] == "stuck",
        }
        for (key, _epoch), job in scene.state.undo.items()
    ]
