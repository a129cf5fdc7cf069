"""What a step's card says about its state, in one line. Derived from states only, never from content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.graph import EdgeSpec, Graph, StepSpec
from runs.engine.records import RunState, StepState
from runs.engine.states import StepStatus
from runs.engine.takeover import is_reused, is_taken_over
from runs.items_told import progress
from runs.pages.words import Voice, capital, count, duration, moment, ordinal

ACTIVE = (StepStatus.RUNNING, StepStatus.WAITING)
NOT_TAKEN = {
    "approved": "not approved",
    "rejected": "not rejected",
    "expired": "answered in time",
    "else": "another case was true",
}
ASKING = ("approval", "form")  # types of steps that put a question to people
DECIDED = {"approve": "approved", "reject": "rejected", "submit": "filled it in"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A run at one moment, with the words for it. ``labels`` names ports: ``(step key, port) -> label``."""

    voice: Voice
    graph: Graph
    state: RunState
    labels: Mapping[tuple[str, str], str]
    live: bool = True  # this moment is now, and what lasts goes on
    undone: frozenset[str] = frozenset()  # what ran before the whole run was rolled back
    source: int = 0  # the number of the run that this one was forked from
    slots: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # see ``slots_told``

    def port(self, key: str, port: str) -> str:
        """What a port is called on its card."""
        return self.labels.get((key, port), port)


@dataclass(frozen=True, slots=True)
class Part:
    """One step in its scene."""

    scene: Scene
    spec: StepSpec
    step: StepState

    @property
    def voice(self) -> Voice:
        """Who speaks to whom."""
        return self.scene.voice

    @property
    def took(self) -> float | None:
        """Seconds from the start of the present attempt to its end, or to now while it lasts."""
        begun = moment(self.step.started_at)
        if begun is None:
            return None
        ended = moment(self.step.finished_at) or self.voice.now
        return max(0.0, (ended - begun).total_seconds())

    @property
    def how_long(self) -> str:
        """``took`` in words; empty before the start."""
        return "" if self.took is None else duration(self.took)


def part(scene: Scene, key: str) -> Part:
    """The step ``key`` of a scene."""
    return Part(scene, scene.graph.steps[key], scene.state.steps[key])


def standing(scene: Scene, key: str) -> str:
    """The status that is shown: one that could start and has no slot waits."""
    return "WAITING" if key in scene.slots else str(scene.state.steps[key].status)


def line(scene: Scene, key: str) -> str:
    """The one line of a step's card that matters now.

    While it runs, waits or has failed, the line goes on after that word: ``for Mary since 10:42``.
    """
    one = part(scene, key)
    if key in scene.undone:
        return "What it did is undone"
    return _for_a_slot(one) if key in scene.slots else LINES[one.step.status](one)


def tokens(step: StepState) -> int:
    """All tokens that a step used."""
    usage = step.usage or {}
    return int(usage.get("input_tokens") or 0) + int(usage.get("output_tokens") or 0)


def whence(scene: Scene, key: str) -> str:
    """Where a result is from that the step did not work out now; empty where it did.

    ``taken over from run 12``, ``result reused``, ``result reused from run 12``.
    """
    if is_taken_over(scene.state.steps[key]):
        return f"taken over from run {scene.source}" if scene.source else "taken over"
    if not is_reused(scene.state, key):
        return ""
    number = scene.state.results[key].get("number")
    return f"result reused from run {number}" if number else "result reused"


def again(step: StepState) -> str:
    """``2nd go`` after a rollback, ``attempt 2`` after a retry, else nothing."""
    if step.epoch > 1:
        return f"{ordinal(step.epoch)} go"
    return f"attempt {step.failures + 1}" if step.failures else ""


def answer(voice: Voice, approval: Mapping[str, Any] | None) -> str:
    """Who decided what: ``Mary rejected``; empty while nobody has."""
    decision = (approval or {}).get("decision")
    if decision == "expired":
        return "Nobody answered in time"
    if approval is None or decision not in DECIDED:
        return ""
    return f"{capital(voice.who(approval.get('by')))} {DECIDED[decision]}"


def dots(*parts: str) -> str:
    """The parts that are not empty, with dots between."""
    return " · ".join(text for text in parts if text)


def _for_a_slot(one: Part) -> str:
    """``for a free slot · 3rd`` in line."""
    wait = one.scene.slots[one.spec.key]
    place = ordinal(wait["position"]) if wait["position"] else ""
    if wait["until"]:
        place = f"until {one.voice.clock(wait['until'], seconds=True)}"
    return dots("for a free slot", place, progress(one.scene.state, one.spec.key))


def _pending(one: Part) -> str:
    sources = {edge.source for edge in one.scene.graph.incoming.get(one.spec.key, ())}
    near = any(one.scene.state.steps[source].status in ACTIVE for source in sources)
    return dots("Pending, next in line" if near else "Pending", again(one.step))


def _running(one: Part) -> str:
    return dots(progress(one.scene.state, one.spec.key), one.how_long, again(one.step))


def _waiting(one: Part) -> str:
    wait = one.step.wait or {}
    if wait.get("kind") == "approval":
        asked = one.step.approval or {}
        people = asked.get("assignees") or []
        who = "you" if one.voice.me in people else one.voice.asked(people, asked.get("role") or "")
        since = one.scene.state.approvals[wait["approval"]]["at"]
        return f"for {who} since {one.voice.clock(since)}"
    if wait.get("kind") == "child":
        child = one.scene.state.children[one.spec.key, one.step.epoch, None]
        return f"for run {child['number']} of {child['name']}"
    due = one.voice.clock(wait.get("due_at"), seconds=True)
    if wait.get("kind") == "items" and not wait.get("due_at"):
        return f"for the runs of its items · {progress(one.scene.state, one.spec.key)}"
    if wait.get("kind") == "items":
        return f"for the next attempt of an item at {due} · {progress(one.scene.state, one.spec.key)}"
    if wait.get("kind") == "retry":
        return f"for attempt {one.step.failures + 1} of {one.spec.retry.max_attempts} at {due}"
    return f"until {due}"


def _completed(one: Part) -> str:
    answered = answer(one.voice, one.step.approval)
    if origin := whence(one.scene, one.spec.key):
        return dots(capital(origin), _cases(one) if one.spec.type == "condition" else one.step.line)
    if answered:
        return dots(answered + (f" after {one.how_long}" if one.how_long else ""), again(one.step))
    used = tokens(one.step)
    said = _cases(one) if one.spec.type == "condition" else one.step.line
    spent = count(used, "token") if used and "token" not in said else ""
    return dots(one.how_long, spent, said, again(one.step))


def _cases(one: Part) -> str:
    """The ways that a condition took, as its card calls them."""
    return ", ".join(one.scene.port(one.spec.key, port) for port in one.step.ports)


def _failed(one: Part) -> str:
    answered = answer(one.voice, one.step.approval)
    return answered or str((one.step.error or {}).get("message") or "without a word")


def _cancelled(one: Part) -> str:
    error = one.step.error or {}
    if error.get("code") == "cancelled":
        return str(error["message"])
    return "Stopped before it ended" if one.step.started_at else "Not started"


def _skipped(one: Part) -> str:
    reasons = [why_dead(one.scene, edge) for edge in one.scene.graph.incoming.get(one.spec.key, ())]
    return next((f"Skipped: {reason}" for reason in reasons if reason), "Skipped")


def why_dead(scene: Scene, edge: EdgeSpec) -> str:
    """Why an edge is dead; empty where it is not."""
    source, name = scene.state.steps[edge.source], scene.voice.step(edge.source)
    if source.status == StepStatus.SKIPPED:
        return f"{name} was skipped"
    if source.status in (StepStatus.FAILED, StepStatus.CANCELLED) and not source.ports:
        return f"{name} did not complete"
    if edge.port in source.ports or source.status in (StepStatus.PENDING, *ACTIVE):
        return ""
    if edge.port == "failure":
        return f"{name} did not fail"
    if edge.port == "success":
        return f"{name} failed"
    return NOT_TAKEN.get(edge.port, f"not {scene.port(edge.source, edge.port)}")


LINES: dict[str, Callable[[Part], str]] = {
    StepStatus.PENDING: _pending,
    StepStatus.RUNNING: _running,
    StepStatus.WAITING: _waiting,
    StepStatus.COMPLETED: _completed,
    StepStatus.FAILED: _failed,
    StepStatus.SKIPPED: _skipped,
    StepStatus.CANCELLED: _cancelled,
}
