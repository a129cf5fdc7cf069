"""How the fold changes a state: the moves that the handlers of events are made of."""

from __future__ import annotations

from typing import Any

from builder.graph import Graph
from runs.engine.commands import TIMEOUT
from runs.engine.events import Event
from runs.engine.records import RunState, StepState, tokens_of
from runs.engine.states import RESOLVED, RunStatus, StepStatus, check_run, check_step


def move_step(step: StepState, status: StepStatus) -> None:
    """Change a step's status; raises IllegalTransition."""
    check_step(step.status, status)
    step.status = status


def move_run(state: RunState, status: RunStatus) -> None:
    """Change the run's status; raises IllegalTransition."""
    check_run(state.status, status)
    state.status = status


def weigh(graph: Graph, state: RunState, key: str, step: StepState) -> None:
    """Semantic 2: find out whether a PENDING step may start now, or never."""
    join, edges = graph.steps[key].join, len(graph.incoming[key])
    if join == "first":
        starts, never = step.live > 0, not step.left
    elif join == "all":
        starts, never = step.live == edges, step.live + step.left < edges
    else:
        starts, never = not step.left and step.live > 0, not step.left
    if starts or not edges:
        state.ready[key] = None
    elif never:
        state.stranded[key] = None


def resolve(graph: Graph, state: RunState, key: str, ports: tuple[str, ...]) -> None:
    """Semantic 1: each edge out of a resolved step is live or dead from now on."""
    for edge in graph.outgoing[key]:
        target = state.own(edge.target)
        target.left -= 1
        if edge.port in ports:
            target.live += 1
        if target.status is StepStatus.PENDING:
            weigh(graph, state, edge.target, target)


def suspend(state: RunState, key: str, wait: dict[str, Any]) -> StepState:
    """The step waits for what ``wait`` says."""
    step = state.own(key)
    move_step(step, StepStatus.WAITING)
    step.wait, step.interruptions = wait, 0
    state.running.pop(key, None)
    state.waiting[key] = None
    return step


def presume(state: RunState, event: Event, error: dict[str, Any]) -> None:
    """The runtime gave up waiting for this attempt; what it reports later is told apart by this."""
    if error.get("code") == TIMEOUT:
        state.unanswered[event["step"], event["epoch"], event["attempt"]] = None


def conclude(state: RunState, at: str, event: Event, status: StepStatus) -> StepState:
    """The step has ended; which ports it took is said by ``resolve``."""
    key = event["step"]
    step = state.own(key)
    move_step(step, status)
    step.finished_at, step.wait, step.interruptions = at, None, 0
    state.running.pop(key, None)
    state.waiting.pop(key, None)
    state.completed_order[key] = None
    return step


def take_result(state: RunState, step: StepState, data: dict[str, Any]) -> None:
    """What a step came to: ports, output, what it used."""
    step.ports = tuple(data["ports"])
    step.output, step.payload = data.get("output"), data.get("payload")
    step.line = data.get("line", "")
    if "citations" in data:
        step.citations = data["citations"]
    if "usage" in data:
        step.usage = data["usage"]
    if "cost" in data:
        step.cost = data["cost"]
    spend(state, data)


def spend(state: RunState, data: dict[str, Any]) -> None:
    """Count tokens and cost, also of what no longer counts otherwise."""
    if "usage" in data:
        state.tokens += tokens_of(data["usage"])
    state.cost += data.get("cost", 0.0)


def reopen(state: RunState, key: str) -> StepState:
    """Back to PENDING in the same epoch; attempts count on, so that late results are told apart."""
    step = state.own(key)
    move_step(step, StepStatus.PENDING)
    step.failures = step.interruptions = 0
    step.ports, step.output, step.payload, step.error, step.line = (), None, None, None, ""
    step.usage, step.cost, step.citations = {}, 0.0, []
    step.worker, step.started_at, step.finished_at, step.wait, step.approval = "", None, None, None, None
    for keys in (state.broken, state.completed_order, state.ready, state.stranded):
        keys.pop(key, None)
    return step


def recount(graph: Graph, state: RunState, key: str) -> None:
    """Count the edges into a reset step anew: those of steps that were not reset are still resolved."""
    step = state.own(key)
    step.left = step.live = 0
    for edge in graph.incoming[key]:
        source = state.steps[edge.source]
        open_ = edge.source in state.broken or source.status not in RESOLVED
        step.left += open_
        step.live += not open_ and edge.port in source.ports
