"""What falls due: delays, next attempts, expiring approvals.

The rows follow from the journal. Whoever finds one due says so to the journal, which decides whether it
still counts; so several processes may fire the same timer, and a restart fires what fell due meanwhile.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from uuid import UUID

from django.db import close_old_connections
from django.db.models import Q, QuerySet

from orchestrator.errors import ProductError
from runs import journal
from runs.dispatch import Runtime
from runs.engine.commands import Due
from runs.families import family
from runs.models import Timer

log = logging.getLogger(__name__)
LOOK_S = 1.0  # other processes' timers and clock jumps are noticed within this
BATCH = 200


class Timers:
    """A thread that sleeps until the next timer is due. ``only`` limits it to one run and its children."""

    def __init__(self, runtime: Runtime, only: UUID | None = None) -> None:
        self.runtime, self.only = runtime, only
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="timers", daemon=True)

    def start(self) -> None:
        """Begin; what is due already fires now."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._wake.set()
        self._thread.join(5)

    def wake(self) -> None:
        """A timer was set: look when the next one is due."""
        self._wake.set()

    def fire_due(self, now: datetime) -> int:
        """Fire all that is due at ``now``; returns how many. One that cannot fire keeps no other waiting."""
        count, last = 0, None
        while not self._stopping:
            due = list(self._due(now, last)[:BATCH])
            for timer in due:
                self._fire(timer)
            count += len(due)
            if len(due) < BATCH:
                break
            last = due[-1]
        return count

    def _due(self, now: datetime, last: Timer | None) -> QuerySet[Timer]:
        """What is due, in order, after ``last``."""
        due = self._timers().filter(due_at__lte=now).order_by("due_at", "pk")
        if last is None:
            return due
        return due.filter(Q(due_at__gt=last.due_at) | Q(due_at=last.due_at, pk__gt=last.pk))

    def _fire(self, timer: Timer) -> None:
        command = Due(timer.step, timer.epoch, timer.attempt, timer.kind)
        try:
            events = self.runtime.act(timer.instance_id, command).events
        except ProductError as error:
            log.info("Timer of run %s no longer counts: %s", timer.instance_id, error.message)
            events = []
        except Exception:
            log.exception("Firing a timer of run %s failed; trying again", timer.instance_id)
            return
        if not events and not self._still_counts(timer):
            Timer.objects.filter(pk=timer.pk).delete()

    def _still_counts(self, timer: Timer) -> bool:
        """Whether the run waits for exactly this; a clock that is behind ours may have refused it."""
        _, _, state = journal.load(timer.instance_id)
        if timer.kind == "undo":
            job = state.undo.get((timer.step, timer.epoch), {})
            return (job.get("status"), job.get("attempt")) == ("waiting", timer.attempt)
        step = state.steps.get(timer.step)
        if step is None or step.wait is None:
            return False
        if (step.epoch, step.wait.get("timer", step.attempt)) != (timer.epoch, timer.attempt):
            return False
        kind = "expiry" if step.wait["kind"] == "approval" else step.wait["kind"]
        return bool(kind == timer.kind)

    def _timers(self) -> QuerySet[Timer]:
        return Timer.objects.filter(instance_id__in=family(self.only)) if self.only else Timer.objects.all()

    def _serve(self) -> None:
        while not self._stopping:
            pause = LOOK_S
            try:
                self._wake.clear()
                now = datetime.now(UTC)
                self.fire_due(now)
                pause = min(LOOK_S, self._until_next(now))
            except Exception:
                log.exception("Looking for due timers failed; trying again")
            finally:
                close_old_connections()
            self._wake.wait(pause)

    def _until_next(self, fired: datetime) -> float:
        """Seconds until the next timer is due; what failed at ``fired`` waits for the next look."""
        rows = self._timers().filter(due_at__gt=fired).order_by("due_at")
        due_at = rows.values_list("due_at", flat=True).first()
        return LOOK_S if due_at is None else max(0.02, (due_at - datetime.now(UTC)).total_seconds())
