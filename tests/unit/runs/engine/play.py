"""Plays a run command by command, as a runtime would; every entry is watched."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from builder.graph import Graph
from runs.engine.commands import (
    Asked,
    Cancel,
    CancelStep,
    Command,
    Complete,
    Due,
    Fail,
    Interrupt,
    RetryRun,
    Rollback,
    Slept,
    Start,
    Vote,
)
from runs.engine.decide import consider
from runs.engine.events import Entry, Event
from runs.engine.rollback import preview
from runs.engine.state import RunState, new_state, replay
from tests.unit.runs.engine.watch import Watch

BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Play:
    """One run. Times pass only by ``wait``."""

    def __init__(
        self,
        graph: Graph,
        *,
        worker: str = "w1",
        window: int = 32,
        start: bool = True,
        careful: bool = True,
        gated: Collection[str] = (),
    ) -> None:
        self.graph, self.worker, self.window = graph, worker, window
        self.gated = gated
        self.careful = careful  # check at each decision that it leaves the state alone
        self.state = new_state(graph)
        self.now = BEGIN
        self.journal: list[Entry] = []
        self.watch = Watch(graph, window)
        if start:
            self.do(Start({"message": "hi"}, {"id": "1", "username": "mary"}, 3))

    def do(self, command: Command, worker: str | None = None) -> list[Event]:
        """Decide and append. Returns the events."""
        turn = consider(
            self.graph, self.state, command, self.now, self.worker if worker is None else worker,
            self.window, self.gated,
        )  # fmt: skip
        said = turn.events
        if self.careful:
            folded = replay(self.graph, self.journal)
            assert self.state == folded, "deciding changed the state, or has not become what its events say"
            assert _order(self.state) == _order(folded)
        if said:
            seq, at = self.state.seq + 1, self.now.isoformat(timespec="milliseconds")
            self.journal.append((seq, at, said))
            turn.settle(self.state, seq)
            self.watch.entry(seq, said, self.state)
        return said

    def now_at(self, key: str) -> tuple[str, int, int]:
        step = self.state.steps[key]
        return key, step.epoch, step.attempt

    def complete(self, key: str, *ports: str, **more: Any) -> list[Event]:
        return self.do(Complete(*self.now_at(key), ports or ("success",), **more))

    def fail(
        self, key: str, message: str = "no", *, retryable: bool = False, code: str = "boom"
    ) -> list[Event]:
        error = {"code": code, "message": message, "retryable": retryable, "details": {}}
        return self.do(Fail(*self.now_at(key), error))

    def ask(self, key: str, **fields: Any) -> str:
        """The step asks; returns the approval's id."""
        pk = "-".join(map(str, self.now_at(key)))
        approval = {"id": pk, "message": "Well?", "quorum": 1, "assignees": ["mary"], **fields}
        self.do(Asked(*self.now_at(key), approval))
        return pk

    def vote(self, pk: str, decision: str = "approve", by: str = "mary", **more: Any) -> list[Event]:
        return self.do(Vote(pk, by, decision, **more))

    def sleep(self, key: str, seconds: float, **output: Any) -> list[Event]:
        return self.do(Slept(*self.now_at(key), self.now + timedelta(seconds=seconds), output))

    def due(self, key: str, kind: str) -> list[Event]:
        return self.do(Due(*self.now_at(key), kind))

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def interrupt(self, key: str) -> list[Event]:
        return self.do(Interrupt(*self.now_at(key), self.state.steps[key].worker))

    def cancel(self) -> list[Event]:
        return self.do(Cancel("mary", "enough"))

    def cancel_step(self, key: str) -> list[Event]:
        return self.do(CancelStep(key, "mary", "enough"))

    def retry(self, *steps: str) -> list[Event]:
        return self.do(RetryRun("mary", steps or None))

    def roll_back(self, to: str | None, reason: str = "again") -> list[Event]:
        return self.do(Rollback(to, "mary", reason))

    def preview(self, to: str | None, **more: Any) -> dict[str, Any]:
        return preview(self.graph, self.state, to, **more)

    def status(self, key: str) -> str:
        return str(self.state.steps[key].status)

    def error(self, key: str) -> dict[str, Any]:
        """The error of a step that failed."""
        return self.state.steps[key].error or {}

    @property
    def run_error(self) -> dict[str, Any]:
        """The error of the run that failed."""
        return self.state.error or {}

    def approval(self, key: str) -> dict[str, Any]:
        """The question of a step, with its answers."""
        return self.state.steps[key].approval or {}

    @property
    def statuses(self) -> str:
        """``a:COMPLETED b:RUNNING`` in document order."""
        return " ".join(f"{key}:{self.status(key)}" for key in self.graph.steps)

    def started(self) -> list[str]:
        """The steps that were started, in order, as often as they were."""
        return [e["step"] for _, _, events in self.journal for e in events if e["kind"] == "step_started"]


def kinds(events: list[Event]) -> list[str]:
    """``step_completed a`` and so on, in order."""
    return [" ".join(filter(None, (event["kind"], event.get("step")))) for event in events]


def _order(state: RunState) -> list[list[str]]:
    """What a comparison of dicts does not see."""
    return [
        list(keys)
        for keys in (state.completed_order, state.ready, state.running, state.waiting, state.broken)
    ]
