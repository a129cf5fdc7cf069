"""Finding work that nobody does, and giving it back to the journal. Recovery requeues; it never executes.

- Steps that a gone worker had started are interrupted, and start again here.
- Steps that are ready and that nobody started (their run began in a process without an executor, or its
  process died at that very point) are kicked.
- Runs that were created and never started are started.
- Child runs and their parents that have not heard of each other are told.
- Steps that are journaled as started here, and that this process does not have, start again.

Any number of processes may do this at once: each act is a command, and the append decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Q

from orchestrator.errors import ProductError
from runs import journal, workers
from runs.creation import opening
from runs.dispatch import Runtime
from runs.engine.commands import Cancel, Command, Kick
from runs.engine.flight import in_flight
from runs.engine.states import RunStatus, StepStatus
from runs.errands import Untold
from runs.executors.base import Assignment
from runs.families import family
from runs.models import JournalEntry, OrchestrationInstance, StepRun, Worker
from runs.parts import part_of

log = logging.getLogger(__name__)
BUSY = [str(status) for status in (RunStatus.PENDING, RunStatus.RUNNING, RunStatus.ROLLING_BACK)]
LOOK_AGAIN_S = 10.0  # a step that was lost without an entry is found this late
LAG = timedelta(minutes=1)  # how long before its last beat a worker may have left projections behind


class Sweep:
    """Looks for such work, again and again. ``only`` limits it to one run: a command waits for that."""

    def __init__(self, runtime: Runtime, only: UUID | None = None) -> None:
        self.runtime, self.only = runtime, only
        self._watch = workers.Watch()
        self._untold = Untold(runtime.act)
        self._untold_at = 0.0  # when to look at child runs next
        self._seen: dict[UUID, int] = {}  # run -> seq when it was looked at last
        self._settled: dict[UUID, tuple[int, float]] = {}  # run -> (seq, until when) nothing is left to do

    def first(self) -> int:
        """What a process does at its start: nothing is in flight here yet, so all is taken up at once.

        Returns how many workers were found gone.
        """
        gone = self._bury_the_gone()
        self._seen = self._busy_runs()
        self.again()
        return gone

    def again(self) -> int:
        """One look; returns how many workers were found gone.

        A run counts as idle when its journal has not moved since the look before.
        """
        gone = self._bury_the_gone()
        before, self._seen = self._seen, self._busy_runs()
        now = time.monotonic()
        self._settled = {
            run: (seq, until)
            for run, (seq, until) in self._settled.items()
            if until > now and self._seen.get(run) == seq
        }
        for run_id, seq in self._seen.items():
            if before.get(run_id) == seq and run_id not in self._settled:
                self._look_into(run_id, seq)
        if gone or now >= self._untold_at:
            self._untold_at = now + LOOK_AGAIN_S
            self._untold.look(self._mine())
        return gone

    def _mine(self) -> set[UUID] | None:
        """The run that a command waits for, with all that it has started; None where it is all runs."""
        return None if self.only is None else family(self.only)

    def _busy_runs(self) -> dict[UUID, int]:
        runs = OrchestrationInstance.objects.filter(Q(status__in=BUSY) | Q(undoing=True))
        if (mine := self._mine()) is not None:
            runs = runs.filter(pk__in=mine)
        return dict(runs.order_by("created_at").values_list("pk", "seq"))

    def _look_into(self, run_id: UUID, seq: int) -> None:
        try:
            if seq == 0 and not journal.entries(run_id, limit=1):
                run = OrchestrationInstance.objects.select_related("version", "started_by").get(pk=run_id)
                if run.parent_id is not None:  # it begins when its parent waits for it
                    return
                if run.forked_from_id is not None:
                    self._give_up(run)
                    return
                self.runtime.act(run_id, opening(run))
                return
            if journal.behind(run_id, seq):
                return
            lost = self._lost_here(run_id)
            for assignment in lost:
                self.runtime.act(run_id, interrupt(assignment, self.runtime.worker))
            if not lost and not self.runtime.act(run_id, Kick()).events:
                self._settled[run_id] = (seq, time.monotonic() + LOOK_AGAIN_S)
        except ProductError as error:  # the run moved on under our hands
            log.info("Run %s needed no recovery: %s", run_id, error.message)
        except Exception:
            log.exception("Recovering run %s failed; trying again", run_id)

    def _give_up(self, run: OrchestrationInstance) -> None:
        """A fork whose process died before its first entry: what it takes over is in no journal yet."""
        if datetime.now(UTC) - run.created_at > LAG:
            self.runtime.act(run.pk, Cancel("", "Its server stopped while it was made; fork again."))

    def _lost_here(self, run_id: UUID) -> list[Assignment]:
        mine = started_by(run_id, self.runtime.worker)
        return [assignment for assignment in mine if not self.runtime.executor.holds(assignment)]

    def _bury_the_gone(self) -> int:
        gone = self._watch.gone(self.runtime.row)
        for worker in gone:
            log.warning("Worker %s is gone; its steps start again", worker.name)
            repair_projections(worker)
            runs = runs_of(worker.name)
            if (mine := self._mine()) is not None:
                runs = [run_id for run_id in runs if run_id in mine]
            taken = [self._take_over(run_id, worker.name) for run_id in runs]
            if all(taken) and self.only is None:
                workers.bury(worker)
        return len(gone)

    def _take_over(self, run_id: UUID, worker: str) -> bool:
        """Interrupt what ``worker`` had started in a run; False if that has to be tried again."""
        try:
            for assignment in started_by(run_id, worker):
                self.runtime.act(run_id, interrupt(assignment, worker))
        except ProductError as error:
            log.info("Run %s was recovered by another process: %s", run_id, error.message)
        except Exception:
            log.exception("Taking over run %s failed; trying again", run_id)
            return False
        return True


def interrupt(assignment: Assignment, worker: str) -> Command:
    """The command that says that ``worker`` will not end ``assignment``."""
    return part_of(assignment).interrupted(assignment, worker)


def started_by(run_id: UUID, worker: str) -> list[Assignment]:
    """What is journaled as under way in ``worker``."""
    _, _, state = journal.load(run_id)
    return [Assignment(run_id, *flight) for flight in in_flight(state, worker)]


def runs_of(worker: str) -> list[UUID]:
    """The runs in which ``worker`` may have something; looked for in busy runs only, which are few."""
    busy = OrchestrationInstance.objects.filter(status__in=BUSY).values_list("pk", flat=True)
    undoing = OrchestrationInstance.objects.filter(undoing=True)  # few: all are looked at
    found: set[UUID] = set(undoing.values_list("pk", flat=True))
    for part in batches(list(busy), 500):
        rows = StepRun.objects.filter(instance_id__in=part, status=str(StepStatus.RUNNING))
        rows = rows.filter(Q(worker=worker) | Q(type="map"))  # items run in any worker
        found.update(rows.values_list("instance_id", flat=True))
    return sorted(found)


def batches(items: list[UUID], size: int) -> Iterable[list[UUID]]:
    """``items`` in parts that fit into one query."""
    return (items[start : start + size] for start in range(0, len(items), size))


def repair_projections(worker: Worker) -> None:
    """Rebuild what a gone worker may have left behind its journal; only where there are no transactions."""
    if connection.vendor != "mongodb":
        return
    since = _first_id(worker.beat_at - LAG)
    touched = JournalEntry.objects.filter(pk__gte=since).values_list("instance_id", "seq")
    newest: dict[UUID, int] = {}
    for run_id, seq in touched:
        newest[run_id] = max(seq, newest.get(run_id, 0))
    for part in batches(list(newest), 500):
        for run_id, seq in OrchestrationInstance.objects.filter(pk__in=part).values_list("pk", "seq"):
            if seq < newest[run_id]:
                log.warning(
                    "Run %s: projections at %s, journal at %s; rebuilding", run_id, seq, newest[run_id]
                )
                journal.rebuild(run_id)


def _first_id(moment: datetime) -> UUID:
    """The lowest UUID version 7 of a moment: ids sort by the time they were made."""
    milliseconds = int(moment.astimezone(UTC).timestamp() * 1000)
    return UUID(int=milliseconds << 80)
