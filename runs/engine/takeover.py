"""What a fork starts with, folded (semantic 8): results of other runs' steps that count as its own."""

from __future__ import annotations

from builder.graph import Graph
from runs.engine.events import Event
from runs.engine.moves import recount, weigh
from runs.engine.records import RunState, StepState
from runs.engine.states import TAKEN_OVER, IllegalTransition, StepStatus

RESULT = (
    "ports",
    "output",
    "payload",
    "citations",
    "line",
    "hash",
)  # of a result that serves again: not its cost


def take_over(graph: Graph, state: RunState, at: str, event: Event) -> None:
    """Fold ``run_forked``: the steps it names have ended, the others are weighed anew."""
    data = event["data"]
    for key, said in data["steps"].items():
        _end(state.own(key), said)
    state.results.update(data.get("results", {}))
    state.ready.clear()
    for key in graph.order:
        recount(graph, state, key)
        step = state.steps[key]
        if step.status is StepStatus.PENDING:
            weigh(graph, state, key, step)


def _end(step: StepState, said: Event) -> None:
    """It never started here: no attempt, no times, no cost, and nothing of it to be undone."""
    if step.status is not StepStatus.PENDING or said["status"] not in TAKEN_OVER:
        raise IllegalTransition(f"A fork cannot take a {step.status} step over as {said['status']}.")
    step.status = StepStatus(said["status"])
    step.ports = tuple(said.get("ports", ()))
    step.output, step.payload, step.error = said.get("output"), said.get("payload"), said.get("error")
    step.line, step.citations = said.get("line", ""), said.get("citations", [])


def is_taken_over(step: StepState) -> bool:
    """Whether the step's result is another run's: it has one, and was never started here."""
    return not step.attempt and step.status in (StepStatus.COMPLETED, StepStatus.FAILED)


def remember(state: RunState, event: Event) -> None:
    """Keep a result that carries the hash of all it rests on, also past a rollback: it may serve again."""
    state.results[event["step"]] = {**event["data"], "epoch": event["epoch"]}


def is_reused(state: RunState, key: str) -> bool:
    """Whether the step's present result is an earlier one that was given again."""
    step, result = state.steps[key], state.results.get(key)
    if step.status is not StepStatus.COMPLETED or result is None:
        return False
    return bool(result.get("reused")) and result["epoch"] == step.epoch
