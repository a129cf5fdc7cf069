"""The journal on MongoDB: one ordered-by-nobody insert a batch, refused by the unique index.

There is no transaction, so the entry goes in first and the projections follow. They are idempotent and
guarded by ``seq``: a slower process cannot overwrite what a later entry has projected. The run's own row
is written last, so its ``seq`` says that all rows up to there are in. A process that dies in between leaves
projections behind their journal; recovery finds those. Where another process has appended on top of them
meanwhile, that one notices (``torn``), and has them made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import DatabaseError, connections
from django.db.models import Model
from pymongo import DeleteMany, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, PyMongoError

from orchestrator.ids import new_id
from runs import models
from runs.stores.base import TIMER_KEY, Changes, Entry, Event, Row, Tail

DUPLICATE_KEY = 11000
DURABLE = WriteConcern(w="majority", j=True)
# Rows can be made anew from the journal, and the server's own log keeps their order: after a power cut a
# run's row never says more than its other rows do, and the sweep finds those that are behind.
REPEATABLE = WriteConcern(w=1)
Operations = dict[type[Model], list[Any]]


class MongoStore:
    """See the module."""

    def __init__(self) -> None:
        self.torn: set[UUID] = set()

    def commit(self, plan: Callable[[Tail], list[Entry]]) -> set[UUID]:
        """Append each run's entry by itself; returns the runs whose ``seq`` was taken."""
        try:
            return self._commit(plan(read_tail))
        except PyMongoError as error:
            raise DatabaseError(str(error)) from error

    def _commit(self, entries: list[Entry]) -> set[UUID]:
        if not entries:
            return set()
        refused = self._append(entries)
        stored = [entry for entry in entries if entry.run_id not in refused]
        self.torn |= _behind([entry for entry in stored if entry.changes.after_others])
        operations: Operations = {}
        for entry in stored:
            _project(operations, entry)
        runs = operations.pop(models.OrchestrationInstance, [])
        for model, writes in operations.items():
            _write(model, writes)
        if runs:
            _write(models.OrchestrationInstance, runs)
        return refused

    def close(self) -> None:
        """Nothing to give back: pymongo's pool belongs to Django."""

    def _append(self, entries: list[Entry]) -> set[UUID]:
        rows = [_row(entry) for entry in entries]
        try:
            _collection(models.JournalEntry).insert_many(rows, ordered=False)
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            if error.details.get("writeConcernErrors") or any(f["code"] != DUPLICATE_KEY for f in failures):
                raise
            return {entries[failure["index"]].run_id for failure in failures}
        return set()


def _behind(entries: list[Entry]) -> set[UUID]:
    """The runs whose rows do not reach up to the entry before: its process is slow or dead."""
    if not entries:
        return set()
    wanted = {entry.run_id.hex: entry for entry in entries}
    rows = _collection(models.OrchestrationInstance).find({"_id": {"$in": list(wanted)}}, {"seq": 1})
    return {wanted[row["_id"]].run_id for row in rows if row["seq"] < wanted[row["_id"]].seq - 1}


def read_tail(run_id: UUID, after: int) -> list[tuple[int, str, list[Event]]]:
    """The entries of a run after ``after``."""
    found = _collection(models.JournalEntry).find(
        {"instance_id": run_id.hex, "seq": {"$gt": after}}, {"seq": 1, "at": 1, "events": 1}
    )
    return [(int(row["seq"]), _moment(row["at"]), orjson.loads(row["events"])) for row in found.sort("seq")]


def _moment(stored: datetime) -> str:
    return stored.replace(tzinfo=UTC).isoformat(timespec="milliseconds")


def _collection(model: type[Model], concern: WriteConcern = DURABLE) -> Any:
    database = connections["default"].database  # type: ignore[attr-defined]
    return database.get_collection(model._meta.db_table, write_concern=concern)


def _write(model: type[Model], writes: list[Any]) -> None:
    """Bring projections up, deletions first; a row that somebody else has just made is the same row."""
    deletions = [write for write in writes if isinstance(write, DeleteMany)]
    others = [write for write in writes if not isinstance(write, DeleteMany)]
    concern = DURABLE if model is models.Payload else REPEATABLE
    for part in filter(None, (deletions, others)):
        try:
            _collection(model, concern).bulk_write(part, ordered=False)
        except BulkWriteError as error:
            if any(failure["code"] != DUPLICATE_KEY for failure in error.details["writeErrors"]):
                raise


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "_id": new_id().hex,
        "created_at": entry.at,
        "at": entry.at,
        "instance_id": entry.run_id.hex,
        "seq": entry.seq,
        "events": entry.events,
    }


def _project(operations: Operations, entry: Entry) -> None:
    run, at, changes = entry.run_id.hex, entry.at, entry.changes
    older = {"$lt": entry.seq}

    def add(model: type[Model], *writes: Any) -> None:
        operations.setdefault(model, []).extend(writes)

    for row in changes.new_steps:
        same = {"instance_id": run, "key": row["key"]}
        add(models.StepRun, _upsert(same, {"_id": new_id().hex, "created_at": at, **row}))
    for key, row in changes.steps.items():
        mine = {"instance_id": run, "key": key, "seq": older}
        add(models.StepRun, UpdateOne(mine, {"$set": _plain(row)}))
    add(models.OrchestrationInstance, UpdateOne({"_id": run, "seq": older}, {"$set": _plain(changes.run)}))
    for row in changes.new_approvals:
        rest = {column: value for column, value in row.items() if column != "_id"}
        add(models.Approval, _upsert({"_id": row["_id"].hex}, {"created_at": at, "instance_id": run, **rest}))
    for pk, row in changes.approvals.items():
        add(models.Approval, UpdateOne({"_id": pk.hex, "seq": older}, {"$set": _plain(row)}))
    for approval, who in changes.recipients:
        same = {"approval_id": approval.hex, "who": who}
        add(models.ApprovalRecipient, _upsert(same, {"_id": new_id().hex, "created_at": at}))
    if changes.payload:
        same = {"instance_id": run, "sha256": changes.payload["sha256"]}
        add(models.Payload, _upsert(same, {"_id": new_id().hex, "created_at": at, **changes.payload}))
    _project_timers(add, run, at, changes)


def _project_timers(add: Callable[..., None], run: str, at: datetime, changes: Changes) -> None:
    """A timer that an older entry makes after this one has dropped it fires once, to no effect.

    Each is named in full: an older entry that comes late must not drop the timer of a newer wait.
    """
    for row in changes.timers_gone:
        add(models.Timer, DeleteMany({"instance_id": run, **{column: row[column] for column in TIMER_KEY}}))
    for row in changes.new_timers:
        same = {"instance_id": run, **{column: row[column] for column in TIMER_KEY}}
        add(models.Timer, _upsert(same, {"_id": new_id(), "created_at": at, **row}))


def _upsert(same: dict[str, Any], row: Row) -> UpdateOne:
    rest = {column: value for column, value in row.items() if column not in same}
    return UpdateOne(same, {"$setOnInsert": _plain(rest)}, upsert=True)


def _plain(row: Row) -> dict[str, Any]:
    return {column: value.hex if type(value) is UUID else value for column, value in row.items()}
