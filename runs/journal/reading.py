"""What the journal says: its entries, a run's newest state, and the rows made anew from them."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections

from builder.graph import Graph
from orchestrator.errors import Conflict
from runs import rebuild as rebuilding
from runs.cache import Run, runs, snapshot
from runs.engine.state import RunState
from runs.models import JournalEntry, OrchestrationInstance
from runs.outcome import output
from runs.stores.base import Event

log = logging.getLogger(__name__)
MOST_TRIES = 100  # to make the rows of a run that moves


def inside_transaction() -> bool:
    """Whether the caller has a transaction open: then the entry becomes durable, or is undone, with it."""
    default = connections[DEFAULT_DB_ALIAS]
    return default.in_atomic_block and default.vendor == "sqlite"


def fresh(pk: UUID) -> Run:
    """A run that shares nothing with other threads, which must not see what is not committed."""
    return Run(pk, runs.get(pk).version)


def entries(
    run_id: UUID, since: int = 0, limit: int | None = None
) -> list[tuple[int, datetime, list[Event]]]:
    """``(seq, at, events)`` of the run's entries after ``since``, in order; at most ``limit`` of them."""
    rows = JournalEntry.objects.filter(instance_id=run_id, seq__gt=since).order_by("seq")
    return list(rows.values_list("seq", "at", "events")[:limit])


def _tail(pk: UUID, after: int) -> list[tuple[int, str, list[Event]]]:
    return [
        (seq, at.isoformat(timespec="milliseconds"), events) for seq, at, events in entries(pk, since=after)
    ]


def refresh(run: Run) -> None:
    """Bring this process's copy of a run up to date."""
    with run.lock:
        run.catch_up(_tail)


def load(run_id: UUID) -> tuple[Graph, dict[str, Any], RunState]:
    """The run's graph, document and newest state; the state is the caller's own copy.

    Raises NotFound for an unknown run.
    """
    run = fresh(run_id) if inside_transaction() else runs.get(run_id)
    with run.lock:
        run.catch_up(_tail)
        return run.version.graph, run.version.document, snapshot(run.state)


def rebuild(run_id: UUID) -> None:
    """Make the run's rows anew from its journal. Harmless at any time, beside anything.

    On SQLite nobody appends meanwhile. Elsewhere ``seq`` guards the rows of later entries, and it is done
    again until the journal has not moved: a timer that was set meanwhile may have been removed.
    """
    for _ in range(MOST_TRIES):
        run = fresh(run_id)
        seq = rebuilding.make(run, _tail, partial(output, run))
        if not JournalEntry.objects.filter(instance_id=run_id, seq__gt=seq).exists():
            return
    raise Conflict("The run moves too fast for its rows to be made anew; try again.", code="busy")


def mend(torn: set[UUID]) -> None:
    """Make rows anew that miss those of an earlier entry, whose process is slow or dead."""
    while torn:
        run_id = torn.pop()
        try:
            rebuild(run_id)
        except Exception:  # the entries are durable; ``manage.py rebuild_projections`` does it again
            log.exception("The rows of run %s could not be made anew", run_id)


def behind(run_id: UUID, seq: int) -> bool:
    """Whether the run's rows, found at ``seq``, are behind its journal; mends them where that can last.

    With transactions it only means that the run has moved since; without them, rows that are still behind
    when they are read again may have been left so by a process that died between the entry and its rows.
    """
    newest = load(run_id)[2].seq
    if newest <= seq:
        return False
    rows = OrchestrationInstance.objects.filter(pk=run_id)
    if connection.vendor != "sqlite" and rows.filter(seq__lt=newest).exists():
        rebuild(run_id)
    return True
