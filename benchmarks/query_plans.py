"""Every hot lookup on a MongoDB with 100,000 runs: which index it took, and how much it looked at.

Run it with ``python -m benchmarks.query_plans``; ``--runs 10000`` for fewer. The product's own doors ask; the
server's profiler records what it was asked, and each command is explained again with its statistics.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
    joins: list[str] = field(default_factory=list)  # "collection: index" or "collection: COLLSCAN" of each $lookup

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


@contextmanager
def profiled(database: Any) -> Iterator[list[dict[str, Any]]]:
    """Collect what the server's profiler writes inside of the block."""
    database.command("profile", 0)
    database.drop_collection("system.profile")
    database.create_collection("system.profile", capped=True, size=64 * 1024 * 1024)
    found: list[dict[str, Any]] = []
    database.command("profile", 2)
    try:
        yield found
    finally:
        database.command("profile", 0)
        found += database["system.profile"].find({"ns": {"$not": {"$regex": "system"}}}).sort("ts", 1)


def look(name: str, ask: Callable[[], Any], database: Any) -> Seen:
    """Ask, and tell how the server found the answer."""
    with profiled(database) as entries:
        began = time.perf_counter()
        ask()
        took = (time.perf_counter() - began) * 1000
    plans = [plan for entry in entries if (plan := _plan(entry, database))]
    return Seen(name, took, plans)


def _plan(entry: dict[str, Any], database: Any) -> Plan | None:
    command = entry.get("command", {})
    if not any(name in command for name in ASKED) or "planSummary" not in entry:
        return None
    collection = entry["ns"].partition(".")[2]
    plan = Plan(
        collection, entry["planSummary"], entry.get("keysExamined", 0), entry.get("docsExamined", 0),
        entry.get("nreturned", entry.get("nMatched", entry.get("ndeleted", 0))),
    )  # fmt: skip
    if "aggregate" in command and "$lookup" in str(command["pipeline"]):
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


def lookups(crowd: Any) -> list[tuple[str, Callable[[], Any]]]:
    """The hot lookups, by the product's own functions and addresses."""
    from django.test import Client

    from orchestrator import people, tokens
    from runs import journal, live, recovery, retention, verbs, workers
    from runs.models import Approval, Timer
    from runs.stores import mongodb

    run, now = crowd.run, datetime.now(UTC)

    def get(client: Client, address: str) -> Callable[[], Any]:
        def ask() -> None:
            answer = client.get(address)
            assert answer.status_code == 200, (address, answer.status_code, answer.content[:300])

        return ask

    found: list[tuple[str, Callable[[], Any]]] = []
    for person in (crowd.superadmin, crowd.admin, crowd.user):
        client = Client(HTTP_HOST="127.0.0.1")
        client.force_login(person, "django.contrib.auth.backends.ModelBackend")
        addresses = [
            "/", "/runs/", "/runs/?status=FAILED", f"/runs/?orchestration={crowd.flow.slug}", "/runs/?mine=1", "/runs/?page=20",
            "/api/v1/runs/?status=RUNNING,WAITING", f"/api/v1/runs/?orchestration={crowd.flow.slug}&status=FAILED",
            "/inbox/", "/api/v1/approvals/?status=pending",
        ]  # fmt: skip
        found += [(f"{person.role}: {address}", get(client, address)) for address in addresses]
    owner = Client(HTTP_HOST="127.0.0.1")
    owner.force_login(crowd.user, "django.contrib.auth.backends.ModelBackend")
    one = f"/api/v1/runs/{run.pk}/"
    found += [(f"a run: {address}", get(owner, address)) for address in (f"/runs/{run.pk}/", one, f"{one}events/?since=1", f"{one}logs/")]
    found += [
        ("journal tail", lambda: mongodb.read_tail(run.pk, 1)),
        ("journal: state of a run", lambda: journal.load(run.pk)),
        ("timers that are due", lambda: list(Timer.objects.filter(due_at__lte=now).order_by("due_at")[:100])),
        ("the next timer", lambda: Timer.objects.order_by("due_at").values_list("due_at", flat=True).first()),
        ("workers: the others", lambda: list(workers.others(crowd.worker))),
        ("workers: a heartbeat", lambda: workers.beat(crowd.worker)),
        ("recovery: busy runs", lambda: list(recovery.OrchestrationInstance.objects.filter(status__in=recovery.BUSY).order_by("created_at").values_list("pk", "seq"))),
        ("recovery: runs of a worker", lambda: recovery.runs_of(crowd.worker.name)),
        ("recovery: behind their journal", lambda: recovery.repair_projections(crowd.worker)),
        ("live: watched runs", lambda: list(recovery.OrchestrationInstance.objects.filter(pk__in=[run.pk]).values_list("pk", "seq"))),
        ("live: inboxes", lambda: live.Poll()._look_at_inboxes()),
        ("inbox of a person", lambda: list(verbs.waiting_for(crowd.user))),
        ("approvals of a run", lambda: list(Approval.objects.filter(instance=run))),
        ("sign-in by name", lambda: people.User.objects.get_by_natural_key("person77")),
        ("API token", lambda: tokens.ApiToken.objects.select_related("user").filter(digest=f"{7:064d}").first()),
        ("a person's API tokens", lambda: tokens.ApiToken.objects.filter(user=crowd.user, revoked_at=None).count()),
        ("audit log, newest", lambda: list(people.AuditEntry.objects.order_by("-created_at")[:50])),
        ("audit log of an object", lambda: list(people.AuditEntry.objects.filter(kind="builder.orchestration", object_id="7"))),
        ("pruning", lambda: retention.prune(now, dry_run=True, payloads=False)),
    ]  # fmt: skip
    return found


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
        os.environ.update(DATABASE_URL=address.format(name="plans"), DJANGO_SETTINGS_MODULE="orchestrator.settings")
        import django

        django.setup()
        from django.core import mail
        from django.core.management import call_command
        from django.db import connection

        from benchmarks import crowd

        mail.outbox = []  # type: ignore[attr-defined]  # this process executes no runs
        call_command("migrate", verbosity=0)
        began = time.monotonic()
        made = crowd.fill(runs)
        print(f"{runs} runs made in {time.monotonic() - began:.0f} s")
        database = connection.database  # type: ignore[attr-defined]
        print(f"{'lookup':58} {'ms':>7}  {'collection':28} {'keys':>7} {'rows':>7} {'gave':>6}  plan")
        for name, ask in lookups(made):
            report(look(name, ask, database))


if __name__ == "__main__":
    main()
