"""Starting a run from a checkpoint of another one (semantic 8): what it takes over, and whether that fits.

A fork from S takes over what the steps that are not S or below it came to in the source run, and executes
S and all below. It executes too what had not ended there: a branch that still ran, was stopped, or failed
with nobody to handle it.

Another version fits when everything outside of S and its descendants is drawn as it was: each such step
exists in both versions with the same type, ports, join and incoming edges, what it ended on still leads on
(an edge for a failure, a rejection, an expiry; ``on_failure: continue`` where it went on without it), and
S can start. Their other settings may differ: a taken-over result stays what it is. S and what is below it
may be drawn in any way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from builder.graph import DEFAULT_PORT, Graph
from orchestrator.errors import Conflict
from runs.engine.commands import Fork
from runs.engine.events import JSON
from runs.engine.overlay import Overlay
from runs.engine.records import RunState, StepState
from runs.engine.state import apply, new_state
from runs.engine.states import CHECKPOINTS, StepStatus
from runs.engine.takeover import RESULT
from runs.engine.turn import Turn
from runs.engine.unwinding import half_undone

GIVES_WAY = ("failure", "rejected", "expired")  # they need an edge, or the step has failed (semantic 4)


@dataclass(frozen=True, slots=True)
class Branch:
    """A fork that can be made. ``taken`` and ``results`` are as ``run_forked`` says them."""

    start: str
    taken: dict[str, dict[str, JSON]]  # step -> how it ended
    again: tuple[str, ...]  # S and its descendants
    also: tuple[str, ...]  # other steps that had not ended, so that they run too
    results: dict[str, dict[str, JSON]]  # of descendants of S: they may serve again


def fork(turn: Turn, command: Fork) -> None:
    """The fork's first entry. A second time there is nothing to say."""
    if turn.state.started_at is None:
        said = {"input": command.input, "user": dict(command.user), "version": command.version}
        turn.say("run_started", said)
        turn.say("run_forked", dict(command.forked))


def branch(source: Graph, state: RunState, target: Graph, start: str, version: int = 0) -> Branch:
    """What a fork of ``state`` from ``start`` in the graph ``target`` (of ``version``) takes over.

    Raises Conflict: unknown_step, not_a_checkpoint, and does_not_fit, whose details name step and edge.
    """
    if start not in source.steps:
        raise Conflict("The run has no such step.", code="unknown_step", step=str(start)[:80])
    if state.steps[start].status not in CHECKPOINTS:
        message = f"Step {start} is {state.steps[start].status}; a run is forked from a step that has ended."
        raise Conflict(message, code="not_a_checkpoint", step=start)
    fitting = _Fitting(source, state, target, version)
    if start not in target.steps:
        fitting.refuse(start, "the step is not there")
    below = target.descendants(start) | {start}
    outside = [key for key in target.order if key not in below]
    for key in outside:
        fitting.check(key, start)
    taken = {key: _how(state.steps[key]) for key in outside if _has_ended(state, key)}
    again = tuple(key for key in target.order if key in below)
    fitting.check_start(start, taken)
    return Branch(
        start,
        taken,
        again,
        tuple(key for key in outside if key not in taken),
        {key: _result(state.results[key]) for key in again if key in state.results and key != start},
    )


def _has_ended(state: RunState, key: str) -> bool:
    """Whether the step came to something that the steps after it can rest on."""
    if key in state.broken or key in state.undoing or (state.undone and key in half_undone(state)):
        return False
    return state.steps[key].status in (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)


def _how(step: StepState) -> dict[str, JSON]:
    """How a step ended, without what it cost and when."""
    said: dict[str, JSON] = {"status": str(step.status)}
    if step.status is StepStatus.SKIPPED:
        return said
    said["ports"] = list(step.ports)
    if step.payload is None:
        said["output"] = step.output
    else:
        said["payload"] = step.payload
    for name in ("error", "line", "citations"):
        if value := getattr(step, name):
            said[name] = value
    return said


def _result(known: dict[str, JSON]) -> dict[str, JSON]:
    return {name: known[name] for name in (*RESULT, "epoch", "run", "number") if name in known}


class _Fitting:
    """Holds the graph of a version to what a run has come to."""

    def __init__(self, source: Graph, state: RunState, target: Graph, version: int) -> None:
        self.source, self.state, self.target, self.version = source, state, target, version

    def refuse(self, key: str, why: str, **more: Any) -> NoReturn:
        """Raise Conflict ``does_not_fit``."""
        message = f"Version {self.version} does not fit at step {key}: {why}."
        raise Conflict(message, code="does_not_fit", step=key, version=self.version, **more)

    def check(self, key: str, start: str) -> None:
        """Raise Conflict unless the step, which is not below ``start``, is drawn as it was."""
        if self.source is self.target:
            return
        now, was = self.target.steps[key], self.source.steps.get(key)
        if was is None:
            self.refuse(key, f"it is new and does not follow on {start}, so it has no result to take over")
        for name in ("type", "join"):
            old, new = getattr(was, name), getattr(now, name)
            if old != new:
                self.refuse(key, f"its {name} was {old} in the run and is {new} there")
        if set(was.ports) != set(now.ports):
            shown = f"{', '.join(was.ports)} in the run and are {', '.join(now.ports)} there"
            self.refuse(key, f"its ports were {shown}")
        self._check_edges(key)
        if _has_ended(self.state, key):
            self._check_way_on(key)

    def _check_edges(self, key: str) -> None:
        was, now = set(self.source.incoming[key]), set(self.target.incoming[key])
        for edge in sorted(was ^ now, key=lambda edge: (edge.source, edge.port)):
            change = "is gone" if edge in was else "is new"
            self.refuse(
                key,
                f"the edge to it from {edge.source} ({edge.port}) {change}",
                edge={"source": edge.source, "port": edge.port, "target": key},
            )

    def _check_way_on(self, key: str) -> None:
        """What it ended on may be wired only below S, which the version may draw anew (semantic 4)."""
        step, spec = self.state.steps[key], self.target.steps[key]
        if step.status is StepStatus.FAILED and step.ports == (DEFAULT_PORT,):
            if spec.on_failure.action != "continue" or (key, "failure") in self.target.wired:
                self.refuse(key, "it failed, and there the run does not go on without it")
            return
        for port in step.ports:
            if port in GIVES_WAY and (key, port) in self.source.wired - self.target.wired:
                self.refuse(key, f"it ended on {port}, and there no edge leads on from that", port=port)

    def check_start(self, start: str, taken: dict[str, dict[str, JSON]]) -> None:
        """Raise Conflict where ``start`` would be skipped."""
        trial = Overlay(new_state(self.target))
        apply(self.target, trial, "", {"kind": "run_forked", "data": {"steps": taken}})
        if start in trial.stranded:
            self.refuse(start, "no edge leads to it after what the steps before it have come to")
