"""A database as a company has it after a while: many people, many runs, almost all of them over.

Rows are made by the driver from one stored example of each kind, which is some 30 times as fast as by Django.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.sessions.models import Session
from django.db import connection, models

from builder.models import Orchestration, OrchestrationVersion
from orchestrator.copying.tables import Table
from orchestrator.models import ApiToken, AuditEntry, Grant, Role, User
from runs.models import (
    Approval,
    ApprovalRecipient,
    JournalEntry,
    OrchestrationInstance,
    StepLog,
    StepRun,
    Timer,
    Worker,
)

STEPS = 3  # of a run; as many journal entries and log lines
PEOPLE, FLOWS = 200, 40
BATCH = 5000
UNDER_WAY = {0: "RUNNING", 1: "PENDING", 2: "WAITING", 10: "WAITING", 20: "ROLLING_BACK"}
DOCUMENT = {
    "schema": 1,
    "name": "Flow",
    "steps": [{"key": f"s{n}", "type": "transform", "config": {"output": n}} for n in range(STEPS)],
    "edges": [{"source": f"s{n}", "target": f"s{n + 1}"} for n in range(STEPS - 1)],
}
Doc = dict[str, Any]


@dataclass(slots=True)
class Crowd:
    """Who and what the queries are asked for: ordinary ones, with some of everything."""

    superadmin: User
    admin: User
    user: User
    flow: Orchestration
    run: OrchestrationInstance
    worker: Worker


class Kind:
    """Rows of one model: an example's columns, with what differs from row to row."""

    def __init__(self, model: type[models.Model], **same: Any) -> None:
        self.table = Table(model, connection)
        example = model(**same)
        values = tuple(getattr(example, field.attname) for field in self.table.fields)
        pairs = zip(self.table.fields, values, strict=True)
        prepared = [field.get_db_prep_save(value, connection) for field, value in pairs]
        self.example: Doc = dict(zip(self.table.columns, prepared, strict=True))

    def store(self, rows: Iterable[Doc]) -> None:
        """Insert rows, each a dictionary of the columns that differ."""
        collection = connection.database[self.table.name]  # type: ignore[attr-defined]
        docs = ({**self.example, **row} for row in rows)
        while part := list(islice(docs, BATCH)):
            collection.insert_many(part, ordered=False)


def fill(runs: int, seed: int = 1) -> Crowd:
    """Fill the (empty, migrated) MongoDB of this process with ``runs`` runs and what belongs to them."""
    chance = random.Random(seed)
    now = datetime.now(UTC)
    ids = _ids(chance, now - timedelta(days=90), timedelta(days=90) / (runs * 20))
    roles = [Role.SUPERADMIN, *[Role.ADMIN] * 9, *[Role.USER] * (PEOPLE - 10)]
    people = [User(username=f"person{n}", email=f"p{n}@x.org", role=role) for n, role in enumerate(roles)]
    User.objects.bulk_create(people)
    flows = [
        Orchestration(name=f"Flow {n}", slug=f"flow-{n}", draft=DOCUMENT, published_number=1)
        for n in range(FLOWS)
    ]
    Orchestration.objects.bulk_create(flows)
    versions = [OrchestrationVersion(orchestration=flow, number=1, document=DOCUMENT) for flow in flows]
    OrchestrationVersion.objects.bulk_create(versions)
    Grant.objects.bulk_create(
        Grant(kind="builder.orchestration", object_id=flow.pk, who=f"user:{person.pk}", right=right)
        for flow in flows
        for person in chance.sample(people, 5)
        for right in ("view", "start")
    )
    Grant.objects.create(
        kind="builder.orchestration", object_id=flows[0].pk, who=f"user:{people[50].pk}", right="approve"
    )
    made = list(_runs(runs, chance, ids, people, versions))
    Kind(OrchestrationInstance, seq=STEPS).store(made)
    _store_steps(made, ids)
    _store_questions(made[::10], ids, people)
    _store_the_rest(runs, ids, people, now)
    worker = Worker.objects.filter(stopped_at=None).earliest("name")
    run = OrchestrationInstance.objects.filter(started_by=people[50]).latest("created_at")
    return Crowd(people[0], people[1], people[50], flows[0], run, worker)


def _ids(chance: random.Random, at: datetime, step: timedelta) -> Iterator[tuple[str, datetime]]:
    """UUIDs version 7 and their moments, as if made over that time."""
    while True:
        at += step
        milliseconds = int(at.timestamp() * 1000)
        low = 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
        whole = at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=None)
        yield UUID(int=milliseconds << 80 | low).hex, whole


def _runs(
    runs: int,
    chance: random.Random,
    ids: Iterator[tuple[str, datetime]],
    people: list[User],
    versions: list[OrchestrationVersion],
) -> Iterator[Doc]:
    """Five in a thousand are under way, five in a hundred went wrong."""
    numbers: Counter[UUID] = Counter()
    for place in range(runs):
        pk, at = next(ids)
        version = chance.choice(versions)
        numbers[version.pk] += 1
        wrong = chance.random() < 0.05
        over = chance.choice(("FAILED", "CANCELLED", "ROLLED_BACK")) if wrong else "COMPLETED"
        status = UNDER_WAY.get(place % 1000, over)
        yield {
            "_id": pk,
            "created_at": at,
            "orchestration_id": version.orchestration_id.hex,
            "version_id": version.pk.hex,
            "number": numbers[version.pk],
            "started_by_id": people[place * 7 % len(people)].pk.hex,
            "status": status,
            "started_at": at,
            "finished_at": at if status == over else None,
        }


def _store_steps(runs: list[Doc], ids: Iterator[tuple[str, datetime]]) -> None:
    """Steps, journal entries and log lines, as many of each."""
    steps = [(run, n, *next(ids)) for run in runs for n in range(STEPS)]
    Kind(StepRun, type="transform", epoch=1, attempt=1).store(
        {
            "_id": pk,
            "created_at": at,
            "instance_id": run["_id"],
            "key": f"s{n}",
            "position": n,
            "worker": f"worker{n}",
            "status": "RUNNING" if run["status"] == "RUNNING" else "COMPLETED",
        }
        for run, n, pk, at in steps
    )
    now = datetime.now(UTC)
    Kind(JournalEntry, at=now, events=[]).store(
        {"_id": pk, "created_at": at, "at": at, "instance_id": run["_id"], "seq": n + 1}
        for run, n, pk, at in steps
    )
    Kind(StepLog, at=now, step="s0", level="info", message="Done.").store(
        {"_id": pk, "created_at": at, "at": at, "instance_id": run["_id"]} for run, _, pk, at in steps
    )


def _store_questions(runs: list[Doc], ids: Iterator[tuple[str, datetime]], people: list[User]) -> None:
    """An approval of each run, pending where the run is under way; it asks two people and every Admin."""
    now = datetime.now(UTC)
    asked = [
        {
            "_id": pk,
            "created_at": at,
            "requested_at": at,
            "instance_id": run["_id"],
            "status": "pending" if run["finished_at"] is None else "approved",
        }
        for run in runs
        for pk, at in [next(ids)]
    ]
    Kind(Approval, step="s1", epoch=1, attempt=1, message="May it?", requested_at=now).store(asked)
    Kind(ApprovalRecipient).store(
        {"_id": next(ids)[0], "created_at": one["created_at"], "approval_id": one["_id"], "who": who}
        for n, one in enumerate(asked)
        for who in (f"user:person{n % PEOPLE}", f"user:person{(n * 3 + 1) % PEOPLE}", "role:admin")
    )
    Kind(Timer, kind="expiry", epoch=1, attempt=1, step="s1", due_at=now).store(
        {
            "_id": next(ids)[0],
            "created_at": one["created_at"],
            "instance_id": one["instance_id"],
            "due_at": one["requested_at"] + timedelta(days=200),
        }
        for one in asked
        if one["status"] == "pending"
    )


def _store_the_rest(
    runs: int, ids: Iterator[tuple[str, datetime]], people: list[User], now: datetime
) -> None:
    """Workers, sessions, API tokens, and the audit log."""
    Worker.objects.bulk_create(
        Worker(name=f"worker{n}", host="x", pid=n + 1, beat_at=now, stopped_at=None if n < 3 else now)
        for n in range(100)
    )
    late = (now + timedelta(days=7)).replace(tzinfo=None)
    Kind(Session, session_data="x", expire_date=now).store(
        {"session_key": f"{n:032d}", "expire_date": late} for n in range(runs // 10)
    )
    tokens = [(n, *next(ids)) for n in range(runs // 50)]
    Kind(ApiToken, name="program", hint="orc_x").store(
        {"_id": pk, "created_at": at, "user_id": people[n % PEOPLE].pk.hex, "digest": f"{n:064d}"}
        for n, pk, at in tokens
    )
    changes = [(n, *next(ids)) for n in range(runs // 5)]
    Kind(AuditEntry, action="changed", object_name="Flow", kind="builder.orchestration").store(
        {"_id": pk, "created_at": at, "actor": f"person{n % 10}", "object_id": str(n)}
        for n, pk, at in changes
    )
