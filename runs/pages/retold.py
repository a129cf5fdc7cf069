"""The journal retold: each kind of event as one sentence, with the status whose glyph stands for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runs.limits_told import all_said, said
from runs.pages.sentences import DECIDED, Scene
from runs.pages.words import Voice, capital, listed


@dataclass(frozen=True, slots=True)
class Told:
    """An event in its scene."""

    scene: Scene
    event: dict[str, Any]

    @property
    def voice(self) -> Voice:
        """Who speaks to whom."""
        return self.scene.voice

    @property
    def data(self) -> dict[str, Any]:
        """What the event says beside its kind and step."""
        return self.event.get("data") or {}

    @property
    def name(self) -> str:
        """The step's name."""
        return self.voice.step(self.event.get("step"))

    @property
    def which(self) -> str:
        """The step's name, and which item of it."""
        item = self.data.get("item")
        index = item[0] if isinstance(item, list) else item
        return self.name if index is None else f"item {index} of {self.name}"

    @property
    def by(self) -> str:
        """The person who did it."""
        by = self.data.get("by")
        return self.voice.who(by.get("username") if isinstance(by, dict) else by)

    @property
    def why(self) -> str:
        """``: the reason``, or nothing."""
        return _after(self.data.get("reason"))

    @property
    def message(self) -> str:
        """``: what the error says``, or nothing."""
        return _after((self.data.get("error") or {}).get("message"))

    @property
    def ports(self) -> str:
        """The ports it took, by their labels, but for the usual one."""
        taken = [port for port in self.data.get("ports") or [] if port != "success"]
        return listed([self.scene.port(self.event["step"], port) for port in taken])

    def at(self, due: str | None) -> str:
        """A time to the second."""
        return self.voice.clock(due, seconds=True)


def sentence(scene: Scene, event: dict[str, Any]) -> str:
    """One event as a sentence; kinds that are not known are spelled out."""
    told, say = Told(scene, event), SENTENCES.get(event["kind"])
    if say:
        return capital(say(told))
    words = event["kind"].replace("_", " ")
    return f"{told.name}: {words}" if event.get("step") else capital(words)


def entry(scene: Scene, events: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The events of one entry as rows of ``{status, text}``; steps that were set back are one row."""
    rows, back = [], [event for event in events if event["kind"] == "step_reset"]
    for event in events:
        if event["kind"] == "step_reset" and len(back) > 1:
            if event is back[0]:
                names = listed([scene.voice.step(one["step"]) for one in back])
                rows.append({"status": "ROLLED_BACK", "text": f"Set back: {names}"})
            continue
        rows.append({"status": tone(event["kind"]), "text": sentence(scene, event)})
    return rows


def tone(kind: str) -> str:
    """The status whose glyph stands for a kind of event."""
    return TONES.get(kind, "PENDING")


def _after(text: str | None) -> str:
    return f": {text.rstrip('.')}" if text else ""


def _started(told: Told) -> str:
    attempt = told.event.get("attempt", 1)
    return f"{told.name} started" + (f", attempt {attempt}" if attempt > 1 else "")


def _waiting(told: Told) -> str:
    wait = told.data.get("wait") or {}
    if wait.get("kind") == "approval":
        return f"{told.name} waits for an answer"
    until = f"{told.name} waits until {told.at(wait.get('due_at'))}"
    return f"{until}, for a free slot: {said(wait['limit'])}" if wait.get("kind") == "slot" else until


def _completed(told: Told) -> str:
    return (
        f"{told.name} completed" + (f" on {told.ports}" if told.ports else "") + _after(told.data.get("line"))
    )


def _failed(told: Told) -> str:
    text = f"{told.name} failed{told.message}"
    if told.data.get("handled"):
        return f"{text}. The run goes on along {told.ports or 'failure'}"
    return f"{text}. The run goes on without it" if told.data.get("continued") else text


def _forked(told: Told) -> str:
    taken = [told.voice.step(key) for key in told.data.get("steps") or ()]
    kept = f"took over {listed(taken)}" if len(taken) < 6 else f"took over {len(taken)} steps"
    start = told.voice.step(told.data.get("from"))
    said = kept if taken else "took nothing over"
    return f"Forked from run {told.data.get('number')}: {said}, runs from {start}"


def _reused(told: Told) -> str:
    number = told.data.get("number")
    whence = f", of run {number}" if number else ""
    return f"{told.name} gave its earlier result again{whence}: nothing had changed"


def _child(told: Told) -> str:
    child = told.data.get("child") or {}
    again = "has run {number} of {name} go on" if child.get("since") else "runs {name} as run {number}"
    said = again.format(number=child.get("number"), name=child.get("name") or child.get("orchestration"))
    return f"{told.which} {said}"


def _requested(told: Told) -> str:
    asked = told.data.get("approval") or {}
    who = told.voice.asked(asked.get("assignees") or [], asked.get("role") or "")
    return f"{told.name} asks {who}{_after(asked.get('message'))}"


def _voted(told: Told) -> str:
    verb = DECIDED.get(told.data.get("decision", ""), "answered")
    return f"{told.by} {verb}{_after(told.data.get('comment'))}"


def _rolled_back(told: Told) -> str:
    where = f"to {told.voice.step(told.data['to'])}" if told.data.get("to") else "the whole run"
    if told.data.get("automatic"):
        return f"Rolled back {where} by itself, time {told.data.get('count', 1)}{told.why}"
    return f"{told.by} rolled back {where}{told.why}"


def _run_started(told: Told) -> str:
    who = told.voice.who((told.data.get("user") or {}).get("username"))
    return f"{who} started the run with version {told.data.get('version')}"


def _retried(told: Told) -> str:
    steps = [told.voice.step(key) for key in told.data.get("steps") or []]
    return f"{told.by} retried {listed(steps) or 'what failed'}"


def _items(words: str) -> Callable[[Told], str]:
    """``3 items of Translate completed``; a single one by its number."""

    def say(told: Told) -> str:
        items = told.data.get("items") or []
        if len(items) != 1:
            return f"{len(items)} items of {told.name} {words}"
        index = items[0] if isinstance(items[0], int) else items[0].get("index")
        error = {} if isinstance(items[0], int) else items[0].get("error") or {}
        why = f": {error['message']}" if error.get("message") else ""
        return f"Item {index} of {told.name} {words}{why}"

    return say


# kind -> (sentence, status whose glyph stands for it)
KINDS: dict[str, tuple[Callable[[Told], str], str]] = {
    "run_started": (_run_started, "RUNNING"),
    "run_forked": (_forked, "RUNNING"),
    "step_started": (_started, "RUNNING"),
    "result_reused": (_reused, "COMPLETED"),
    "slots_awaited": (
        lambda told: f"Steps wait for a free slot: {all_said(told.data.get('limits') or ())}",
        "WAITING",
    ),
    "step_waiting": (_waiting, "WAITING"),
    "step_completed": (_completed, "COMPLETED"),
    "step_failed": (_failed, "FAILED"),
    "items_listed": (lambda told: f"{told.name} goes over {told.data.get('count', 0):,} items", "RUNNING"),
    "item_started": (_items("started"), "RUNNING"),
    "item_completed": (_items("completed"), "COMPLETED"),
    "item_failed": (_items("failed"), "FAILED"),
    "item_waiting": (_items("waiting: a limit is reached"), "WAITING"),
    "item_queued": (_items("may be tried again"), "PENDING"),
    "item_interrupted": (_items("interrupted: the server stopped"), "CANCELLED"),
    "items_finished": (lambda told: f"All items of {told.name} have ended", "RUNNING"),
    "step_skipped": (lambda told: f"{told.name} was skipped", "SKIPPED"),
    "step_cancelled": (lambda told: f"{told.name} was stopped{told.why}", "CANCELLED"),
    "step_interrupted": (lambda told: f"{told.name} was interrupted: its server stopped", "CANCELLED"),
    "step_queued": (lambda told: f"The wait of {told.name} is over", "PENDING"),
    "step_reset": (lambda told: f"{told.name} was set back", "ROLLED_BACK"),
    "retry_scheduled": (
        lambda told: (
            f"{told.name} failed{told.message}. It is tried again at {told.at(told.data.get('due_at'))}"
        ),
        "WAITING",
    ),
    "approval_requested": (_requested, "WAITING"),
    "approval_voted": (_voted, "COMPLETED"),
    "approval_decided": (_voted, "COMPLETED"),
    "approval_expired": (lambda told: f"Nobody answered {told.name} in time", "CANCELLED"),
    "approval_voided": (
        lambda told: f"The question of {told.name} no longer counts{told.why}",
        "ROLLED_BACK",
    ),
    "late_result_ignored": (lambda told: f"A late result of {told.which} was ignored{told.why}", "SKIPPED"),
    "child_started": (_child, "WAITING"),
    "effect_sent": (lambda told: f"{told.which} sends{_after(told.data.get('what'))}", "RUNNING"),
    "effect_received": (lambda told: f"{told.which} got its answer", "COMPLETED"),
    "compensation_started": (lambda told: f"Undoing {told.which}", "ROLLING_BACK"),
    "compensation_waiting": (
        lambda told: f"{told.which} waits until run {told.data['child'].get('number')} is rolled back",
        "WAITING",
    ),
    "step_compensated": (
        lambda told: f"What {told.which} did is undone{_after(told.data.get('line'))}",
        "ROLLED_BACK",
    ),
    "compensation_retry_scheduled": (
        lambda told: (
            f"Undoing {told.which} failed{told.message}. "
            f"It is tried again at {told.at(told.data.get('due_at'))}"
        ),
        "WAITING",
    ),
    "compensation_queued": (lambda told: f"The wait before undoing {told.which} is over", "PENDING"),
    "compensation_failed": (
        lambda told: f"Undoing {told.which} failed{told.message}. Somebody has to decide",
        "FAILED",
    ),
    "compensation_interrupted": (
        lambda told: f"Undoing {told.which} was interrupted: its server stopped",
        "CANCELLED",
    ),
    "compensation_retried": (
        lambda told: f"{told.by} had undoing {told.which} tried again{told.why}",
        "RUNNING",
    ),
    "compensation_skipped": (
        lambda told: f"{told.by} left what {told.which} did as it is{told.why}",
        "SKIPPED",
    ),
    "rollback_given_up": (lambda told: f"{told.by} gave the rollback up{told.why}", "FAILED"),
    "rollback_started": (_rolled_back, "ROLLING_BACK"),
    "rollback_finished": (lambda told: "The rollback is done", "ROLLED_BACK"),
    "run_retried": (_retried, "RUNNING"),
    "run_completed": (lambda told: "The run completed", "COMPLETED"),
    "run_failed": (lambda told: f"The run failed{told.message}", "FAILED"),
    "run_cancelled": (lambda told: f"{told.by} cancelled the run{told.why}", "CANCELLED"),
    "run_rolled_back": (lambda told: f"The whole run is rolled back{told.why}", "ROLLED_BACK"),
}
SENTENCES = {kind: say for kind, (say, _) in KINDS.items()}
TONES = {kind: status for kind, (_, status) in KINDS.items()}
