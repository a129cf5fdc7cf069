"""``manage.py bench_engine``: how many durable steps a second, beside what the disk allows.

Runs no-op ``transform`` steps through the real journal, executor and projections, in a database of its
own: on SQLite in a temporary folder, on MongoDB beside the one that DATABASE_URL names. The raw limit is
measured in the same run, before and after each round: one insert committed a step, as durable as ours.
"""

from __future__ import annotations

import resource
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import orjson
from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import connections

from builder.models import Orchestration, OrchestrationVersion
from orchestrator.models import Role, User
from runs import journal, verbs
from runs.cache import Run
from runs.dispatch import Runtime
from runs.engine.commands import Command as EngineCommand
from runs.executors.base import Assignment, Token
from runs.executors.threads import ThreadExecutor
from runs.models import JournalEntry, StepRun
from runs.stores.mongodb import DURABLE

SHAPES = ("chain", "fan", "layers", "many")
LAYER = 10
CHAIN_OF_MANY = 10
WARM_UP = 300  # steps; a log that still grows makes each commit half as dear again
GIVE_UP_S = 600
DIGITS = {"share": 2, "gap_p50_ms": 3, "gap_p95_ms": 3, "cpu_ms_per_step": 3}
ENTRY = [
    {
        "kind": "step_completed", "step": "s100", "epoch": 1, "attempt": 1,
        "data": {"ports": ["success"], "output": {"ok": True}},
    },
    {"kind": "step_started", "step": "s101", "epoch": 1, "attempt": 1, "data": {"worker": "bench"}},
]  # fmt: skip
JSON = Any
Insert = Callable[[int], float]


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

    help = "Measure the engine in a database of its own."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Read the shape and the size."""
        parser.add_argument("--shape", choices=SHAPES, required=True)
        parser.add_argument("--size", type=int, required=True, help="Steps in all.")
        parser.add_argument("--repeat", type=int, default=1, help="Rounds; each figure is their median.")
        parser.add_argument("--json", action="store_true", help="Print one JSON line.")

    def handle(self, *, shape: str, size: int, repeat: int, **options: Any) -> None:
        """Measure, and say it."""
        with (
            tempfile.TemporaryDirectory(prefix="bench-", dir=settings.DATA_DIR) as folder,
            own_database(folder),
            raw_inserts(Path(folder) / "raw.sqlite3") as insert,
        ):
            insert(WARM_UP)
            found = Measurement(shape, size).take(max(1, repeat), insert)
        if options["json"]:
            self.stdout.write(orjson.dumps(found).decode())
        else:
            for name, value in found.items():
                self.stdout.write(f"{name:>24}  {value}")


@contextmanager
def own_database(folder: str) -> Iterator[None]:
    """Point Django at a new database; nothing has connected yet."""
    default = connections["default"]
    default.close()
    before, mongodb = default.settings_dict["NAME"], default.vendor == "mongodb"
    name = f"bench_{uuid4().hex[:12]}" if mongodb else str(Path(folder) / "bench.sqlite3")
    default.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
    try:
        call_command("migrate", verbosity=0, skip_checks=True)
        yield
    finally:
        journal.close()
        if mongodb:
            default.database.client.drop_database(name)  # type: ignore[attr-defined]
        default.close()
        default.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = before


@contextmanager
def raw_inserts(file: Path) -> Iterator[Insert]:
    """What inserts ``count`` rows as large as a chain's entries, each durable, and gives the seconds."""
    row = {"run": "0" * 32, "events": orjson.dumps(ENTRY).decode()}
    if connections["default"].vendor == "mongodb":
        database = connections["default"].database  # type: ignore[attr-defined]
        rows = database["raw"].with_options(write_concern=DURABLE)
        yield _timed(lambda number: rows.insert_one({**row, "seq": number}))
        return
    raw = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, run TEXT, seq INTEGER, events TEXT)")
    statement = "INSERT INTO t (run, seq, events) VALUES (?,?,?)"
    yield _timed(lambda number: raw.execute(statement, (row["run"], number, row["events"])))
    raw.close()


def peak_rss_mb() -> int:
    """The most memory this process has held; Linux's rusage also counts what its parent held at the fork."""
    file = Path("/proc/self/status")
    _, found, rest = file.read_text(encoding="utf-8").partition("VmHWM:") if file.exists() else ("",) * 3
    return (int(rest.split()[0]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) // 1024


def _timed(insert: Callable[[int], object]) -> Insert:
    def take(count: int) -> float:
        began = time.perf_counter()
        for number in range(count):
            insert(number)
        return time.perf_counter() - began

    return take


class Timed(Runtime):
    """A runtime that notes when each step's code began and ended."""

    def __init__(self, worker: str) -> None:
        super().__init__(worker)
        self.times: dict[tuple[Any, str], tuple[float, float]] = {}

    def _run(self, run: Run, assignment: Assignment, token: Token) -> EngineCommand | None:
        began = time.perf_counter()
        command = super()._run(run, assignment, token)
        self.times[assignment.run_id, assignment.step] = (began, time.perf_counter())
        return command


class Measurement:
    """Rounds of one shape: start the runs together, wait until all have ended."""

    def __init__(self, shape: str, size: int) -> None:
        self.shape, self.size = shape, size
        self.runs = max(1, size // CHAIN_OF_MANY) if shape == "many" else 1
        self.runtime = Timed("bench")
        self.executor = ThreadExecutor(self.runtime.execute, self.runtime.overdue, settings.RUN_THREADS)

    def take(self, repeat: int, insert: Insert) -> dict[str, JSON]:
        """Run until the write-ahead log has its size, as in a server that is up for a while; then measure."""
        self.executor.start()
        self.runtime.attach(self.executor)
        self._execute(self._publish(document("chain", WARM_UP)), 1)
        orchestration = self._publish(document(self.shape, self.size))
        rounds = [self._round(orchestration, insert) for _ in range(repeat)]
        self.executor.stop(5)
        self.runtime.detach()
        figures = {name: median(each[name] for each in rounds) for name in rounds[0]}
        said = {name: round(value, DIGITS.get(name)) for name, value in figures.items()}
        return {
            "shape": self.shape,
            "size": self.size,
            "repeat": repeat,
            **said,
            "peak_rss_mb": peak_rss_mb(),
        }

    def _round(self, orchestration: Orchestration, insert: Insert) -> dict[str, float]:
        self.runtime.times.clear()
        inserts = max(100, min(self.size, 1000) // 2)
        raw_s = insert(inserts)
        began, cpu = time.perf_counter(), time.process_time()
        ids = self._execute(orchestration, self.runs)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        raw = 2 * inserts / (raw_s + insert(inserts))
        steps = StepRun.objects.filter(instance_id__in=ids, status="COMPLETED").count()
        entries = JournalEntry.objects.filter(instance_id__in=ids).values_list("events", flat=True)
        written = [len(orjson.dumps(events)) for events in entries]
        gaps = self._gaps(ids)
        return {
            "steps": steps,
            "steps_per_s": steps / took,
            "raw_limit_per_s": raw,
            "share": steps / took / raw,
            "gap_p50_ms": gaps[len(gaps) // 2],
            "gap_p95_ms": gaps[len(gaps) * 95 // 100],
            "cpu_ms_per_step": cpu / steps * 1000,
            "journal_bytes_per_step": sum(written) / steps,
            "entries": len(written),
        }

    def _gaps(self, ids: list[Any]) -> list[float]:
        """Milliseconds between the end of the last step before each step and that step's start, sorted."""
        before: dict[str, list[str]] = {}
        for edge in document(self.shape, self.size)["edges"]:
            before.setdefault(edge["target"], []).append(edge["source"])
        times = self.runtime.times
        return sorted(
            (times[run, key][0] - max(times[run, source][1] for source in sources)) * 1000
            for run in ids
            for key, sources in before.items()
        ) or [0.0]

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
        ids = [run.pk for run in verbs.start_all(self.user, orchestration, [{}] * count)]
        for _ in range(count):
            if not ended.acquire(timeout=GIVE_UP_S):
                raise CommandError("The runs did not end in time.")
        silence()
        return ids
