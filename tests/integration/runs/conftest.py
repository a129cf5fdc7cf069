"""A laboratory for runs: documents become runs, executed step by step in the test or by real threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count, pairwise
from typing import Any
from uuid import uuid4

import pytest

import steps
from builder.models import Orchestration, OrchestrationVersion
from orchestrator.models import Grant
from runs import journal, logs, verbs
from runs.dispatch import Runtime
from runs.executors.memory import MemoryExecutor
from runs.executors.threads import ThreadExecutor
from runs.journal import append
from runs.models import OrchestrationInstance, StepRun
from runs.timers import Timers
from tests.integration.runs import kinds

numbers = count(1)


def chain(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A document of steps one after the other, along their first port or the one named ``on``."""
    edges = [
        {"source": one["key"], "target": other["key"], **({"port": one["on"]} if "on" in one else {})}
        for one, other in pairwise(parts)
    ]
    return document([{k: v for k, v in part.items() if k != "on"} for part in parts], edges, **more)


def document(parts: list[dict[str, Any]], edges: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    """A document of these steps and edges."""
    return {"schema": 1, "name": "Test", "steps": parts, "edges": edges, **more}


def step(key: str, kind: str = "echo", **fields: Any) -> dict[str, Any]:
    """A step; what is no field of a step goes into its config."""
    own = {"name", "retry", "timeout_s", "join", "on_failure", "on"}
    config = {name: value for name, value in fields.items() if name not in own}
    rest = {name: value for name, value in fields.items() if name in own}
    return {"key": key, "type": kind, "config": config, **rest}


def until(condition: Callable[[], Any], timeout_s: float = 10) -> Any:
    """Wait for a condition; returns what it gave."""
    give_up = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > give_up:
            raise AssertionError("It did not happen in time.")
        time.sleep(0.005)
    return found


class Lab:
    """Starts runs and looks at them. ``runtime`` is this process as a worker."""

    def __init__(self, runtime: Runtime, starter: Any) -> None:
        self.runtime, self.starter = runtime, starter

    def publish(self, doc: dict[str, Any], **fields: Any) -> Orchestration:
        orchestration = Orchestration.objects.create(
            name=doc["name"], slug=f"test-{next(numbers)}-{uuid4().hex[:6]}", published_number=1,
            created_by=self.starter, **fields,
        )  # fmt: skip
        OrchestrationVersion.objects.create(
            orchestration=orchestration, number=1, document=doc, sha256="0" * 64
        )
        return orchestration

    def start(self, doc: dict[str, Any], given: Any = None, user: Any = None) -> OrchestrationInstance:
        orchestration = self.publish(doc)
        if user:
            self.grant(user, "start", orchestration)
        return verbs.start(user or self.starter, orchestration, {} if given is None else given)

    def grant(self, user: Any, right: str, orchestration: Orchestration) -> None:
        Grant.objects.create(
            kind="builder.orchestration", object_id=orchestration.pk, who=f"user:{user.pk}", right=right
        )

    def drain(self) -> None:
        self.runtime.executor.drain()

    def run(self, doc: dict[str, Any], given: Any = None) -> OrchestrationInstance:
        """Start and run until nothing can go on by itself."""
        run = self.start(doc, given)
        self.drain()
        return self.fresh(run)

    def fresh(self, run: OrchestrationInstance) -> OrchestrationInstance:
        return OrchestrationInstance.objects.get(pk=run.pk)

    def statuses(self, run: OrchestrationInstance) -> dict[str, str]:
        return dict(StepRun.objects.filter(instance=run).values_list("key", "status"))

    def row(self, run: OrchestrationInstance, key: str) -> StepRun:
        return StepRun.objects.get(instance=run, key=key)

    def kinds(self, run: OrchestrationInstance, key: str | None = None) -> list[str]:
        return [e["kind"] for e in verbs.events(run) if key is None or e.get("step") == key]

    def entries(self, run: OrchestrationInstance) -> list[list[str]]:
        return [[event["kind"] for event in events] for _, _, events in journal.entries(run.pk)]


@pytest.fixture(autouse=True)
def test_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the test's step types beside the real ones."""
    for kind in kinds.ALL:
        monkeypatch.setitem(steps.TYPES, kind.type, kind)
    kinds.Blocks.gate.clear()
    kinds.Streams.gate.clear()
    while kinds.Blocks.entered.acquire(blocking=False):
        pass


@pytest.fixture
def lab(transactional_db: None, superadmin: Any) -> Any:
    """Steps wait until the test runs them."""
    runtime = Runtime("test-worker")
    runtime.attach(MemoryExecutor(runtime.execute))
    yield Lab(runtime, superadmin)
    runtime.detach()
    logs.stop()


@pytest.fixture
def threads(transactional_db: None, superadmin: Any) -> Any:
    """Steps run at once in four real threads."""
    runtime = Runtime("test-worker")
    executor = ThreadExecutor(runtime.execute, runtime.overdue, 4)
    executor.start()
    runtime.attach(executor)
    yield Lab(runtime, superadmin)
    runtime.stopping = True
    kinds.Blocks.gate.set()
    kinds.Streams.gate.set()
    assert not executor.stop(10), "a step is still running"
    runtime.detach()
    logs.stop()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> Callable[[float], int]:
    """``later(seconds)``: let time pass for the journal, and fire what has fallen due by then."""
    real, shift = append.now, [0.0]
    monkeypatch.setattr(append, "now", lambda: real() + timedelta(seconds=shift[0]))

    def pass_time(seconds: float) -> int:
        shift[0] += seconds
        fired = Timers(lab.runtime).fire_due(append.now())
        lab.drain()
        return fired

    return pass_time


@pytest.fixture
def lab_timers(threads: Lab) -> Any:
    """The thread that fires what falls due, beside ``threads``."""
    timers = Timers(threads.runtime)
    threads.runtime.on_timer = timers.wake
    timers.start()
    yield timers
    timers.stop()
