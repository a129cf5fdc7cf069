"""Every hot lookup on a MongoDB with 100,000 runs: which index it took, and how much it looked at.

Run it with ``python -m benchmarks.query_plans``; ``--runs 10000`` for fewer. The product's own doors ask; the
server's profiler records what it was asked, and each command is explained again with its statistics.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

ASKED = ("find", "aggregate", "count", "distinct", "update", "delete", "q")


@dataclass(slots=True)
class Plan:
    """One command, as the server carried it out."""

    collection: str
    plan: str  # IXSCAN with its keys, IDHACK, COLLSCAN ...
    keys: int
    rows: int  # documents looked at
    returned: int
    joins: list[str] = field(
        default_factory=list
    )  # "collection: index" or "collection: COLLSCAN" of each $lookup

    @property
    def scans(self) -> bool:
        """Whether it read a collection from one end to the other."""
        return "COLLSCAN" in self.plan or any("COLLSCAN" in join for join in self.joins)


@dataclass(slots=True)
class Seen:
    """What one lookup came to."""

    name: str
    milliseconds: float
    plans: list[Plan]


class Profiler:
    """The server's own record of what it was asked. Use as a context manager."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self._told = 0

    def __enter__(self) -> Profiler:
        """Begin to record."""
        self.database.command("profile", 0)
        self.database.drop_collection("system.profile")
        self.database.create_collection("system.profile", capped=True, size=64 * 1024 * 1024)
        self.database.command("profile", 2)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.database.command("profile", 0)

    def look(self, name: str, ask: Callable[[], Any]) -> Seen:
        """Ask, and tell how the server found the answer."""
        began = time.perf_counter()
        ask()
        took = (time.perf_counter() - began) * 1000
        entries = list(self.database["system.profile"].find().sort("$natural", 1).skip(self._told))
        self._told += len(entries)
        return Seen(name, took, [plan for entry in entries if (plan := _plan(entry, self.database))])


def _plan(entry: dict[str, Any], database: Any) -> Plan | None:
    command = entry.get("command", {})
    if (
        not any(name in command for name in (*ASKED, "$truncated"))
        or "planSummary" not in entry
        or "explain" in command
    ):
        return None
    collection = entry["ns"].partition(".")[2]
    if collection.startswith("system."):
        return None
    plan = Plan(
        collection, entry["planSummary"], entry.get("keysExamined", 0), entry.get("docsExamined", 0),
        entry.get("nreturned", entry.get("nMatched", entry.get("ndeleted", 0))),
    )  # fmt: skip
    if "pipeline" in command and "$lookup" in str(command["pipeline"]):
        again = {"aggregate": command["aggregate"], "pipeline": command["pipeline"], "cursor": {}}
        explained = database.command("explain", again, verbosity="executionStats")
        plan.joins = list(_joins(explained, command["pipeline"]))
    return plan


def _joins(explained: Any, pipeline: list[Any]) -> Iterator[str]:
    """Each $lookup's collection with the indexes that it used."""
    if isinstance(explained, dict):
        if "$lookup" in explained:
            used = explained.get("indexesUsed") or []
            scans = int(explained.get("collectionScans", 0))
            yield f"{explained['$lookup']['from']}: {'COLLSCAN' if scans else ', '.join(used) or '-'}"
        for value in explained.values():
            yield from _joins(value, pipeline)
    elif isinstance(explained, list):
        for value in explained:
            yield from _joins(value, pipeline)


def lookups(crowd: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The hot lookups: by the product's addresses as each role asks, and by what servers do all the time."""
    flow, run = crowd.flow.slug, crowd.run.pk
    lists = [
        "/", "/runs/", "/runs/?status=FAILED", f"/runs/?orchestration={flow}", "/runs/?mine=1",
        "/runs/?page=20",
        "/api/v1/runs/?status=RUNNING,WAITING", f"/api/v1/runs/?orchestration={flow}&status=FAILED",
        "/inbox/", "/api/v1/approvals/?status=pending",
    ]  # fmt: skip
    of_a_run = [
        f"/runs/{run}/",
        f"/api/v1/runs/{run}/",
        f"/api/v1/runs/{run}/events/?since=1",
        f"/api/v1/runs/{run}/logs/",
    ]
    for person, addresses in (
        (crowd.superadmin, lists), (crowd.admin, lists), (crowd.user, lists + of_a_run),
    ):  # fmt: skip
        client = _signed_in(person)
        for address in addresses:
            yield f"{person.role}: {address.replace(str(run), '{id}')}", partial(_get, client, address)
    yield from _of_people(crowd)
    yield from _of_servers(crowd)


def _signed_in(person: Any) -> Any:
    from django.test import Client

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(person, "django.contrib.auth.backends.ModelBackend")
    return client


def _get(client: Any, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}: {answer.content[:300]!r}")


def _of_people(crowd: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    from orchestrator.models import ApiToken, AuditEntry, User
    from runs import verbs

    tokens, log = ApiToken.objects, AuditEntry.objects
    yield "inbox of a person", lambda: list(verbs.waiting_for(crowd.user))
    yield "sign-in by name", lambda: User.objects.get_by_natural_key("person77")
    yield "API token", lambda: tokens.select_related("user").filter(digest=f"{7:064d}").first()
    yield "API tokens of a person", lambda: tokens.filter(user=crowd.user, revoked_at=None).count()
    yield "audit log, newest", lambda: list(log.order_by("-created_at")[:50])
    yield "audit log, of an object", lambda: list(log.filter(kind="builder.orchestration", object_id="7"))
    yield "audit log, of a person", lambda: list(log.filter(actor="person7").order_by("-created_at")[:50])


def _of_servers(crowd: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    from runs import journal, live, recovery, retention, workers
    from runs.models import OrchestrationInstance, Timer
    from runs.stores import mongodb

    run, runs, timers, now = crowd.run.pk, OrchestrationInstance.objects, Timer.objects, datetime.now(UTC)
    busy = runs.filter(status__in=recovery.BUSY).order_by("created_at")
    yield "journal: tail", lambda: mongodb.read_tail(run, 1)
    yield "journal: state of a run", lambda: journal.load(run)
    yield "timers that are due", lambda: list(timers.filter(due_at__lte=now).order_by("due_at")[:100])
    yield "timers: the next", lambda: timers.order_by("due_at").values_list("due_at", flat=True).first()
    yield "workers: the others", lambda: list(workers.others(crowd.worker))
    yield "workers: a heartbeat", lambda: workers.beat(crowd.worker)
    yield "recovery: busy runs", lambda: list(busy.values_list("pk", "seq"))
    yield "recovery: runs of a worker", lambda: recovery.runs_of(crowd.worker.name)
    yield "recovery: behind their journal", lambda: recovery.repair_projections(crowd.worker)
    yield "live: watched runs", lambda: list(runs.filter(pk__in=[run]).values_list("pk", "seq"))
    yield "live: inboxes", lambda: live.Poll()._look_at_inboxes()
    yield "pruning", lambda: retention.prune(now, dry_run=True, payloads=False)


def report(one: Seen) -> None:
    """Print one line for each command."""
    for n, plan in enumerate(one.plans):
        head = f"{one.name[:58]:58} {one.milliseconds:7.1f}" if n == 0 else " " * 66
        mark = "!! " if plan.scans else ""
        joins = f"; joins {'; '.join(plan.joins)}" if plan.joins else ""
        figures = f"{plan.collection:28} {plan.keys:7} {plan.rows:7} {plan.returned:6}"
        print(f"{head}  {figures}  {mark}{plan.plan}{joins}", flush=True)


def main() -> None:
    """Start a mongod, fill it, ask, report."""
    from tests import mongod

    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--runs", type=int, default=100_000)
    runs = wanted.parse_args().runs
    with mongod.running() as address:
        os.environ.update(
            DATABASE_URL=address.format(name="plans"), DJANGO_SETTINGS_MODULE="orchestrator.settings"
        )
        import django

        django.setup()
        from django.core import mail
        from django.core.management import call_command
        from django.db import connection

        from benchmarks import crowd

        mail.outbox = []  # this process executes no runs
        call_command("migrate", verbosity=0)
        began = time.monotonic()
        made = crowd.fill(runs)
        print(f"{runs} runs made in {time.monotonic() - began:.0f} s")
        print(f"{'lookup':58} {'ms':>7}  {'collection':28} {'keys':>7} {'rows':>7} {'gave':>6}  plan")
        with Profiler(connection.database) as profiler:  # type: ignore[attr-defined]
            for name, ask in lookups(made):
                report(profiler.look(name, ask))


if __name__ == "__main__":
    main()
