"""A batch of commands becomes entries: decided on the newest state, one entry a run, one commit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connections

from orchestrator.errors import Conflict, Invalid, ProductError
from runs import gating
from runs.cache import Run
from runs.engine.decide import consider
from runs.journal import reading
from runs.journal.tickets import Committed, Ticket
from runs.outcome import output
from runs.projections import Projector
from runs.stores import store_for_database
from runs.stores.base import Entry, Event, Row, Store, Tail
from runs.stores.sqlite import commit_inside

MOST_REFUSALS = 100  # of one command in a row; each means that another process has appended
Groups = dict[UUID, list[Ticket]]  # by run


class Appender:
    """Used by one thread at a time: the leader."""

    def __init__(self) -> None:
        self.store: Store | None = None

    def commit(self, batch: list[Ticket]) -> None:
        """Append everything in the batch, one entry a run; answers stand in the tickets afterwards."""
        groups: Groups = {}
        for ticket in batch:
            groups.setdefault(ticket.run.pk, []).append(ticket)
        for _ in range(MOST_REFUSALS):
            groups = self._try(groups)
            if not groups:
                return
        _fail(groups, Conflict("Too many processes write this run at once; try again.", code="busy"))

    def close(self) -> None:
        """Give back the store."""
        store, self.store = self.store, None
        if store is not None:
            store.close()

    def _try(self, groups: Groups) -> Groups:
        """One transaction; returns the groups that were refused and have to be decided again."""
        at = now()
        members = [tickets[0].run for tickets in groups.values()]
        for run in members:
            run.lock.acquire()
        try:
            if self.store is None:
                self.store = store_for_database()
            refused = self.store.commit(lambda tail: plan(groups.values(), tail, at))
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
        if self.store.torn:
            reading.mend(self.store.torn)
        return {pk: groups[pk] for pk in refused}


def _fail(groups: Groups, error: Exception) -> None:
    for tickets in groups.values():
        for ticket in tickets:
            ticket.fail(error)


def now() -> datetime:
    """The time of an entry: whole milliseconds, which is what every database keeps."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def append_inside(ticket: Ticket) -> Committed:
    """Append on the caller's own connection."""
    commit_inside(connections[DEFAULT_DB_ALIAS], lambda tail: plan([[ticket]], tail, now()))
    return ticket.answer()


def plan(groups: Iterable[list[Ticket]], tail: Tail, at: datetime) -> list[Entry]:
    """The entries to append; a run whose commands cannot be decided gives none, and its tickets say why."""
    entries = []
    for tickets in groups:
        try:
            entry = _decide(tickets, tail, at)
        except Exception as error:
            tickets[0].run.reset()
            for ticket in tickets:
                ticket.fail(error)
            continue
        if entry is not None:
            entries.append(entry)
    return entries


def _decide(tickets: list[Ticket], tail: Tail, moment: datetime) -> Entry | None:
    """Take the run's commands one after the other; all their events are one entry."""
    run = tickets[0].run
    run.catch_up(tail)
    graph, state = run.version.graph, run.state
    seq = state.seq + 1
    projector, said = Projector(graph, moment), []
    for ticket in tickets:
        ticket.error = None
        try:
            bounded = gating.gates(run, ticket.command)
            turn = consider(graph, state, ticket.command, moment, ticket.worker, gated=bounded)
            decided = turn.events
            if decided:
                said.append(_encoded(decided))
        except ProductError as error:
            ticket.fail(error)
            continue
        ticket.committed = Committed(run, seq if decided else state.seq, decided)
        if decided:
            projector.before(state, decided)
            turn.settle(state, seq)
    if not said:
        return None
    changes = projector.after(state, seq, partial(output, run))
    changes.after_others = seq > 1 and not run.row
    changes.run = _difference(run, changes.run)
    for ticket in tickets:
        if ticket.committed is not None and ticket.committed.events:
            ticket.committed.asked, ticket.committed.timers = projector.asked, bool(changes.new_timers)
    return Entry(run.pk, seq, moment, f"[{','.join(said)}]", changes)


def _encoded(events: list[Event]) -> str:
    """The events as JSON, without the brackets; raises Invalid before anything of them is folded."""
    try:
        return orjson.dumps(events)[1:-1].decode()
    except TypeError as error:
        raise Invalid(f"This cannot be written down as JSON: {error}.", code="not_json") from error


def _difference(run: Run, row: Row) -> Row:
    """The columns of the run's row that differ from those written last; an index is touched only if so."""
    known = run.row
    changed = {
        column: value for column, value in row.items() if column == "seq" or known.get(column, run) != value
    }
    known.update(changed)
    return changed
