"""From a started step to its result: what was journaled as started is run, and its end is submitted.

A ``Runtime`` makes this process a worker. Without one attached, commands are journaled all the same and
the steps that they free stay ready, until a worker's sweep finds them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

import orjson
from django.db import DatabaseError, close_old_connections

import steps
from orchestrator.errors import Conflict, Invalid, NotFound
from runs import journal, live, logs, payloads
from runs.cache import Run, runs
from runs.engine.commands import Asked, Command, Complete, Fail, Interrupt, Slept, Start
from runs.engine.states import StepStatus
from runs.executors.base import Assignment, Executor, Token
from runs.journal import Committed
from runs.models import OrchestrationInstance, Worker
from runs.scope import scope
from steps import templates
from steps.base import Ask, Outcome, Sleep, StepContext, StepError, StepResult, StepType

log = logging.getLogger(__name__)
STOPS = frozenset({"step_cancelled", "step_interrupted", "step_reset", "rollback_started"})
APPROVAL_BYTES = 1024 * 1024
PATIENCE_S = (0.05, 0.2, 1.0, 5.0)  # between attempts to store a result that the database did not take


@dataclass(frozen=True, slots=True)
class Plan:
    """A step of a version, ready to run."""

    type: StepType
    config: templates.Compiled
    timeout_s: float


class Runtime:
    """This process as a worker."""

    def __init__(self, worker: str, row: Worker | None = None) -> None:
        self.worker, self.row = worker, row
        self.executor: Executor = _Nobody()
        self.stopping = False
        self.on_timer: Callable[[], None] = lambda: None  # a timer was set
        self._unsubscribe: Callable[[], None] = lambda: None

    def attach(self, executor: Executor) -> None:
        """Become the process's runtime: its commands start steps, which ``executor`` runs."""
        global _current  # noqa: PLW0603 - one runtime a process
        self.executor = executor
        self._unsubscribe = journal.subscribe(self._notice)
        _current = self

    def detach(self) -> None:
        """Stop being it."""
        global _current  # noqa: PLW0603
        self._unsubscribe()
        self._unsubscribe = lambda: None
        if _current is self:
            _current = None

    def act(self, run_id: UUID, command: Command) -> Committed:
        """Submit a command and hand the steps that it starts to the executor. Raises as ``submit`` does."""
        committed = journal.submit(run_id, command, worker="" if self.stopping else self.worker)
        self.executor.submit(started(committed))
        return committed

    def execute(self, assignment: Assignment, token: Token) -> Sequence[Assignment]:
        """Run a started step to its end and submit that; returns what it has started."""
        try:
            run = _awaiting(assignment)
            if run is None:
                return ()
            command = self._run(run, assignment, token)
            token.deadline = None
            live.end_text(assignment.run_id, assignment.step)
            logs.settle()
            return started(self._report(assignment, command)) if command else ()
        finally:
            close_old_connections()

    def overdue(self, assignment: Assignment) -> None:
        """The step ran into its timeout: that is its result, whatever it still returns."""
        plan = plan_of(runs.get(assignment.run_id), assignment.step)
        error = StepError(
            f"The step took longer than its {plan.timeout_s:g} seconds.", code="timeout", retryable=True
        )
        self.executor.submit(started(self._report(assignment, _failed(assignment, error))))

    def cancel_stale(self, run: Run) -> None:
        """Tell the steps here that no longer count, or that a rollback waits for, to stop."""
        for assignment in self.executor.held():
            if assignment.run_id == run.pk and not (
                _counts(run, assignment) and not _undone(run, assignment)
            ):
                self.executor.cancel(assignment)

    def look_up(self) -> None:
        """Notice what other processes have done to the runs that are at work here."""
        here = {assignment.run_id for assignment in self.executor.held()}
        for pk, seq in OrchestrationInstance.objects.filter(pk__in=here).values_list("pk", "seq"):
            run = runs.get(pk)
            if seq > run.state.seq:
                journal.refresh(run)
                self.cancel_stale(run)

    def _notice(self, committed: Committed) -> None:
        if committed.timers:
            self.on_timer()
        if any(event["kind"] in STOPS for event in committed.events):
            self.cancel_stale(committed.run)

    def _run(self, run: Run, assignment: Assignment, token: Token) -> Command | None:
        """The step's end as a command. Never raises: whatever goes wrong is the step's failure."""
        try:
            plan = plan_of(run, assignment.step)
            token.deadline = time.monotonic() + plan.timeout_s
            context = _context(run, assignment, plan, token)
            context.check()
            return _ended(assignment, plan.type.run(context), run)
        except StepError as error:
            if self.stopping and token.cancelled:
                return Interrupt(assignment.step, assignment.epoch, assignment.attempt, self.worker)
            return _failed(assignment, error)
        except Exception as error:
            log.exception("Step %s of run %s failed unexpectedly", assignment.step, assignment.run_id)
            return _failed(assignment, _unexpected(error))

    def _report(self, assignment: Assignment, command: Command) -> Committed | None:
        """Submit a result until it is stored; None if its run is gone or this process stops first."""
        waits = iter(PATIENCE_S)
        pause = 0.0
        while True:
            try:
                return journal.submit(assignment.run_id, command, worker="" if self.stopping else self.worker)
            except NotFound:
                log.warning("Run %s is gone; the result of %s is dropped", assignment.run_id, assignment.step)
                return None
            except Invalid as error:  # it cannot be said in JSON
                command = _failed(assignment, StepError(error.message, code=error.code))
            except (DatabaseError, Conflict):
                log.exception("The result of %s could not be stored; trying again", assignment)
                if self.stopping:
                    return None  # who recovers this worker starts the step again
            pause = next(waits, pause)
            time.sleep(pause)


class _Nobody:
    """The executor of a runtime that is not attached."""

    def submit(self, assignments: Sequence[Assignment]) -> None:
        if assignments:
            raise RuntimeError("Steps were started by a runtime that has no executor.")

    def holds(self, assignment: Assignment) -> bool:
        return False

    def held(self) -> list[Assignment]:
        return []

    def cancel(self, assignment: Assignment) -> None:
        """Nothing is here."""

    def stop(self, timeout_s: float) -> list[Assignment]:
        return []


_current: Runtime | None = None


def act(run_id: UUID, command: Command) -> Committed:
    """Submit a command as this process: with its runtime if it has one. Raises as ``submit`` does."""
    return _current.act(run_id, command) if _current else journal.submit(run_id, command)


def begin(run: OrchestrationInstance) -> Committed:
    """Start a run that was created: its first entry. Doing it twice is harmless."""
    return act(run.pk, opening(run))


def opening(run: OrchestrationInstance) -> Start:
    """The command that starts a run."""
    starter = run.started_by
    user = {"id": str(starter.pk), "username": starter.username} if starter else {}
    return Start(run.input, user, run.version.number)


def started(committed: Committed | None) -> list[Assignment]:
    """What a command has started."""
    if committed is None:
        return []
    pk = committed.run.pk
    return [
        Assignment(pk, event["step"], event["epoch"], event["attempt"])
        for event in committed.events
        if event["kind"] == "step_started"
    ]


def plan_of(run: Run, key: str) -> Plan:
    """The compiled step; compiled once a version. Raises StepError where it cannot run."""
    plans = run.version.plans
    plan = plans.get(key)
    if plan is None:
        spec = run.version.graph.steps[key]
        try:
            step_type = steps.get(spec.type)
        except KeyError as error:
            raise StepError(f"Steps of type {spec.type!r} cannot run here.", code="not_available") from error
        config = steps.compile_config(spec.type, spec.config)
        plan = plans[key] = Plan(step_type, config, spec.timeout_s or step_type.default_timeout_s)
    return plan


def _awaiting(assignment: Assignment) -> Run | None:
    """The run, if it still waits for this attempt; it may have been cancelled or deleted meanwhile."""
    try:
        run = runs.get(assignment.run_id)
    except NotFound:
        return None
    if not _counts(run, assignment):
        journal.refresh(run)  # it may only have been forgotten here since the step was started
    return run if _counts(run, assignment) else None


def _counts(run: Run, assignment: Assignment) -> bool:
    """Whether the journal still waits for this attempt."""
    step = run.state.steps[assignment.step]
    return (
        step.status == StepStatus.RUNNING
        and step.attempt == assignment.attempt
        and step.epoch == assignment.epoch
    )


def _undone(run: Run, assignment: Assignment) -> bool:
    """Whether a rollback waits for the step to end."""
    return assignment.step in run.state.undoing


def _context(run: Run, assignment: Assignment, plan: Plan, token: Token) -> StepContext:
    pk, key, state = assignment.run_id, assignment.step, run.state
    seen = scope(str(pk), state, lambda stored: payloads.load(pk, stored), key)
    return StepContext(
        run_id=str(pk),
        key=key,
        name=run.version.graph.steps[key].name,
        epoch=assignment.epoch,
        attempt=assignment.attempt,
        config=templates.render(plan.config, seen, token.deadline),
        scope=seen,
        user_id=state.user.get("id"),
        timeout_s=plan.timeout_s,
        log=logs.writer(assignment),
        emit=_emitter(assignment),
        cancelled=lambda: token.cancelled,
        remaining_s=token.remaining_s,
        on_cancel=token.on_cancel,
    )


def _emitter(assignment: Assignment) -> Callable[[str], None]:
    offset = 0

    def emit(text: str) -> None:
        nonlocal offset
        live.publish_text(
            assignment.run_id, assignment.step, assignment.epoch, assignment.attempt, offset=offset, text=text
        )
        offset += len(text)

    return emit


def _ended(assignment: Assignment, outcome: Outcome, run: Run) -> Command:
    """The command for what a step returned; raises StepError for what cannot be journaled."""
    where = (assignment.step, assignment.epoch, assignment.attempt)
    if isinstance(outcome, StepResult):
        unknown = set(outcome.ports) - set(run.version.graph.steps[assignment.step].ports)
        if unknown:
            raise StepError(f"The step ended on {sorted(unknown)}, which it has not.", code="unknown_port")
        output, payload = payloads.keep(assignment.run_id, outcome.output)
        return Complete(
            *where, outcome.ports, output, payload, outcome.usage, outcome.cost, outcome.citations,
            outcome.line, outcome.reason,
        )  # fmt: skip
    if isinstance(outcome, Ask):
        return Asked(*where, _approval(assignment, outcome))
    if isinstance(outcome, Sleep):
        return Slept(*where, _in(outcome.seconds), outcome.output)
    raise StepError(f"The step gave {type(outcome).__name__}, which is no result.", code="bad_result")


def _approval(assignment: Assignment, ask: Ask) -> dict[str, Any]:
    shown = orjson.dumps([ask.message, ask.evidence, ask.form], option=orjson.OPT_SORT_KEYS, default=str)
    if len(shown) > APPROVAL_BYTES:
        raise StepError("The question and its evidence are over 1 MiB; show less.", code="approval_too_large")
    return {
        "id": str(approval_id(assignment)),
        "message": ask.message,
        "evidence": ask.evidence,
        "assignees": ask.assignees,
        "role": ask.role,
        "quorum": ask.quorum,
        "form": ask.form,
        "allow_self": ask.allow_self,
        "channels": ask.channels,
        "expires_at": _in(ask.expires_s).isoformat(timespec="milliseconds") if ask.expires_s else None,
        "content_hash": sha256(shown).hexdigest(),
    }


def approval_id(assignment: Assignment) -> UUID:
    """The id of the approval that an attempt asks for; a repeated delivery gives the same."""
    return uuid5(assignment.run_id, f"{assignment.step}:{assignment.epoch}:{assignment.attempt}")


def _in(seconds: float) -> datetime:
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    return due.replace(microsecond=due.microsecond // 1000 * 1000)


def _failed(assignment: Assignment, error: StepError) -> Fail:
    details = error.details
    with suppress(StepError):
        payloads.encode(details)
        return Fail(assignment.step, assignment.epoch, assignment.attempt, _said(error, details))
    return Fail(assignment.step, assignment.epoch, assignment.attempt, _said(error, {}))


def _said(error: StepError, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "details": details,
        "sent": error.sent,
        "received": error.received,
    }


def _unexpected(error: Exception) -> StepError:
    """A defect or a broken connection, in one sentence: type and message, never locals."""
    message = f"The step stopped on an unexpected error, {type(error).__name__}: {str(error)[:500]}"
    return StepError(message, code="unexpected", retryable=isinstance(error, OSError))
