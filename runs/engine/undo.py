"""Undoing effects: one compensation after the other, in reverse order of completion (semantic 6).

What is to be undone is kept by ``unwinding``. The child of a step is undone by its own rollback, for which
the job waits; it may end also while the job is stuck: a person has seen to it in the child.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from orchestrator.errors import Conflict, Invalid
from runs.engine import ledger
from runs.engine.commands import Due, Resolve, UndoFailed, UndoInterrupted, Undone
from runs.engine.ends import MOST_INTERRUPTIONS, pause_s
from runs.engine.kin import KIND
from runs.engine.states import RunStatus
from runs.engine.turn import Turn, iso
from runs.engine.unwinding import given_up, item_of

ACTIONS = ("retry", "skip", "give_up")
CHILD: dict[type, tuple[str, ...]] = {Undone: (KIND, "stuck"), UndoFailed: (KIND,), UndoInterrupted: ()}


def go_on(turn: Turn) -> None:
    """Start the next compensation, unless one is under way, stuck, or a step that is undone still runs."""
    state = turn.state
    if not state.undo or not turn.worker or any(key in state.undoing for key in state.running):
        return
    (key, epoch), job = next(iter(state.undo.items()))
    if job["status"] == "pending":
        data = {"worker": turn.worker, **_which(job)}
        turn.say_of("compensation_started", key, epoch, job["attempt"] + 1, data)


def _which(job: dict[str, Any]) -> dict[str, Any]:
    item = item_of(job)
    return {} if item is None else {"item": item}


def _heard(turn: Turn, report: Any) -> dict[str, Any] | None:
    """The job if it waits for just this report."""
    job = turn.state.undo.get((report.step, report.epoch))
    if job is None or job["attempt"] != report.attempt:
        return None
    counts = job["status"] == "running" or (job["child"] and job["status"] in CHILD[type(report)])
    return job if counts else None


def undone(turn: Turn, report: Undone) -> None:
    """The compensation worked."""
    job = _heard(turn, report)
    if job is None:
        return
    ledger.take(turn, report, report.received, brief=True)
    data = _which(job) | ({"line": report.line} if report.line else {})
    data |= {"payload": report.payload} if report.payload is not None else {"output": report.output}
    data |= {"usage": report.usage} if report.usage else {}
    data |= {"cost": report.cost} if report.cost else {}
    turn.say_of("step_compensated", report.step, report.epoch, report.attempt, data)


def failed(turn: Turn, report: UndoFailed) -> None:
    """The compensation raised: another attempt follows as ``retry`` says, or a person has to decide."""
    job = _heard(turn, report)
    if job is None:
        return
    retry, failures = turn.graph.steps[report.step].retry, job["failures"] + 1
    where = (report.step, report.epoch, report.attempt)
    if report.error.get("retryable") and failures < retry.max_attempts:
        delay = pause_s(retry, failures)
        due_at = iso(turn.now + timedelta(seconds=delay))
        data = {"due_at": due_at, "error": report.error, "delay_s": delay, **_which(job)}
        turn.say_of("compensation_retry_scheduled", *where, data)
    else:
        turn.say_of("compensation_failed", *where, {"error": report.error, **_which(job)})


def interrupted(turn: Turn, report: UndoInterrupted) -> None:
    """The worker is gone: the compensation starts again with the same keys."""
    job = _heard(turn, report)
    if job is None:
        return
    if job["interruptions"] + 1 >= MOST_INTERRUPTIONS:
        message = f"Its worker was lost {MOST_INTERRUPTIONS} times in a row."
        error = {"code": "interrupted", "message": message, "retryable": False}
        data = {"error": error, **_which(job)}
        turn.say_of("compensation_failed", report.step, report.epoch, report.attempt, data)
    else:
        data = {"worker": report.worker, **_which(job)}
        turn.say_of("compensation_interrupted", report.step, report.epoch, report.attempt, data)


def due(turn: Turn, timer: Due) -> None:
    """The pause before the next attempt is over."""
    job = turn.state.undo.get((timer.step, timer.epoch))
    if job is None or job["status"] != "waiting" or job["attempt"] != timer.attempt:
        return
    if turn.at >= iso(datetime.fromisoformat(job["due_at"])):
        turn.say_of("compensation_queued", timer.step, timer.epoch, timer.attempt, _which(job))


def resolve(turn: Turn, command: Resolve) -> None:
    """A person says how a stuck rollback goes on. Raises Conflict (``not_stuck``) and Invalid."""
    state = turn.state
    if command.action not in ACTIONS:
        raise Invalid("An action is retry, skip or give_up.", field="action")
    found = next(((at, job) for at, job in state.undo.items() if at[0] == command.step), None)
    if found is None or found[1]["status"] != "stuck":
        raise Conflict("Undoing this step is not stuck.", code="not_stuck", step=command.step)
    if command.action == "skip" and not command.reason.strip():
        raise Invalid("Say why its effect may stay; the reason is kept in the journal.", field="reason")
    (key, epoch), job = found
    said = {"by": command.by, "reason": command.reason, **_which(job)}
    if command.action == "retry":
        turn.say_of("compensation_retried", key, epoch, job["attempt"], said)
    elif command.action == "skip":
        turn.say_of("compensation_skipped", key, epoch, job["attempt"], said)
    else:
        _give_up(turn, key, job, said)


def _give_up(turn: Turn, key: str, job: dict[str, Any], said: dict[str, Any]) -> None:
    """Nothing is reset: the run is FAILED, and what is left is undone by a later rollback."""
    state = turn.state
    remaining = [step for step, _ in given_up(state, key)]
    rolling_back = state.status is RunStatus.ROLLING_BACK
    if rolling_back:  # what goes on elsewhere stops, as when the run is cancelled
        for step in [*state.running, *state.waiting]:
            turn.stop(step, "The rollback was given up.")
    turn.say("rollback_given_up", {**said, "step": key, "remaining": remaining})
    if rolling_back:
        why = (job["error"] or {}).get("message") or ""
        message = f"The rollback was given up at {key}: {why} Still to be undone: {', '.join(remaining)}."
        turn.say("run_failed", {"error": {"step": key, "code": "rollback_given_up", "message": message}})
