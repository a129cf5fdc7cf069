"""The journal on SQLite: one driver-level transaction a batch, on a connection of its own.

Its own connection keeps the page cache and the prepared statements warm whichever thread leads, and
worker threads need no connection at all on the hot path. BEGIN IMMEDIATE takes the write lock before
the tails are read, so no other process can append between the decision and the commit.
"""

# ruff: noqa: S608 - table and column names are the models' own; every value is a parameter

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from orchestrator.ids import new_hex
from runs import models
from runs.stores.base import TIMER_KEY, Changes, Entry, Event, Row, Tail

JOURNAL, RUN, STEP, APPROVAL, RECIPIENT, TIMER, PAYLOAD = (
    model._meta.db_table
    for model in (
        models.JournalEntry,
        models.OrchestrationInstance,
        models.StepRun,
        models.Approval,
        models.ApprovalRecipient,
        models.Timer,
        models.Payload,
    )
)
READ_TAIL = f"SELECT seq, at, events FROM {JOURNAL} WHERE instance_id=? AND seq>? ORDER BY seq"  # nosec B608
APPEND = f"INSERT INTO {JOURNAL} (_id, created_at, at, instance_id, seq, events) VALUES (?,?,?,?,?,?)"  # nosec B608
ADD_RECIPIENT = f"INSERT OR IGNORE INTO {RECIPIENT} (_id, created_at, approval_id, who) VALUES (?,?,?,?)"
DROP_TIMERS = (  # named in full: a step and what undoes an earlier epoch of it may wait at once
    f"DELETE FROM {TIMER} WHERE instance_id=? AND step=? AND epoch=? AND attempt=? AND kind=?"  # nosec B608
)

KNOWN_ENDS = 10_000
Columns = tuple[str, ...]
TailEntry = tuple[int, str, list[Event]]


class SQLiteStore:
    """See the module. Used by one thread at a time: the journal's leader."""

    def __init__(self) -> None:
        self._wrapper: BaseDatabaseWrapper | None = None
        self.torn: set[UUID] = set()  # none: an entry and its rows are one transaction
        self._latest: dict[UUID, int] = {}  # run -> its last entry, if nobody else has written since
        self._moves = 0  # the database's counter of what others write

    def commit(self, plan: Callable[[Tail], list[Entry]]) -> set[UUID]:
        """Append in one transaction; never refuses."""
        wrapper = self._open()
        database: sqlite3.Connection = wrapper.connection
        with wrapper.wrap_database_errors:
            database.execute("BEGIN IMMEDIATE")
            try:
                self._notice_others(database)
                entries = plan(lambda run_id, after: self._tail(database, run_id, after))
                write(database, entries)
                database.execute("COMMIT")
            except BaseException:
                self._latest.clear()
                self._abandon(database)
                raise
        for entry in entries:
            self._latest[entry.run_id] = entry.seq
        return set()

    def _notice_others(self, database: sqlite3.Connection) -> None:
        """Forget what is known of the journal's ends, if any other connection has written meanwhile."""
        moves = database.execute("PRAGMA data_version").fetchone()[0]
        if moves != self._moves or len(self._latest) > KNOWN_ENDS:
            self._moves = moves
            self._latest.clear()

    def _tail(self, database: sqlite3.Connection, run_id: UUID, after: int) -> Sequence[TailEntry]:
        if self._latest.get(run_id) == after:
            return ()
        return read_tail(database, run_id, after)

    def close(self) -> None:
        """Close the connection."""
        self._latest.clear()
        if self._wrapper is not None:
            self._wrapper.close()
            self._wrapper = None

    def _open(self) -> BaseDatabaseWrapper:
        """The connection; a test's other database file makes a new one."""
        name = connections.settings["default"]["NAME"]
        if self._wrapper is not None and self._wrapper.settings_dict["NAME"] != name:
            self.close()
        if self._wrapper is None:
            self._wrapper = connections["default"].copy()
            self._wrapper.inc_thread_sharing()  # the leader changes, one at a time
            self._wrapper.connect()
        return self._wrapper

    def _abandon(self, database: sqlite3.Connection) -> None:
        """Undo the transaction. A connection that cannot even do that is given up."""
        try:
            if database.in_transaction:
                database.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()
            raise


def commit_inside(wrapper: BaseDatabaseWrapper, plan: Callable[[Tail], list[Entry]]) -> None:
    """Append inside the caller's own transaction: it becomes durable, or is undone, with that."""
    wrapper.ensure_connection()
    database: sqlite3.Connection = wrapper.connection
    with wrapper.wrap_database_errors:
        database.execute("SAVEPOINT journal")
        try:
            write(database, plan(lambda run_id, after: read_tail(database, run_id, after)))
        except BaseException:
            database.execute("ROLLBACK TO journal")
            database.execute("RELEASE journal")
            raise
        database.execute("RELEASE journal")


def read_tail(database: sqlite3.Connection, run_id: UUID, after: int) -> list[tuple[int, str, list[Event]]]:
    """The entries of a run after ``after``, inside the running transaction."""
    rows = database.execute(READ_TAIL, (run_id.hex, after)).fetchall()
    return [(seq, moment(at), orjson.loads(events)) for seq, at, events in rows]


def write(database: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    """Insert the entries and bring the projections after them, inside the running transaction."""
    if not entries:
        return
    appended: list[tuple[Any, ...]] = []
    steps: dict[Columns, list[Sequence[Any]]] = {}
    runs: dict[Columns, list[Sequence[Any]]] = {}
    for entry in entries:
        run, at, changes = entry.run_id.hex, text(entry.at), entry.changes
        appended.append((new_hex(), at, at, run, entry.seq, entry.events))
        for key, row in changes.steps.items():
            steps.setdefault(tuple(row), []).append((*map(plain, row.values()), run, key))
        runs.setdefault(tuple(changes.run), []).append((*map(plain, changes.run.values()), run))
        _project(database, run, at, changes)
    database.executemany(APPEND, appended)
    for columns, rows in steps.items():
        database.executemany(_update(STEP, columns, "instance_id=? AND key=?"), rows)
    for columns, rows in runs.items():
        database.executemany(_update(RUN, columns), rows)


def _project(database: sqlite3.Connection, run: str, at: str, changes: Changes) -> None:
    """What only few entries change."""
    if changes.new_steps:
        rows = [{"_id": new_hex(), "created_at": at, "instance_id": run, **row} for row in changes.new_steps]
        _insert(database, STEP, rows)
    if changes.new_approvals:
        _insert(
            database,
            APPROVAL,
            [{"created_at": at, "instance_id": run, **row} for row in changes.new_approvals],
        )
    for pk, row in changes.approvals.items():
        database.execute(_update(APPROVAL, tuple(row)), (*map(plain, row.values()), pk.hex))
    if changes.recipients:
        people = [(new_hex(), at, approval.hex, who) for approval, who in changes.recipients]
        database.executemany(ADD_RECIPIENT, people)
    if changes.timers_gone:
        database.executemany(
            DROP_TIMERS, [(run, *(row[column] for column in TIMER_KEY)) for row in changes.timers_gone]
        )
    if changes.new_timers:
        rows = [{"_id": new_hex(), "created_at": at, "instance_id": run, **row} for row in changes.new_timers]
        _insert(database, TIMER, rows)
    if changes.payload:
        row = {"_id": new_hex(), "created_at": at, "instance_id": run, **changes.payload}
        _insert(database, PAYLOAD, [row], "INSERT OR IGNORE")


def _insert(database: sqlite3.Connection, table: str, rows: list[Row], verb: str = "INSERT") -> None:
    columns = tuple(rows[0])
    marks = ",".join("?" * len(columns))
    database.executemany(
        f"{verb} INTO {table} ({','.join(columns)}) VALUES ({marks})",
        [tuple(map(plain, row.values())) for row in rows],
    )


@lru_cache(maxsize=512)
def _update(table: str, columns: Columns, where: str = "_id=?") -> str:
    sets = ", ".join(f"{column}=?" for column in columns)
    return f"UPDATE {table} SET {sets} WHERE {where}"  # nosec B608


def plain(value: Any) -> Any:
    """A column's value as Django would store it."""
    kind = type(value)
    if kind is str or kind is int:
        return value
    if kind is datetime:
        return text(value)
    if kind is UUID:
        return value.hex
    return int(value) if kind is bool else value


@lru_cache(maxsize=256)
def text(at: datetime) -> str:
    """A moment, which is one of UTC, as Django writes it: without its zone."""
    return at.isoformat(" ")[: -len("+00:00")]


def moment(stored: datetime | str) -> str:
    """A stored moment as the journal says it: ISO 8601, UTC, milliseconds."""
    at = stored if isinstance(stored, datetime) else datetime.fromisoformat(stored)
    return at.replace(tzinfo=UTC).isoformat(timespec="milliseconds")
