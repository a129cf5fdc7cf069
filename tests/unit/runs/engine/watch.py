"""The invariants of every run, checked event by event against a second, slow account of what happened.

It shares no code with the engine: it keeps statuses from the events alone and looks at the whole graph
whenever something starts or is skipped. Items are watched by ``watch_items``, effects by ``watch_undo``.
"""

from __future__ import annotations

from typing import Any

from builder.graph import Graph
from runs.engine.events import JSON, Event
from runs.engine.state import RunState
from tests.unit.runs.engine.watch_items import ItemsWatch
from tests.unit.runs.engine.watch_undo import UndoWatch

ENDED = {"COMPLETED", "FAILED", "CANCELLED", "ROLLED_BACK"}
RUN_ENDS = {
    "run_completed": "COMPLETED",
    "run_failed": "FAILED",
    "run_cancelled": "CANCELLED",
    "run_rolled_back": "ROLLED_BACK",
}


class Watch(ItemsWatch, UndoWatch):
    """Follows one journal; raises AssertionError where an entry breaks a rule."""

    def __init__(self, graph: Graph, window: int) -> None:
        self.graph, self.window = graph, window
        self.seq = 0
        self.run = "PENDING"
        self.failing = self.given_up = False
        self.into: dict[str, list[tuple[str, str]]] = {key: [] for key in graph.steps}
        for edge in graph.edges:
            self.into[edge.target].append((edge.source, edge.port))
        self.status = dict.fromkeys(graph.steps, "PENDING")
        self.ports: dict[str, tuple[str, ...]] = dict.fromkeys(graph.steps, ())
        self.epoch = dict.fromkeys(graph.steps, 1)
        self.attempt = dict.fromkeys(graph.steps, 0)
        self.broken: set[str] = set()
        self.done: set[tuple[str, int]] = set()  # completed, or failed and gone on: once an epoch
        self.undoing: set[str] = set()
        self.reset: set[str] = set()
        self.executed: list[tuple[str, int]] = []
        self.open_questions: dict[str, str] = {}
        self.again: set[str] | None = None  # of a fork: the steps that it executes
        ItemsWatch.__init__(self)
        UndoWatch.__init__(self)

    def entry(self, seq: int, events: list[dict[str, Any]], state: RunState) -> None:
        """Check one entry and the state after it."""
        assert seq == self.seq + 1, "seq is gapless"
        assert events, "an entry says something"
        self.seq = seq
        for event in events:
            self._event(event)
            if event.get("step") and event["kind"] in ("step_completed", "step_failed", "step_cancelled"):
                self.in_work.pop(event["step"], None)
                self.children.pop(event["step"], None)
        self._agree(state)

    def _event(self, event: dict[str, Any]) -> None:
        kind, data = event["kind"], event["data"]
        assert isinstance(data, dict), "every event says something, be it {}"
        if self.run in ENDED:
            late = ("late_result_ignored", "run_retried", "rollback_started")
            undoes = kind in ("effect_sent", "effect_received", "step_compensated", "rollback_given_up")
            assert kind in late or undoes or kind.startswith("compensation_"), f"{kind} after the end"
        if kind in RUN_ENDS:
            self._run_ended(RUN_ENDS[kind])
        elif (handler := getattr(self, f"_{kind}", None)) is not None:
            handler(event.get("step", ""), event, data)

    # ------------------------------------------------------------------ the run

    def _run_started(self, key: str, event: Event, data: JSON) -> None:
        assert self.run == "PENDING"
        self.run = "RUNNING"

    def _run_forked(self, key: str, event: Event, data: JSON) -> None:
        assert set(self.status.values()) == {"PENDING"}
        for step, said in data["steps"].items():
            self.status[step], self.ports[step] = said["status"], tuple(said.get("ports", ()))
            if said["status"] != "SKIPPED":
                self.done.add((step, 1))

    def _run_ended(self, status: str) -> None:
        assert not self._in("RUNNING", "WAITING"), f"{status} while steps run or wait"
        if status == "COMPLETED":
            assert not self.broken, "COMPLETED over an unhandled failure"
            assert not self._in("PENDING"), "COMPLETED with steps that could still start"
        if status == "FAILED":
            assert self.broken or self.given_up, "FAILED without a failure"
        if status == "ROLLED_BACK":
            assert set(self.status.values()) <= {"PENDING"}
        else:
            assert self.run != "ROLLING_BACK"
        self.run = status

    def _run_retried(self, key: str, event: Event, data: JSON) -> None:
        assert self.run in ("FAILED", "CANCELLED")
        self.run, self.failing = "RUNNING", False
        for step in data["steps"]:
            assert step in self.broken, "only what failed or was cancelled is tried again"
            self.broken.discard(step)
            self.ended.pop(step, None)
            self.status[step], self.ports[step] = "PENDING", ()

    def _rollback_started(self, key: str, event: Event, data: JSON) -> None:
        assert self.run not in ("PENDING", "ROLLING_BACK", "ROLLED_BACK")
        self.run, self.failing = "ROLLING_BACK", False
        self.undoing = set(self.graph.steps) if data["to"] is None else self._below(data["to"])
        assert set(data["steps"]) == self.undoing
        assert len(data["steps"]) == len(self.undoing)
        self.reset = set()
        self._owe(data["steps"])

    def _rollback_given_up(self, key: str, event: Event, data: JSON) -> None:
        self._give_up(data["step"], data["remaining"])
        if self.run == "ROLLING_BACK":
            self.run, self.undoing = "RUNNING", set()
            self.given_up = True

    def _rollback_finished(self, key: str, event: Event, data: JSON) -> None:
        assert self.reset == self.undoing, "exactly the step and its descendants are reset"
        assert not self.broken, "unhandled failures elsewhere are tried again"
        assert not self.queue, "everything is undone first"
        self.run, self.undoing = "RUNNING", set()

    # ------------------------------------------------------------------ steps

    def _step_started(self, key: str, event: Event, data: JSON) -> None:
        assert (self.run, self.failing) == ("RUNNING", False), "nothing starts now"
        assert self.status[key] in ("PENDING", "WAITING"), "it runs, or has been decided on"
        assert (key, self.epoch[key]) not in self.done, "it has completed in this epoch"
        if self.status[key] == "PENDING":
            assert self._may_start(key), "its edges do not allow it"
        assert event["epoch"] == self.epoch[key]
        assert event["attempt"] == self.attempt[key] + 1, "attempts count up"
        self.attempt[key] += 1
        self.status[key] = "RUNNING"
        self.executed.append((key, self.epoch[key]))
        assert self.again is None or key in self.again or self.epoch[key] > 1, "the fork has taken it over"
        assert len(self._in("RUNNING")) <= self.window

    def _current(self, key: str, event: Event, *statuses: str) -> None:
        assert self.status[key] in statuses, f"{key} is {self.status[key]}, {event['kind']} is not for it"
        now = self.epoch[key], self.attempt[key]
        assert (event["epoch"], event["attempt"]) == now, "an attempt that no longer counts"

    def _ends(self, key: str, event: Event) -> None:
        assert (key, event["epoch"]) not in self.done, "no step completes twice in an epoch"
        self._current(key, event, "RUNNING", "WAITING")
        self.ended[key] = None

    def _step_waiting(self, key: str, event: Event, data: JSON) -> None:
        self._current(key, event, "RUNNING")
        assert not self.failing
        self.status[key] = "WAITING"

    def _retry_scheduled(self, key: str, event: Event, data: JSON) -> None:
        self._current(key, event, "RUNNING", "WAITING")  # WAITING: for a child run, which has failed
        assert not self.failing
        self.status[key] = "WAITING"

    def _child_started(self, key: str, event: Event, data: JSON) -> None:
        self._begets(key, event)
        if "item" not in data:
            self._step_waiting(key, event, data)
            return
        self._current(key, event, "RUNNING")
        index = data["item"][0]
        self.in_work[key].remove(index)
        self.children[key].add(index)
        self._rest(key)

    def _approval_requested(self, key: str, event: Event, data: JSON) -> None:
        self._step_waiting(key, event, data)
        self.open_questions[key] = data["approval"]["id"]

    def _approval_decided(self, key: str, event: Event, data: JSON) -> None:
        self._current(key, event, "WAITING")
        assert self.open_questions.pop(key) == data["approval"]

    _approval_expired = _approval_decided

    def _approval_voted(self, key: str, event: Event, data: JSON) -> None:
        self._current(key, event, "WAITING")
        assert self.open_questions[key] == data["approval"]

    def _approval_voided(self, key: str, event: Event, data: JSON) -> None:
        self.open_questions.pop(key, None)

    def _step_queued(self, key: str, event: Event, data: JSON) -> None:
        self._current(key, event, "WAITING")
        self.status[key] = "PENDING"

    def _step_interrupted(self, key: str, event: Event, data: JSON) -> None:
        self._current(key, event, "RUNNING")
        self.status[key] = "PENDING"

    def _step_completed(self, key: str, event: Event, data: JSON) -> None:
        self._ends(key, event)
        assert "failure" not in data["ports"]
        self._resolve(key, "COMPLETED", data["ports"])

    def _step_failed(self, key: str, event: Event, data: JSON) -> None:
        self._ends(key, event)
        if data["handled"] or data["continued"]:
            self._resolve(key, "FAILED", data["ports"])
            return
        assert key not in self.open_questions
        self.status[key] = "FAILED"
        self.broken.add(key)
        self.failing = self.failing or self.run == "RUNNING"

    def _resolve(self, key: str, status: str, ports: list[str]) -> None:
        assert key not in self.undoing, "a report of a step that is undone counts for nothing"
        assert key not in self.open_questions
        self.done.add((key, self.epoch[key]))
        self.status[key], self.ports[key] = status, tuple(ports)

    def _step_skipped(self, key: str, event: Event, data: JSON) -> None:
        assert self.run == "RUNNING"
        assert self.status[key] == "PENDING"
        assert self._never_starts(key), "it could start"
        self.status[key] = "SKIPPED"

    def _step_cancelled(self, key: str, event: Event, data: JSON) -> None:
        self._ends(key, event)
        assert key not in self.open_questions, "its question is void first"
        if data.get("handled") or data.get("continued"):
            self._resolve(key, "CANCELLED", data["ports"])
            return
        self.status[key] = "CANCELLED"
        self.broken.add(key)
        self.failing = self.failing or "by" in data

    def _step_reset(self, key: str, event: Event, data: JSON) -> None:
        assert self.run == "ROLLING_BACK"
        assert self.status[key] not in ("RUNNING", "WAITING"), "it runs or waits"
        if key in self.undoing:
            assert event["epoch"] == self.epoch[key] + 1, "epochs count up"
            self.epoch[key], self.attempt[key] = event["epoch"], 0
            self.reset.add(key)
        else:
            assert key in self.broken, "it is neither undone nor failed"
            assert event["epoch"] == self.epoch[key], "what is only tried again keeps its epoch"
        self.broken.discard(key)
        self.ended.pop(key, None)
        self.status[key], self.ports[key] = "PENDING", ()

    # ------------------------------------------------------------------ the slow way to know

    def _below(self, key: str) -> set[str]:
        found = {key}
        while more := {edge.target for edge in self.graph.edges if edge.source in found} - found:
            found |= more
        return found

    def _edges(self, key: str) -> list[str]:
        """Each incoming edge: live, dead, or open."""
        found = []
        for source, port in self.into[key]:
            if source in self.broken or self.status[source] in ("PENDING", "RUNNING", "WAITING"):
                found.append("open")
            else:
                found.append("live" if port in self.ports[source] else "dead")
        return found

    def _may_start(self, key: str) -> bool:
        edges, join = self._edges(key), self.graph.steps[key].join
        if not edges:
            return True
        if join == "all":
            return set(edges) == {"live"}
        return "live" in edges and (join == "first" or "open" not in edges)

    def _never_starts(self, key: str) -> bool:
        edges, join = self._edges(key), self.graph.steps[key].join
        return "dead" in edges if join == "all" else bool(edges) and set(edges) == {"dead"}

    def _agree(self, state: RunState) -> None:
        """The engine's incremental account says the same."""
        said = {key: str(step.status) for key, step in state.steps.items()}
        assert said == self.status, "the engine says otherwise"
        assert list(state.running) == sorted(self._in("RUNNING"), key=list(state.running).index)
        assert set(state.waiting) == set(self._in("WAITING"))
        assert set(state.broken) == self.broken
        left = [
            (*at, item)
            for at, job in state.undo.items()
            for item in job.get("items", (None,))[job.get("done", 0) :]
        ]
        assert [effect[:2] for effect in left] == [effect[:2] for effect in self.queue]
        assert set(left) == set(self.queue)
        assert {effect for effect, job in state.undo.items() if job["status"] == "stuck"} == self.stuck
        expected = self.run
        if expected == "RUNNING":
            idle = state.waiting and not state.running and not state.ready and not state.mapping
            expected = "WAITING" if idle else "RUNNING"
            if not self.failing:
                startable = {key for key in self._in("PENDING") if self._may_start(key)}
                assert set(state.ready) == startable
        assert str(state.status) == expected
        for key, step in state.steps.items():
            edges = self._edges(key)
            assert (step.left, step.live) == (edges.count("open"), edges.count("live")), key
