"""From a started step to its result: what was journaled as started is run, and its end is submitted.

A ``Runtime`` makes this process a worker. Without one attached, commands are journaled all the same and
the steps that they free stay ready, until a worker's sweep finds them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from django.db import DatabaseError

from orchestrator.db.tidy import tidy_connections
from orchestrator.errors import Conflict, Invalid, NotFound, ProductError
from runs import gating, journal, live, logs, reports, throttle
from runs.cache import Run, Version, runs
from runs.creation import opening
from runs.engine.commands import Command, Start
from runs.errands import Errands
from runs.executors.base import Assignment, Executor, Token
from runs.journal import Committed
from runs.models import OrchestrationInstance, Worker
from runs.parts import PARTS, part_of
from steps.base import StepError, Throttled

log = logging.getLogger(__name__)
STOPS = frozenset({"step_cancelled", "step_interrupted", "step_reset", "rollback_started"})
FAILS = frozenset({"step_failed"})  # of a map whose other items still run
PATIENCE_S = (0.05, 0.2, 1.0, 5.0)  # between attempts to store a result that the database did not take


class Runtime:
    """This process as a worker."""

    def __init__(self, worker: str, row: Worker | None = None) -> None:
        self.worker, self.row = worker, row
        self.executor: Executor = _Nobody()
        self.stopping = False
        self.on_timer: Callable[[], None] = lambda: None  # a timer was set
        self.on_bounded: Callable[[Run], None] = lambda run: None  # a run that a limit bounds has moved
        self._unsubscribe: Callable[[], None] = lambda: None
        self._errands = Errands(self.act)

    def attach(self, executor: Executor) -> None:
        """Become the process's runtime: its commands start steps, which ``executor`` runs."""
        global _current  # noqa: PLW0603 - one runtime a process
        self.executor = executor
        executor.idle = journal.relieve
        self._unsubscribe = journal.subscribe(self._notice)
        _current = self

    def detach(self) -> None:
        """Stop being it."""
        global _current  # noqa: PLW0603
        self._unsubscribe()
        self._unsubscribe = lambda: None
        self._errands.stop()
        if _current is self:
            _current = None

    def act(self, run_id: UUID, command: Command) -> Committed:
        """Submit a command and hand the steps that it starts to the executor. Raises as ``submit`` does."""
        committed = journal.submit(run_id, command, worker="" if self.stopping else self.worker)
        self.executor.submit(started(committed))
        if not committed.events and gating.gates(committed.run):  # it may have waited for a slot unnoticed
            self.on_bounded(committed.run)
        return committed

    def execute(self, assignment: Assignment, token: Token) -> Sequence[Assignment] | None:
        """Run a started step to its end and submit that; returns what it has started.

        None where another thread commits the end: that one tells the executor (``finish``).
        """
        try:
            run = _awaiting(assignment)
            if run is None:
                return ()
            command = self._run(run, assignment, token)
            token.deadline = None
            live.end_text(assignment.run_id, assignment.step)
            logs.settle()
            if command is None:
                return ()
            if self.executor.overlaps:
                return self._post(assignment, command)
            return started(self._report(assignment, command))
        finally:
            tidy_connections()

    def overdue(self, assignment: Assignment) -> None:
        """The step ran into its timeout: that is its result, whatever it still returns."""
        part = part_of(assignment)
        timeout_s = part.plan(runs.get(assignment.run_id), assignment).timeout_s
        error = StepError(
            f"The step took longer than its {timeout_s:g} seconds.", code="timeout", retryable=True
        )
        self.executor.submit(started(self._report(assignment, part.failed(assignment, error))))

    def cancel_stale(self, run: Run) -> None:
        """Tell the steps here that no longer count, or that a rollback waits for, to stop."""
        for assignment in self.executor.held():
            part = part_of(assignment)
            if assignment.run_id == run.pk and (
                not part.counts(run, assignment) or part.unwanted(run, assignment)
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
        stops = FAILS | STOPS if committed.run.state.maps else STOPS
        if any(event["kind"] in stops for event in committed.events):
            self.cancel_stale(committed.run)
        if gating.gates(committed.run):
            self.on_bounded(committed.run)
        self._errands.notice(committed, apart=self.executor.overlaps)

    def _run(self, run: Run, assignment: Assignment, token: Token) -> Command | None:
        """The work's end as a command. Never raises: whatever goes wrong is its failure."""
        part = part_of(assignment)
        try:
            plan = part.plan(run, assignment)
            if not plan.type.quick:
                journal.relieve()
            token.deadline = time.monotonic() + plan.timeout_s
            if gating.table is None:
                return part.work(run, assignment, plan, token)
            with throttle.calling(run, assignment):
                return part.work(run, assignment, plan, token)
        except Throttled as error:
            return throttle.held(assignment, error) or part.failed(assignment, error)
        except StepError as error:
            if self.stopping and token.cancelled:
                return part.interrupted(assignment, self.worker)
            return part.failed(assignment, error)
        except Exception as error:
            log.exception("%s failed unexpectedly", assignment)
            return part.failed(assignment, reports.unexpected(error))

    def _post(self, assignment: Assignment, command: Command) -> Sequence[Assignment] | None:
        """Submit a result without waiting for it where others commit."""
        worker = "" if self.stopping else self.worker
        then = partial(self._posted, assignment, command)
        try:
            committed = journal.post(assignment.run_id, command, then, worker=worker, more=self.executor.more)
        except (ProductError, DatabaseError):
            return started(self._report(assignment, command))
        return None if committed is None else started(committed)

    def _posted(
        self, assignment: Assignment, command: Command, committed: Committed | None, error: Exception | None
    ) -> None:
        """A posted result is durable; or it was refused, which a thread of its own sees to, with patience."""
        if error is None:
            self.executor.finish(assignment, started(committed))
        else:
            threading.Thread(target=self._insist, args=(assignment, command), daemon=True).start()

    def _insist(self, assignment: Assignment, command: Command) -> None:
        freed: Sequence[Assignment] = ()
        try:
            freed = started(self._report(assignment, command))
        except Exception:
            log.exception("The result of %s could not be stored; the sweep starts it again", assignment)
        finally:
            self.executor.finish(assignment, freed)
            tidy_connections()

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
                command = part_of(assignment).failed(assignment, StepError(error.message, code=error.code))
            except (DatabaseError, Conflict):
                log.exception("The result of %s could not be stored; trying again", assignment)
                if self.stopping:
                    return None  # who recovers this worker starts the step again
            pause = next(waits, pause)
            time.sleep(pause)


class _Nobody:
    """The executor of a runtime that is not attached."""

    overlaps = False
    idle = staticmethod(lambda: None)

    def more(self) -> bool:
        return False

    def submit(self, assignments: Sequence[Assignment]) -> None:
        if assignments:
            raise RuntimeError("Steps were started by a runtime that has no executor.")

    def finish(self, assignment: Assignment, freed: Sequence[Assignment]) -> None:
        self.submit(freed)

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


def owner_of(assignment: Assignment) -> str:
    """Who started the run: whose turn an assignment takes. A run that is gone is nobody's."""
    try:
        return str(runs.get(assignment.run_id).state.user.get("id") or "")
    except NotFound:
        return ""


def begin(run: OrchestrationInstance) -> Committed:
    """Start a run that was created: its first entry. Doing it twice is harmless."""
    return act(run.pk, opening(run))


def begin_all(version: Version, openings: Sequence[tuple[UUID, Start]]) -> None:
    """Start runs of one version that were created just now, with one commit for all their first entries."""
    for pk, _ in openings:
        runs.put(pk, Run(pk, version))
    worker = _current.worker if _current and not _current.stopping else ""
    for committed in journal.submit_all(openings, worker=worker):
        if _current:
            _current.executor.submit(started(committed))


def started(committed: Committed | None) -> list[Assignment]:
    """What a command has started."""
    if committed is None:
        return []
    pk = committed.run.pk
    return [
        assignment
        for event in committed.events
        if event["kind"] in PARTS
        for assignment in PARTS[event["kind"]].assignments(pk, event)
    ]


def _awaiting(assignment: Assignment) -> Run | None:
    """The run, if it still waits for this attempt; it may have been cancelled or deleted meanwhile."""
    try:
        run = runs.get(assignment.run_id)
    except NotFound:
        return None
    part = part_of(assignment)
    if not part.counts(run, assignment):
        journal.refresh(run)  # it may only have been forgotten here since the step was started
    return run if part.counts(run, assignment) else None
