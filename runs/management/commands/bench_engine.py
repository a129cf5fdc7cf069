"""``manage.py bench_engine``: how many durable steps a second, beside what the disk allows.

Runs no-op ``transform`` steps through the real journal, executor and projections, in a database of its
own in a temporary folder. The raw limit is measured in the same run: one INSERT committed a step.
"""

from __future__ import annotations

import resource
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import connections

from builder.models import Orchestration, OrchestrationVersion
from orchestrator.models import Role, User
from runs import journal, verbs
from runs.dispatch import Runtime
from runs.executors.threads import ThreadExecutor
from runs.models import JournalEntry, StepRun

SHAPES = ("chain", "fan", "layers", "many")
LAYER = 10
CHAIN_OF_MANY = 10
WARM_UP = 300  # steps; a log that still grows makes each commit half as dear again
GIVE_UP_S = 600
JSON = Any


def noop(key: str) -> dict[str, JSON]:
    """A step without templates."""
    return {"key": key, "type": "transform", "config": {"output": {"ok": True}}}


def document(shape: str, size: int) -> dict[str, JSON]:
    """A document of ``size`` steps; for ``many``, one of its chains."""
    length = CHAIN_OF_MANY if shape == "many" else size
    keys = [f"s{number}" for number in range(length)]
    if shape in ("chain", "many"):
        edges = list(pairwise(keys))
    elif shape == "fan":
        edges = [(keys[0], key) for key in keys[1:-1]] + [(key, keys[-1]) for key in keys[1:-1]]
    else:
        rows = [keys[start : start + LAYER] for start in range(0, length, LAYER)]
        edges = [(a, b) for one, two in pairwise(rows) for a in one for b in two]
    return {
        "schema": 1,
        "name": f"Bench {shape}",
        "steps": [{**noop(key), "join": "all"} for key in keys],
        "edges": [{"source": source, "target": target} for source, target in edges],
    }


class Command(BaseCommand):
    """See the module."""

    help = "Measure the engine on SQLite in a database of its own."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Read the shape and the size."""
        parser.add_argument("--shape", choices=SHAPES, required=True)
        parser.add_argument("--size", type=int, required=True, help="Steps in all.")
        parser.add_argument("--json", action="store_true", help="Print one JSON line.")

    def handle(self, *, shape: str, size: int, **options: Any) -> None:
        """Measure, and say it."""
        if connections["default"].vendor != "sqlite":
            raise CommandError("The benchmark measures SQLite; unset DATABASE_URL.")
        with (
            tempfile.TemporaryDirectory(prefix="bench-", dir=settings.DATA_DIR) as folder,
            own_database(folder),
        ):
            found = Measurement(shape, size).take()
            inserts = max(300, min(size, 2000))
            found["raw_limit_per_s"] = round(raw_limit(Path(folder) / "raw.sqlite3", inserts))
        found["share"] = round(found["steps_per_s"] / found["raw_limit_per_s"], 2)
        if options["json"]:
            self.stdout.write(orjson.dumps(found).decode())
        else:
            for name, value in found.items():
                self.stdout.write(f"{name:>24}  {value}")


@contextmanager
def own_database(folder: str) -> Iterator[None]:
    """Point Django at a new database in ``folder``; nothing has connected yet."""
    default = connections["default"]
    default.close()
    before = default.settings_dict["NAME"]
    default.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = str(
        Path(folder) / "bench.sqlite3"
    )
    try:
        call_command("migrate", verbosity=0, skip_checks=True)
        yield
    finally:
        journal.close()
        default.close()
        default.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = before


def raw_limit(file: Path, inserts: int) -> float:
    """INSERTs a second, each committed, with the product's pragmas."""
    raw = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, run TEXT, seq INTEGER, events TEXT)")
    body = orjson.dumps([{"kind": "step_completed", "data": {"output": {"ok": True}}}] * 2).decode()

    def insert(count: int) -> float:
        began = time.perf_counter()
        for number in range(count):
            raw.execute("INSERT INTO t (run, seq, events) VALUES (?,?,?)", ("0" * 32, number, body))
        return time.perf_counter() - began

    insert(WARM_UP)
    took = insert(inserts)
    raw.close()
    return inserts / took


class Measurement:
    """One measurement: start the runs together, wait until all have ended."""

    def __init__(self, shape: str, size: int) -> None:
        self.shape, self.size = shape, size
        self.runs = max(1, size // CHAIN_OF_MANY) if shape == "many" else 1
        self.runtime = Runtime("bench")
        self.executor = ThreadExecutor(self.runtime.execute, self.runtime.overdue, settings.RUN_THREADS)

    def take(self) -> dict[str, JSON]:
        """Run until the write-ahead log has its size, as in a server that is up for a while; then measure."""
        self.executor.start()
        self.runtime.attach(self.executor)
        self._execute(self._publish(document("chain", WARM_UP)), 1)
        orchestration = self._publish(document(self.shape, self.size))
        began, cpu = time.perf_counter(), time.process_time()
        ids = self._execute(orchestration, self.runs)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        self.executor.stop(5)
        self.runtime.detach()
        return self._said(ids, took, cpu)

    def _said(self, ids: list[Any], took: float, cpu: float) -> dict[str, JSON]:
        steps = StepRun.objects.filter(instance_id__in=ids, status="COMPLETED").count()
        entries = JournalEntry.objects.filter(instance_id__in=ids)
        written = sum(len(orjson.dumps(events)) for events in entries.values_list("events", flat=True))
        return {
            "shape": self.shape,
            "size": self.size,
            "steps": steps,
            "steps_per_s": round(steps / took),
            "cpu_ms_per_step": round(cpu / steps * 1000, 3),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "journal_bytes_per_step": written // steps,
            "entries": entries.count(),
        }

    def _publish(self, doc: dict[str, JSON]) -> Orchestration:
        self.user = User.objects.filter(role=Role.SUPERADMIN).first() or User.objects.create(
            username="bench", role=Role.SUPERADMIN
        )
        slug = f"bench-{Orchestration.objects.count()}"
        orchestration = Orchestration.objects.create(name=doc["name"], slug=slug, published_number=1)
        OrchestrationVersion.objects.create(
            orchestration=orchestration, number=1, document=doc, sha256="0" * 64
        )
        return orchestration

    def _execute(self, orchestration: Orchestration, count: int) -> list[Any]:
        ended = threading.Semaphore(0)

        def listen(committed: journal.Committed) -> None:
            if committed.events[-1]["kind"] == "run_completed":
                ended.release()

        silence = journal.subscribe(listen)  # looking into the database would take time from what is measured
        ids = [verbs.start(self.user, orchestration, {}).pk for _ in range(count)]
        for _ in range(count):
            if not ended.acquire(timeout=GIVE_UP_S):
                raise CommandError("The runs did not end in time.")
        silence()
        return ids
