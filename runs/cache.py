"""The runs that this process works on, folded: read once, then brought up to date by their new entries."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from copy import copy
from dataclasses import fields, replace
from typing import Any, Generic, TypeVar
from uuid import UUID

import steps
from builder import graph as graphs
from builder.graph import Graph
from builder.models import OrchestrationVersion
from orchestrator.errors import NotFound
from runs.engine.state import RunState, fold, new_state
from runs.models import OrchestrationInstance
from runs.stores.base import Row, Tail

STEPS = 20_000  # of all runs that are kept folded; one takes about a kilobyte
VERSIONS = 128
K = TypeVar("K")
V = TypeVar("V")


class Version:
    """A published document, compiled. Shared by all its runs; ``plans`` keeps what dispatch compiles."""

    __slots__ = ("document", "graph", "orchestration", "plans")

    def __init__(self, document: dict[str, Any], orchestration: str = "") -> None:
        self.document = document
        self.orchestration = orchestration  # its slug
        self.graph: Graph = graphs.build(document, steps.ports_of)
        self.plans: dict[str, Any] = {}


class Run:
    """A run with its state. Who folds into ``state``, or reads more than one thing of it, holds ``lock``."""

    __slots__ = ("gates", "lock", "pk", "row", "state", "version")

    def __init__(self, pk: UUID, version: Version) -> None:
        self.pk, self.version = pk, version
        self.lock = threading.Lock()
        self.gates: Any = None  # of runs.gating, as it last worked them out
        self.reset()

    def reset(self) -> None:
        """Back to before the first entry; the next ``catch_up`` reads all."""
        self.state: RunState = new_state(self.version.graph)
        self.row: Row = {}  # the run's projected columns as last written, {} if not known

    def catch_up(self, tail: Tail) -> None:
        """Fold what was appended since. Raises RuntimeError where an entry is missing."""
        for seq, at, events in tail(self.pk, self.state.seq):
            if seq != self.state.seq + 1:
                raise RuntimeError(f"The journal of run {self.pk} jumps from {self.state.seq} to {seq}.")
            fold(self.version.graph, self.state, seq, at, events)
            self.row = {}


def snapshot(state: RunState) -> RunState:
    """A copy that stays as it is; what events brought (outputs, errors) is shared, since it never changes."""
    copied = copy(state)
    for field in fields(state):
        part = getattr(state, field.name)
        if isinstance(part, dict):
            setattr(copied, field.name, part.copy())
    copied.maps = {
        key: replace(
            found, items=dict(found.items), queue=dict(found.queue), running=dict(found.running),
            pausing=dict(found.pausing), outputs=dict(found.outputs), children=dict(found.children),
        )
        for key, found in state.maps.items()
    }  # fmt: skip
    copied.steps = {key: step.clone() for key, step in state.steps.items()}
    return copied


class Recent(Generic[K, V]):
    """The values used last, up to a ``limit`` of weight; ``make`` gives one that is missing. Thread-safe."""

    def __init__(
        self, limit: int, make: Callable[[K], V], weigh: Callable[[V], int] = lambda value: 1
    ) -> None:
        self._limit, self._make, self._weigh = limit, make, weigh
        self._values: OrderedDict[K, V] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V:
        """The value; two threads that miss at once agree on one."""
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
                return found
        return self.put(key, self._make(key))

    def put(self, key: K, made: V) -> V:
        """Keep a value that was made elsewhere, unless there is one; returns the one that is kept."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                found = self._values[key] = made
                self._weight += self._weigh(made)
            while self._weight > self._limit and len(self._values) > 1:
                self._forget(next(iter(self._values)))
            return found

    def drop(self, key: K) -> None:
        """Forget one value."""
        with self._lock:
            if key in self._values:
                self._forget(key)

    def _forget(self, key: K) -> None:
        self._weight -= self._weigh(self._values.pop(key))


def _version(pk: UUID) -> Version:
    known = OrchestrationVersion.objects.values_list("document", "orchestration__slug")
    return Version(*known.get(pk=pk))


def _run(pk: UUID) -> Run:
    version = OrchestrationInstance.objects.filter(pk=pk).values_list("version_id", flat=True).first()
    if version is None:
        raise NotFound("There is no such run.")
    return Run(pk, versions.get(version))


versions: Recent[UUID, Version] = Recent(VERSIONS, _version)
runs: Recent[UUID, Run] = Recent(STEPS, _run, lambda run: len(run.version.graph.steps))
