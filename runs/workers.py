"""Processes that execute steps: their rows, their heartbeat, and how another one knows they are gone.

A worker that ran on this host is gone as soon as its process is. Any other is gone when its counter has
not moved for 15 s by our own monotonic clock; the time stamps in its row are for people, since wall
clocks jump. A worker that was wrongly given up finds its row stopped and takes it up again; what it still
reports of old attempts is ignored by the journal.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from orchestrator.processes import process_started, this_host
from runs.models import Worker

BEAT_S = 2.0
GONE_S = 15.0
KEEP_STOPPED = timedelta(days=1)


def register() -> Worker:
    """Make this process a worker; forget those that stopped long ago."""
    now = datetime.now(UTC)
    Worker.objects.filter(stopped_at__lt=now - KEEP_STOPPED).delete()
    pid = os.getpid()
    return Worker.objects.create(
        name=f"{socket.gethostname()[:80]}:{pid}:{secrets.token_hex(4)}",
        host=this_host(),
        pid=pid,
        process_started=process_started(pid),
        beat_at=now,
    )


def beat(worker: Worker) -> None:
    """Move the counter. Takes the row up again if another process had given this one up."""
    worker.beat += 1
    Worker.objects.filter(pk=worker.pk).update(beat=worker.beat, beat_at=datetime.now(UTC), stopped_at=None)


def retire(worker: Worker) -> None:
    """This process executes nothing any more; it has given back or finished all it had."""
    Worker.objects.filter(pk=worker.pk).update(stopped_at=datetime.now(UTC))


def bury(worker: Worker) -> None:
    """Note that a gone worker has nothing left to recover, unless it has moved since it was looked at."""
    Worker.objects.filter(pk=worker.pk, beat=worker.beat).update(stopped_at=datetime.now(UTC))


def others(me: Worker | None) -> QuerySet[Worker]:
    """The workers that have not stopped, but this one."""
    running = Worker.objects.filter(stopped_at=None)
    return running.exclude(pk=me.pk) if me else running


class Watch:
    """Remembers when each other worker's counter moved last, by this process's monotonic clock."""

    def __init__(self) -> None:
        self._seen: dict[UUID, tuple[int, float]] = {}

    def gone(self, me: Worker | None) -> list[Worker]:
        """The workers that are gone now."""
        now = time.monotonic()
        rows = list(others(me))
        seen, self._seen = self._seen, {}
        for row in rows:
            beat_then, moved_at = seen.get(row.pk, (row.beat, now))
            self._seen[row.pk] = (row.beat, now if row.beat != beat_then else moved_at)
        return [row for row in rows if _process_gone(row) or now - self._seen[row.pk][1] > GONE_S]


def _process_gone(row: Worker) -> bool:
    """Whether it ran on this host and its process is not there; a reused pid has another start time."""
    if row.host != this_host() or not row.process_started:
        return False
    return process_started(row.pid) != row.process_started
