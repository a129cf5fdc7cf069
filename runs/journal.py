"""The journal: one append function, and the only writer of what a run's and its steps' rows say.

``submit`` decides a command on the run's state and appends what follows as ONE entry, with the
projections; it returns when that is durable. Appends of all threads go through one leader at a time: a
thread that finds nobody leading takes the whole inbox, commits it at once, wakes those it has served and
hands the lead to the first that came meanwhile. So a lone chain never waits for another thread, a busy
moment shares commits, and nobody leads longer than one commit.

A worker ``post``s its results: where somebody leads already, it does not wait for them but goes on with
its next step, and whoever has committed them hands out what they start. So the commits of a busy moment
carry more steps than there are threads.

A decision is taken on the newest state: SQLite reads the tail inside the write transaction, MongoDB
refuses a ``seq`` that is taken and the command is decided again. What was decided is therefore what is
in the journal, from any number of processes.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
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
MOST_TOGETHER = 100  # commands of one caller in a commit, so that others are not kept waiting
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


Then = Callable[[Committed | None, Exception | None], None]


class _Ticket:
    """One command on its way through a commit. Nobody waits for one that has a ``then``."""

    __slots__ = ("command", "committed", "done", "error", "run", "then", "wake", "worker")

    def __init__(self, run: Run, command: Command, worker: str, then: Then | None = None) -> None:
        self.run, self.command, self.worker, self.then = run, command, worker, then
        self.committed: Committed | None = None
        self.error: Exception | None = None
        self.done = False
        self.wake = threading.Lock()
        self.wake.acquire()

    def answer(self) -> Committed:
        """What it came to; raises what it failed with."""
        if self.error is not None:
            raise self.error
        if self.committed is None:
            raise RuntimeError("A commit ended without an answer.")
        return self.committed

    def tell(self) -> None:
        """Tell who posted it."""
        if self.then is None:
            return
        if self.error is None and self.committed is not None:
            _tell(self.committed)
        try:
            self.then(self.committed, self.error)
        except Exception:  # the leader goes on; the sweep finds what was started and is not held
            log.exception("Handing on a commit of run %s failed", self.run.pk)


Listener = Callable[[Committed], None]
_listeners: list[Listener] = []


def subscribe(listener: Listener) -> Callable[[], None]:
    """Have ``listener`` called after each durable entry, in a thread that holds nothing of the journal's.

    Returns how to end that.
    """
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
    committed = ticket.answer()
    _tell(committed)
    return committed


def submit_all(commands: Sequence[tuple[UUID, Command]], *, worker: str = "") -> list[Committed]:
    """As ``submit``, for commands to different runs, which share commits. Raises the first error."""
    if _inside_transaction():
        return [submit(run_id, command, worker=worker) for run_id, command in commands]
    tickets = [_Ticket(runs.get(run_id), command, worker) for run_id, command in commands]
    for first in range(0, len(tickets), MOST_TOGETHER):
        _leadership.serve(*tickets[first : first + MOST_TOGETHER])
    answers = [ticket.answer() for ticket in tickets]
    for committed in answers:
        _tell(committed)
    return answers


def post(run_id: UUID, command: Command, then: Then, *, worker: str = "") -> Committed | None:
    """As ``submit`` where nobody else commits now, else None, at once.

    Then the thread that commits the command calls ``then`` with what it came to, or with the error;
    nothing was stored in that case.
    """
    if _inside_transaction():
        return submit(run_id, command, worker=worker)
    ticket = _Ticket(runs.get(run_id), command, worker, then)
    if not _leadership.post(ticket):
        return None
    committed = ticket.answer()
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
        self._called = threading.Semaphore(0)
        self._committer: threading.Thread | None = None

    def serve(self, *tickets: _Ticket) -> None:
        """Return when ``tickets`` are done, whether this thread or another has committed them."""
        if self._enter(*tickets):
            self._round(tickets[0])
        else:
            for ticket in tickets:
                ticket.wake.acquire()
                if not ticket.done:  # the lead was handed to it
                    self._round(ticket)
        if self._claim():  # results that nobody waits for; who called us has waited long enough
            self._call_committer()

    def post(self, ticket: _Ticket) -> bool:
        """Whether this thread has committed ``ticket`` and may go on; else its ``then`` is called."""
        if not self._enter(ticket):
            return False
        self._round(ticket)
        if not self._claim():
            return True
        ticket.tell()
        self._go_on()
        return False

    def _enter(self, *tickets: _Ticket) -> bool:
        """Queue them; whether this thread leads now."""
        with self._mutex:
            self._inbox.extend(tickets)
            lead, self._leading = not self._leading, True
        return lead

    def _claim(self) -> bool:
        """Take the lead if something waits and nobody leads."""
        with self._mutex:
            if self._leading or not self._inbox:
                return False
            self._leading = True
            return True

    def _go_on(self) -> None:
        self._round(None)
        while self._claim():
            self._round(None)

    def _call_committer(self) -> None:
        """Hand the lead to a thread that is there for this."""
        if self._committer is None:
            self._committer = threading.Thread(target=self._stand_by, name="journal", daemon=True)
            self._committer.start()
        self._called.release()

    def _stand_by(self) -> None:
        while True:
            self._called.acquire()
            try:
                self._go_on()
            except Exception:
                log.exception("Committing what others have posted failed")

    def close(self) -> None:
        """Give back the store."""
        with self._mutex:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _round(self, mine: _Ticket | None) -> None:
        """Commit all that waits, hand the lead over, then tell whose tickets these were."""
        with self._mutex:
            batch = list(self._inbox)
            self._inbox.clear()
        try:
            self._commit(batch)
        finally:
            for ticket in batch:
                ticket.done = True
                if ticket is not mine and ticket.then is None:
                    ticket.wake.release()
            self._hand_over()
            for ticket in batch:
                if ticket is not mine:
                    ticket.tell()

    def _hand_over(self) -> None:
        """Give the lead to who has waited longest meanwhile; it is in the inbox, and takes all of it."""
        with self._mutex:
            heir = next((ticket for ticket in self._inbox if ticket.then is None), None)
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
        for run in members:
            run.lock.acquire()
        try:
            if self._store is None:
                self._store = store_for_database()
            refused = self._store.commit(lambda tail: _plan(groups.values(), tail, now))
            for pk in refused:
                groups[pk][0].run.reset()
        except BaseException as error:
            for run in members:
                run.reset()  # its state holds events that are not in the journal
            _fail(groups, error if isinstance(error, Exception) else RuntimeError("The commit was stopped."))
            if not isinstance(error, Exception):
                raise
            return {}
        finally:
            for run in members:
                run.lock.release()
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
    default = connections[DEFAULT_DB_ALIAS]
    return default.in_atomic_block and default.vendor == "sqlite"


def _fresh(pk: UUID) -> Run:
    """A run that shares nothing with other threads, which must not see what is not committed."""
    return Run(pk, runs.get(pk).version)


def _append_inside(ticket: _Ticket) -> Committed:
    """Append on the caller's own connection."""
    commit_inside(connections[DEFAULT_DB_ALIAS], lambda tail: _plan([[ticket]], tail, _now()))
    return ticket.answer()


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
