"""The journal: one append function, and the only writer of what a run's and its steps' rows say.

``submit`` decides a command on the run's state and appends what follows as ONE entry, with the
projections; it returns when that is durable. Appends of all threads go through one leader at a time: a
thread that finds nobody leading takes the whole inbox, commits it at once, wakes those it has served and
hands the lead to the first that came meanwhile. So a lone chain never waits for another thread, a busy
moment shares commits, and nobody leads longer than one commit.

A decision is taken on the newest state: SQLite reads the tail inside the write transaction, MongoDB
refuses a ``seq`` that is taken and the command is decided again. What was decided is therefore what is
in the journal, from any number of processes.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from builder.graph import Graph
from orchestrator.errors import Conflict, Invalid, ProductError
from runs import live, payloads
from runs import rebuild as rebuilding
from runs.cache import Run, runs, snapshot
from runs.engine.commands import Command
from runs.engine.decide import decide
from runs.engine.state import RunState, fold
from runs.models import JournalEntry, OrchestrationInstance
from runs.projections import Projector, text
from runs.scope import run_output
from runs.stores import store_for_database
from runs.stores.base import Entry, Event, Row, Store, Tail
from runs.stores.sqlite import commit_inside
from steps.base import StepError

log = logging.getLogger(__name__)
MOST_REFUSALS = 100  # of one command in a row; each means that another process has appended


@dataclass(slots=True)
class Committed:
    """What a command came to. ``events`` are its own; [] means that there was nothing to say.

    ``run.state`` is live: other threads fold into it. Read single things of steps that cannot change
    now, or take ``load``.
    """

    run: Run
    seq: int
    events: list[Event]
    asked: set[str] = field(default_factory=set)  # whose inbox has changed
    timers: bool = False  # a timer was set

    @property
    def state(self) -> RunState:
        """The run's live state."""
        return self.run.state


class _Ticket:
    """One command on its way through a commit."""

    __slots__ = ("command", "committed", "done", "error", "run", "wake", "worker")

    def __init__(self, run: Run, command: Command, worker: str) -> None:
        self.run, self.command, self.worker = run, command, worker
        self.committed: Committed | None = None
        self.error: Exception | None = None
        self.done = False
        self.wake = threading.Lock()
        self.wake.acquire()


Listener = Callable[[Committed], None]
_listeners: list[Listener] = []


def subscribe(listener: Listener) -> Callable[[], None]:
    """Have ``listener`` called in the submitting thread after each durable entry; returns how to end that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def submit(run_id: UUID | str, command: Command, *, worker: str = "") -> Committed:
    """Decide ``command``, append what follows, and return when it is durable.

    ``worker`` names the process that will execute the steps that this starts; without one nothing
    starts, and the freed steps stay ready. Raises Conflict where the state refuses a person's act
    (nothing is appended), NotFound for an unknown run, and the database's error if nothing was stored.
    """
    pk = run_id if isinstance(run_id, UUID) else UUID(run_id)
    if _inside_transaction():
        inside = _append_inside(_Ticket(_fresh(pk), command, worker))
        transaction.on_commit(lambda: _tell(inside))
        return inside
    ticket = _Ticket(runs.get(pk), command, worker)
    _leadership.serve(ticket)
    if ticket.error is not None:
        raise ticket.error
    committed = ticket.committed
    if committed is None:
        raise RuntimeError("A commit ended without an answer.")
    _tell(committed)
    return committed


def _tell(committed: Committed) -> None:
    if not committed.events:
        return
    for listener in (_publish, *_listeners):
        try:
            listener(committed)
        except Exception:  # the entry is durable; who listens finds it in the journal
            log.exception("Telling about run %s failed", committed.run.pk)


def _publish(committed: Committed) -> None:
    live.publish(committed.run.pk, committed.seq)
    if committed.asked:
        live.publish_inbox(committed.asked)


class _Leadership:
    """Who commits: at most one thread, each for one batch."""

    def __init__(self) -> None:
        self._inbox: deque[_Ticket] = deque()
        self._mutex = threading.Lock()
        self._leading = False
        self._store: Store | None = None

    def serve(self, ticket: _Ticket) -> None:
        """Return when ``ticket`` is done, whether this thread or another has committed it."""
        with self._mutex:
            self._inbox.append(ticket)
            lead = not self._leading
            self._leading = True
        if not lead:
            ticket.wake.acquire()
            if ticket.done:
                return
        self._lead(ticket)

    def close(self) -> None:
        """Give back the store."""
        with self._mutex:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _lead(self, mine: _Ticket) -> None:
        with self._mutex:
            batch = list(self._inbox)
            self._inbox.clear()
        try:
            self._commit(batch)
        finally:
            for ticket in batch:
                ticket.done = True
                if ticket is not mine:
                    ticket.wake.release()
            self._hand_over()

    def _hand_over(self) -> None:
        """Give the lead to who came first meanwhile; it is still in the inbox, and takes all of it."""
        with self._mutex:
            heir = self._inbox[0] if self._inbox else None
            self._leading = heir is not None
        if heir is not None:
            heir.wake.release()

    def _commit(self, batch: list[_Ticket]) -> None:
        """Append everything in the batch, one entry a run; answers stand in the tickets afterwards."""
        groups: dict[UUID, list[_Ticket]] = {}
        for ticket in batch:
            groups.setdefault(ticket.run.pk, []).append(ticket)
        for _ in range(MOST_REFUSALS):
            groups = self._try(groups)
            if not groups:
                return
        _fail(groups, Conflict("Too many processes write this run at once; try again.", code="busy"))

    def _try(self, groups: dict[UUID, list[_Ticket]]) -> dict[UUID, list[_Ticket]]:
        """One transaction; returns the groups that were refused and have to be decided again."""
        now = _now()
        members = [tickets[0].run for tickets in groups.values()]
        with ExitStack() as held:
            for run in members:
                held.enter_context(run.lock)
            try:
                if self._store is None:
                    self._store = store_for_database()
                refused = self._store.commit(lambda tail: _plan(groups.values(), tail, now))
            except BaseException as error:
                for run in members:
                    run.reset()  # its state holds events that are not in the journal
                _fail(
                    groups, error if isinstance(error, Exception) else RuntimeError("The commit was stopped.")
                )
                if not isinstance(error, Exception):
                    raise
                return {}
            for pk in refused:
                groups[pk][0].run.reset()
        self._mend()
        return {pk: groups[pk] for pk in refused}

    def _mend(self) -> None:
        """Make rows anew that miss those of an earlier entry, whose process is slow or dead."""
        while self._store is not None and self._store.torn:
            run_id = self._store.torn.pop()
            try:
                rebuild(run_id)
            except Exception:  # the entries are durable; ``manage.py rebuild_projections`` does it again
                log.exception("The rows of run %s could not be made anew", run_id)


_leadership = _Leadership()


def _fail(groups: dict[UUID, list[_Ticket]], error: Exception) -> None:
    for tickets in groups.values():
        for ticket in tickets:
            ticket.committed, ticket.error = None, error


def _now() -> datetime:
    """The time of an entry: whole milliseconds, which is what every database keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _plan(groups: Iterable[list[_Ticket]], tail: Tail, now: datetime) -> list[Entry]:
    entries = []
    for tickets in groups:
        try:
            entry = _decide(tickets, tail, now)
        except Exception as error:
            tickets[0].run.reset()
            for ticket in tickets:
                ticket.committed, ticket.error = None, error
            continue
        if entry is not None:
            entries.append(entry)
    return entries


def _decide(tickets: list[_Ticket], tail: Tail, now: datetime) -> Entry | None:
    """Fold the run's commands one after the other; all their events are one entry."""
    run = tickets[0].run
    run.catch_up(tail)
    graph, state = run.version.graph, run.state
    seq, at = state.seq + 1, now.isoformat(timespec="milliseconds")
    projector, said = Projector(graph, now), []
    for ticket in tickets:
        ticket.error = None
        try:
            decided = decide(graph, state, ticket.command, now, ticket.worker)
            if decided:
                said.append(_encoded(decided))
        except ProductError as error:
            ticket.committed, ticket.error = None, error
            continue
        ticket.committed = Committed(run, seq if decided else state.seq, decided)
        if decided:
            projector.before(state, decided)
            fold(graph, state, seq, at, decided)
    if not said:
        return None
    changes = projector.after(state, seq, lambda final: _output(run, final))
    changes.after_others = seq > 1 and not run.row
    changes.run = _difference(run, changes.run)
    for ticket in tickets:
        if ticket.committed is not None and ticket.committed.events:
            ticket.committed.asked, ticket.committed.timers = projector.asked, bool(changes.new_timers)
    return Entry(run.pk, seq, now, f"[{','.join(said)}]", changes)


def _encoded(events: list[Event]) -> str:
    """The events as JSON, without the brackets; raises Invalid before anything of them is folded."""
    try:
        return orjson.dumps(events)[1:-1].decode()
    except TypeError as error:
        raise Invalid(f"This cannot be written down as JSON: {error}.", code="not_json") from error


def _difference(run: Run, row: Row) -> Row:
    """The columns of the run's row that differ from those written last; an index is touched only if so."""
    known, run.row = run.row, {**run.row, **row}
    return {
        column: value for column, value in row.items() if column == "seq" or known.get(column, run) != value
    }


def _output(run: Run, state: RunState) -> tuple[Row, Row | None]:
    """The run's output, payload and error columns at its end, and the Payload to store with them.

    An output that cannot be worked out is noted; it does not fail a run whose steps have all ended well.
    """
    version, columns = run.version, {"output": "null", "payload": "null", "error": "null"}
    try:
        raw = payloads.encode(
            run_output(
                version.graph, version.document, state, lambda ref: payloads.load(run.pk, ref), str(run.pk)
            )
        )
        payloads.check(len(raw))
    except StepError as error:
        problem = {"step": None, "code": error.code, "message": f"The run has no output. {error.message}"}
        return {**columns, "error": text(problem)}, None
    if len(raw) <= payloads.INLINE_BYTES:
        return {**columns, "output": raw.decode()}, None
    reference = payloads.reference(raw)
    return {**columns, "payload": text(reference)}, {**reference, "content": raw.decode()}


def _inside_transaction() -> bool:
    """Whether the caller has a transaction open: then the entry becomes durable, or is undone, with it."""
    return connection.vendor == "sqlite" and connection.in_atomic_block


def _fresh(pk: UUID) -> Run:
    """A run that shares nothing with other threads, which must not see what is not committed."""
    return Run(pk, runs.get(pk).version)


def _append_inside(ticket: _Ticket) -> Committed:
    """Append on the caller's own connection."""
    commit_inside(connections[DEFAULT_DB_ALIAS], lambda tail: _plan([[ticket]], tail, _now()))
    if ticket.error is not None:
        raise ticket.error
    if ticket.committed is None:
        raise RuntimeError("A commit ended without an answer.")
    return ticket.committed


def _read_tail(pk: UUID, after: int) -> list[tuple[int, str, list[Event]]]:
    return [
        (seq, at.isoformat(timespec="milliseconds"), events) for seq, at, events in entries(pk, since=after)
    ]


def entries(
    run_id: UUID, since: int = 0, limit: int | None = None
) -> list[tuple[int, datetime, list[Event]]]:
    """``(seq, at, events)`` of the run's entries after ``since``, in order; at most ``limit`` of them."""
    rows = JournalEntry.objects.filter(instance_id=run_id, seq__gt=since).order_by("seq")
    return list(rows.values_list("seq", "at", "events")[:limit])


def rebuild(run_id: UUID) -> None:
    """Make the run's rows anew from its journal. Harmless at any time, beside anything.

    On SQLite nobody appends meanwhile. Elsewhere ``seq`` guards the rows of later entries, and it is done
    again until the journal has not moved: a timer that was set meanwhile may have been removed.
    """
    for _ in range(MOST_REFUSALS):
        run = Run(run_id, runs.get(run_id).version)
        seq = rebuilding.make(run, _read_tail, partial(_output, run))
        if not JournalEntry.objects.filter(instance_id=run_id, seq__gt=seq).exists():
            return
    raise Conflict("The run moves too fast for its rows to be made anew; try again.", code="busy")


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


def refresh(run: Run) -> None:
    """Bring this process's copy of a run up to date."""
    with run.lock:
        run.catch_up(_read_tail)


def load(run_id: UUID) -> tuple[Graph, dict[str, Any], RunState]:
    """The run's graph, document and newest state; the state is the caller's own copy.

    Raises NotFound for an unknown run.
    """
    run = _fresh(run_id) if _inside_transaction() else runs.get(run_id)
    with run.lock:
        run.catch_up(_read_tail)
        return run.version.graph, run.version.document, snapshot(run.state)


def close() -> None:
    """Give back the store's connection; the next commit opens another. For tools that change databases."""
    _leadership.close()
