"""How steps end: on a port, by an error, or not at all (semantics 3 to 5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from builder.graph import DEFAULT_PORT, Retry
from runs.engine import kin, ledger
from runs.engine.commands import (
    TIMEOUT,
    Asked,
    ChildBegins,
    Complete,
    Fail,
    Held,
    Interrupt,
    Listed,
    Report,
    Slept,
)
from runs.engine.mapping import active
from runs.engine.records import StepState
from runs.engine.rollback import roll_back_itself
from runs.engine.states import StepStatus
from runs.engine.turn import RUN_FAILED, UNDONE, Turn, iso

MOST_INTERRUPTIONS = 10  # in a row; the last one fails the step
FAILURE = "failure"


def heard(turn: Turn, report: Report | Interrupt) -> StepState | None:
    """The step if it waits for just this report, else None.

    A report of a dispatch that was given up is written down, once, as ignored; a duplicate leaves no trace.
    """
    key, epoch, attempt = report.step, report.epoch, report.attempt
    step = turn.state.steps.get(key)
    if step is None:
        return None
    if step.status is StepStatus.RUNNING and step.attempt == attempt and step.epoch == epoch:
        return None if _elsewhere(turn, report) or _moot(turn, report) else step
    if (
        turn.state.children
        and isinstance(report, Complete | Fail)
        and kin.hears(turn.state, key, epoch, attempt)
    ):
        return step
    if (key, epoch, attempt) in turn.state.unanswered and not isinstance(report, Interrupt):
        _ignore(turn, report, f"It was given up; the step is {step.status} now.")
    return None


def _elsewhere(turn: Turn, report: Report | Interrupt) -> bool:
    """While a map's items are under way, nothing is waited for from the step itself."""
    found = active(turn.state, report.step) if turn.state.maps else None
    return found is not None and (not found.finishing or isinstance(report, Listed))


def _moot(turn: Turn, report: Report | Interrupt) -> bool:
    """While its step is being undone, a report only says that the step has stopped (semantic 6).

    In a run that fails no step begins to wait or starts again either (semantic 5).
    """
    if report.step in turn.state.undoing:
        reason = UNDONE
    elif turn.state.failing and isinstance(report, Asked | Slept | Listed | Held | ChildBegins | Interrupt):
        reason = RUN_FAILED
    else:
        return False
    turn.stop(report.step, reason)
    given_up = isinstance(report, Fail) and report.error.get("code") == TIMEOUT
    if not given_up and not isinstance(report, Interrupt):
        _ignore(turn, report, reason)
    return True


def _ignore(turn: Turn, report: Report, reason: str) -> None:
    data: dict[str, Any] = {"reason": reason}
    if isinstance(report, Complete):
        data.update(_spent(report))
        if turn.graph.steps[report.step].compensate is not None and FAILURE not in report.ports:
            data["happened"] = True  # its effect has to be undone; what does so may read what it gave
            data |= {"payload": report.payload} if report.payload else {"output": report.output}
    turn.say_of("late_result_ignored", report.step, report.epoch, report.attempt, data)


def _spent(report: Complete) -> dict[str, Any]:
    spent: dict[str, Any] = {}
    if report.usage:
        spent["usage"] = dict(report.usage)
    if report.cost:
        spent["cost"] = report.cost
    return spent


def complete(turn: Turn, report: Complete) -> None:
    """The step ended by itself."""
    if report.received:
        ledger.take(turn, report, report.received, brief=_completes(turn, report))
    if heard(turn, report) is None:
        return
    data = _spent(report)
    if report.payload is not None:
        data["payload"] = dict(report.payload)
    else:
        data["output"] = report.output
    if report.citations:
        data["citations"] = list(report.citations)
    if report.line:
        data["line"] = report.line
    if report.hash:
        data["hash"] = report.hash
    end(turn, report.step, report.ports, data, report.reason)


def _completes(turn: Turn, report: Complete) -> bool:
    """Whether this report will complete its step: then nobody asks for a receipt again."""
    step = turn.state.steps.get(report.step)
    if step is None or report.step in turn.state.undoing or FAILURE in report.ports:
        return False
    now = (step.status, step.epoch, step.attempt)
    return now == (StepStatus.RUNNING, report.epoch, report.attempt)


def end(turn: Turn, key: str, ports: tuple[str, ...], data: dict[str, Any], reason: str = "") -> None:
    """Semantic 3: ending on ``failure`` is FAILED, on any other port COMPLETED."""
    if FAILURE in ports:
        message = reason or f"The step ended on {FAILURE}."
        fail(turn, key, {"code": "failure", "message": message, "retryable": False}, data=data)
    else:
        turn.say_step("step_completed", key, {"ports": list(ports), **data})


def raised(turn: Turn, report: Fail) -> None:
    """An attempt raised: another one follows if the error and ``retry`` allow it (semantic 4)."""
    step = heard(turn, report)
    if step is None:
        return
    retry, error = turn.graph.steps[report.step].retry, dict(report.error)
    again = error.get("retryable") and step.failures + 1 < retry.max_attempts
    if not again or turn.state.failing:  # nothing new starts in a run that fails
        fail(turn, report.step, error)
        return
    delay = pause_s(retry, step.failures + 1)
    due_at = iso(turn.now + timedelta(seconds=delay))
    turn.say_step("retry_scheduled", report.step, {"due_at": due_at, "error": error, "delay_s": delay})


def pause_s(retry: Retry, failures: int) -> float:
    """Seconds between a failure, counted from 1, and the next attempt."""
    return float(min(retry.max_delay_s, retry.delay_s * retry.backoff ** (failures - 1)))


def fail(
    turn: Turn, key: str, error: dict[str, Any], *, port: str = FAILURE, data: dict[str, Any] | None = None
) -> None:
    """Semantic 4: the step failed for good. Handled along ``port``, else as ``on_failure`` says."""
    failing, goes = turn.state.failing, outcome(turn, key, port)
    handled, continued = goes["handled"], goes["continued"]
    said = {"error": error, **goes, **(data or {})}
    if continued:
        said.pop("payload", None)
        said["output"] = None
    elif "payload" not in said:
        said.setdefault("output", None)
    turn.say_step("step_failed", key, said)
    if not handled and not continued and not failing:
        roll_back_itself(turn, key, error)


def outcome(turn: Turn, key: str, port: str = FAILURE) -> dict[str, Any]:
    """How the run goes on after a step that ends on ``port``: ports, handled, continued (semantic 4)."""
    spec = turn.graph.steps[key]
    handled = (key, port) in turn.graph.wired
    continued = not handled and spec.on_failure.action == "continue" and DEFAULT_PORT in spec.ports
    return {"ports": [DEFAULT_PORT] if continued else [port], "handled": handled, "continued": continued}


def interrupted(turn: Turn, report: Interrupt) -> None:
    """The worker is gone: the step starts again, and its attempt does not count."""
    step = heard(turn, report)
    if step is None:
        return
    if step.interruptions + 1 >= MOST_INTERRUPTIONS:
        message = f"Its worker was lost {MOST_INTERRUPTIONS} times in a row."
        fail(turn, report.step, {"code": "interrupted", "message": message, "retryable": False})
    else:
        turn.say_step("step_interrupted", report.step, {"worker": report.worker})
