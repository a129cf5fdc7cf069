"""Rounds of one shape: its runs are started together and waited for; the raw limit before and after each."""

from __future__ import annotations

import resource
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from django.conf import settings
from django.core.management import CommandError

from builder.models import Orchestration, OrchestrationVersion
from orchestrator.models import Role, User
from runs import journal, verbs
from runs.bench.database import Insert
from runs.bench.shapes import CHAIN_OF_MANY, JSON, document
from runs.cache import Run
from runs.dispatch import Runtime
from runs.engine.commands import Command as EngineCommand
from runs.executors.base import Assignment, Token
from runs.executors.threads import ThreadExecutor
from runs.models import JournalEntry, StepRun

WARM_UP = 300  # steps; a log that still grows makes each commit half as dear again
GIVE_UP_S = 600
DIGITS = {"share": 2, "gap_p50_ms": 3, "gap_p95_ms": 3, "cpu_ms_per_step": 3}


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


def peak_rss_mb() -> int:
    """The most memory this process has held; Linux's rusage also counts what its parent held at the fork."""
    file = Path("/proc/self/status")
    _, found, rest = file.read_text(encoding="utf-8").partition("VmHWM:") if file.exists() else ("",) * 3
    return (int(rest.split()[0]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) // 1024
