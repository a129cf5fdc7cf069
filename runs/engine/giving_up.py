"""A person gives up one step of a run that goes on."""

from __future__ import annotations

from orchestrator.errors import Conflict
from runs.engine.commands import CancelStep
from runs.engine.ends import outcome
from runs.engine.states import ACTIVE, RunStatus, StepStatus
from runs.engine.turn import Turn


def cancel_step(turn: Turn, command: CancelStep) -> None:
    """The step is CANCELLED at once; what it still reports is late.

    It goes on as a failure would: along its ``failure`` edge, or by ``on_failure: continue`` with a null
    output; else the run fails (semantics 4 and 5). Neither ``retry`` nor ``on_failure: rollback`` applies: a
    person has decided. Raises Conflict: rolling_back, not_running, unknown_step, not_active.
    """
    state, key = turn.state, command.step
    if state.status is RunStatus.ROLLING_BACK:
        raise Conflict("The run is being rolled back, which stops its steps.", code="rolling_back")
    if state.status not in ACTIVE:
        raise Conflict(f"The run is {state.status}; nothing in it can be cancelled.", code="not_running")
    if key not in turn.graph.steps:
        raise Conflict("The run has no such step.", code="unknown_step", step=str(key)[:80])
    status = state.steps[key].status
    if status not in (StepStatus.RUNNING, StepStatus.WAITING):
        message = f"Step {key} is {status}; only one that runs or waits can be cancelled."
        raise Conflict(message, code="not_active", step=key)
    name = turn.graph.steps[key].name
    message = f"{command.by} cancelled {name}{': ' if command.reason else '.'}{command.reason}"
    error = {"code": "cancelled", "message": message, "retryable": False, "details": {}}
    said = {"by": command.by, "reason": command.reason, "error": error, **outcome(turn, key)}
    turn.void(key, message)
    turn.say_step("step_cancelled", key, said)
