"""Going back to a checkpoint (semantics 6 and 7): what it takes, and what it would take (preview)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from builder.graph import Graph, StepSpec
from orchestrator.errors import Conflict
from runs.engine import ledger
from runs.engine.commands import Rollback
from runs.engine.records import RunState, tokens_of
from runs.engine.states import ACTIVE, CHECKPOINTS, RunStatus, StepStatus
from runs.engine.turn import UNDONE, Turn
from runs.engine.unwinding import half_undone, is_map, owed, owed_items

STARTED = (*CHECKPOINTS, StepStatus.RUNNING, StepStatus.WAITING)


def roll_back(turn: Turn, command: Rollback) -> None:
    """A person takes the run back. Raises Conflict where ``refuse`` does."""
    refuse(turn.graph, turn.state, command.to)
    _begin(turn, command.to, command.reason, by=command.by)


def roll_back_itself(turn: Turn, key: str, error: dict[str, Any]) -> None:
    """Semantic 4: an unhandled failure of ``key`` rolls back if its ``on_failure`` says so and still may."""
    policy, state = turn.graph.steps[key].on_failure, turn.state
    if policy.action != "rollback" or policy.to is None or state.status not in ACTIVE:
        return
    upstream = policy.to == key or turn.graph.is_upstream(policy.to, key)
    if not upstream or state.steps[policy.to].status not in STARTED:
        return  # a target that it cannot go back to: the failure stands
    if state.rollback_counts.get(key, 0) < policy.max_times:
        _begin(turn, policy.to, str(error.get("message") or ""), cause=key)


def refuse(graph: Graph, state: RunState, to: str | None) -> None:
    """Raise Conflict unless the run can be taken back to ``to`` (None: undone as a whole).

    Codes: rolling_back, not_running (never started, or rolled back already), unknown_step,
    not_a_checkpoint.
    """
    if state.status is RunStatus.ROLLING_BACK:
        raise Conflict("The run is being rolled back already.", code="rolling_back")
    if state.status is RunStatus.PENDING:
        raise Conflict("The run has not started.", code="not_running")
    if state.status is RunStatus.ROLLED_BACK:
        raise Conflict("The whole run is rolled back already.", code="not_running")
    if to is None:
        return
    if to in graph.steps and (left := [k for k in half_undone(state) if k not in affected(graph, to)]):
        message = f"What {', '.join(left)} did is undone already; roll back to it, or to a step before it."
        raise Conflict(message, code="half_undone", steps=left)
    if to not in graph.steps:
        raise Conflict("The run has no such step.", code="unknown_step", step=str(to)[:80])
    if state.steps[to].status not in CHECKPOINTS:
        message = f"Step {to} is {state.steps[to].status}; a run goes back to a step that has ended."
        raise Conflict(message, code="not_a_checkpoint", step=to)


def affected(graph: Graph, to: str | None) -> frozenset[str]:
    """The steps that a rollback takes back: ``to`` and its descendants, or all."""
    return frozenset(graph.steps) if to is None else graph.descendants(to) | {to}


def undo_order(graph: Graph, state: RunState, to: str | None) -> list[str]:
    """The affected steps as they are undone: running and waiting ones stop, ended ones go in reverse order.

    Those that never started come last; for them nothing is undone.
    """
    keys = affected(graph, to)
    active = [key for key in (*state.running, *state.waiting) if key in keys]
    ended = [key for key in state.completed_order if key in keys]
    order = dict.fromkeys((*reversed(active), *reversed(ended)))
    return [*order, *(key for key in reversed(graph.order) if key in keys and key not in order)]


def _begin(
    turn: Turn, to: str | None, reason: str, *, by: str | None = None, cause: str | None = None
) -> None:
    state = turn.state
    steps = undo_order(turn.graph, state, to)
    count = state.reasons[to]["count"] + 1 if to is not None and to in state.reasons else 1
    data = {"to": to, "by": by, "reason": reason, "automatic": cause is not None, "count": count}
    turn.say("rollback_started", {**data, "steps": steps, **({"cause": cause} if cause else {})})
    for key in steps:
        if key in state.waiting:
            turn.stop(key, UNDONE)
        else:
            turn.void(key, UNDONE)


def finish(turn: Turn) -> None:
    """Set the steps back once none of them runs any more. Until then their reports only stop them."""
    state, rollback = turn.state, turn.state.rollback
    if rollback is None or state.undo or any(key in state.undoing for key in state.running):
        return
    undoing = state.undoing
    for key in turn.graph.order:
        if key in undoing:
            step = state.steps[key]
            turn.say_of("step_reset", key, step.epoch + 1, 0, {})
    for key in list(state.broken):  # unhandled failures elsewhere are tried again, in their epoch
        turn.say_step("step_reset", key, {})
    turn.say("rollback_finished", {"to": rollback["to"]})
    if rollback["to"] is None:
        turn.say("run_rolled_back", {"by": rollback["by"], "reason": rollback["reason"]})


def preview(
    graph: Graph,
    state: RunState,
    to: str | None,
    effect_of: Callable[[StepSpec], str] = lambda spec: "reversible",
) -> dict[str, Any]:
    """What a rollback to ``to`` would do now, without doing it. Raises Conflict as the rollback would.

    ``{to, steps: [{step, status, what}], cannot, kept, retried, waits_for, cost, tokens}``. ``steps`` are in
    the order of undoing; ``what`` is ``stop`` (it runs or waits), ``undo`` (it has ended) or ``reset`` (it
    never started). ``compensates`` are those that are undone, by their ``compensate`` action or by rolling
    their child runs back, in that order, and ``items`` says of a map of them how many items that are.
    ``unknown`` are those with a call that was sent and never answered. ``cannot`` are those of them whose
    effects stay: ``effect_of`` says ``reversible`` of the others. ``kept`` have completed and keep their
    outputs, ``retried`` have failed elsewhere, and ``waits_for`` run now. ``cost`` and ``tokens`` are what
    the results that are given up have used.
    """
    refuse(graph, state, to)
    order = undo_order(graph, state, to)
    undone = set(order)
    compensates = [key for key in order if owed(graph, state, key)]
    steps = [
        {"step": key, "status": str(state.steps[key].status), "what": _what(state, key)} for key in order
    ]
    return {
        "to": to,
        "steps": steps,
        "compensates": compensates,
        "items": {key: len(owed_items(graph, state, key)) for key in compensates if is_map(graph, key)},
        "unknown": [
            key
            for key in order
            if ledger.unknown(state, key)
            and (graph.steps[key].compensate is not None or effect_of(graph.steps[key]) != "reversible")
        ],
        "cannot": [
            key
            for key in order
            if state.steps[key].attempt
            and key not in compensates
            and graph.steps[key].compensate is None
            and effect_of(graph.steps[key]) != "reversible"
        ],
        "kept": [
            key
            for key, step in state.steps.items()
            if key not in undone and step.status is StepStatus.COMPLETED
        ],
        "retried": [key for key in state.broken if key not in undone],
        "waits_for": [key for key in state.running if key in undone],
        "cost": sum(state.steps[key].cost for key in order),
        "tokens": sum(tokens_of(state.steps[key].usage) for key in order),
    }


def _what(state: RunState, key: str) -> str:
    if key in state.running or key in state.waiting:
        return "stop"
    return "undo" if key in state.completed_order else "reset"
