"""One decision being taken: what it says so far, and the state as that makes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from builder.graph import Graph
from runs.engine.events import Event
from runs.engine.overlay import Overlay
from runs.engine.records import RunState
from runs.engine.state import apply, refresh
from runs.engine.states import ACTIVE, StepStatus

RUN_FAILED = "The run failed."
UNDONE = "The run is rolled back."


class Turn:
    """Collects events; each is folded at once into an overlay, so that what follows is decided on it.

    ``worker`` names the process that will execute what starts; without one nothing starts. Steps that are
    ``gated`` start only when they are admitted.
    """

    __slots__ = ("at", "events", "gated", "graph", "now", "state", "window", "worker")

    def __init__(
        self,
        graph: Graph,
        state: RunState,
        now: datetime,
        worker: str,
        window: int,
        gated: Collection[str] = (),
    ) -> None:
        self.graph = graph
        self.state = Overlay(state)
        self.now = now
        self.at = iso(now)
        self.worker = worker
        self.window = window
        self.gated = gated
        self.events: list[Event] = []

    def say(self, kind: str, data: dict[str, Any]) -> None:
        """An event of the run as a whole."""
        self._take({"kind": kind, "data": data})

    def say_step(self, kind: str, key: str, data: dict[str, Any], *, next_attempt: bool = False) -> None:
        """An event of a step's present dispatch, or of its next one."""
        step = self.state.steps[key]
        attempt = step.attempt + 1 if next_attempt else step.attempt
        self._take({"kind": kind, "step": key, "epoch": step.epoch, "attempt": attempt, "data": data})

    def say_of(self, kind: str, key: str, epoch: int, attempt: int, data: dict[str, Any]) -> None:
        """An event of a step's dispatch or epoch that is not the present one."""
        self._take({"kind": kind, "step": key, "epoch": epoch, "attempt": attempt, "data": data})

    def _take(self, event: Event) -> None:
        self.events.append(event)
        apply(self.graph, self.state, self.at, event)

    def settle(self, state: RunState, seq: int) -> None:
        """Take what was said, as entry ``seq``, into the state that it was decided on; as ``fold``."""
        self.state.settle(state)
        state.seq = seq
        refresh(state)

    def go_on(self) -> None:
        """What follows from what was said: skips, starts, the end of the run (semantics 2, 5, 9)."""
        state = self.state
        if state.status not in ACTIVE:
            return
        if state.failing:
            self._wind_down()
            return
        while state.stranded:  # a skip strands others in turn
            for key in list(state.stranded):
                self.say_step("step_skipped", key, {})
        if self.worker and state.ready:
            self._start()
        if not (state.running or state.waiting or state.ready):
            self._finish()

    def _start(self) -> None:
        room = self.window - len(self.state.running) - self.crowd()
        ready: Iterable[str] = self.state.ready
        if self.gated:
            every = len(self.gated) == len(self.graph.steps)
            ready = () if every else (key for key in ready if key not in self.gated)
        for key in list(islice(ready, max(room, 0))):
            self.start(key)

    def start(self, key: str) -> None:
        """Start a step; durable before its code runs."""
        self.say_step("step_started", key, {"worker": self.worker}, next_attempt=True)

    def may_start(self, key: str) -> bool:
        """Whether a step can start in this very decision."""
        return self.has_room() and self.may_begin() and key not in self.gated

    def has_room(self) -> bool:
        """Whether the window has a place for a step."""
        return len(self.state.running) + self.crowd() < self.window

    def may_begin(self) -> bool:
        """Whether anything may start by this decision, if there is room."""
        return bool(self.worker) and self.state.status in ACTIVE and not self.state.failing

    def crowd(self) -> int:
        """Items that run beside the first of their map; that one has its step's place in the window."""
        maps = self.state.maps
        if not maps:
            return 0
        return sum(max(len(maps[key].running) - 1, 0) for key in self.state.running if key in maps)

    def _wind_down(self) -> None:
        """Semantic 5: nothing new starts, waiting steps stop, running ones end; then it has failed."""
        for key in list(self.state.waiting):
            self.stop(key, RUN_FAILED)
        if not self.state.running:
            self._fail()

    def _finish(self) -> None:
        if self.state.broken:
            self._fail()
        else:
            self.say("run_completed", {"output": None, "last": list(self.graph.last)})

    def _fail(self) -> None:
        """The first failure that stands is the run's; after a partial retry it may be a cancelled step."""
        steps, broken = self.state.steps, list(self.state.broken)
        failed = [key for key in broken if steps[key].status is StepStatus.FAILED]
        key = (failed or broken)[0]
        error = steps[key].error or {"code": "cancelled", "message": f"Step {key} was cancelled."}
        self.say(
            "run_failed", {"error": {"step": key, "code": error.get("code"), "message": error.get("message")}}
        )

    def stop(self, key: str, reason: str) -> None:
        """Cancel a step that runs or waits; a question that it asks no longer counts."""
        self.void(key, reason)
        self.say_step("step_cancelled", key, {"reason": reason})

    def void(self, key: str, reason: str) -> None:
        """Take a step's question back, also one that is answered."""
        approval = self.state.steps[key].approval
        if approval is not None and not approval.get("voided"):
            self.say_step("approval_voided", key, {"approval": approval["id"], "reason": reason})


def iso(moment: datetime) -> str:
    """A moment as the journal writes it: ISO 8601, UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
