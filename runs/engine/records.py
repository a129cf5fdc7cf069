"""What is known of a run and of its steps at one entry of the journal. Only the fold changes these."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from runs.engine.events import JSON
from runs.engine.items import MapState
from runs.engine.states import RunStatus, StepStatus

Keys = MutableMapping[str, None]  # an ordered set of step keys
Child = dict[str, JSON]
Dispatch = tuple[str, int, int] | tuple[str, int, int, int, int]  # step, epoch, attempt, [item, its attempt]


@dataclass(slots=True)
class StepState:
    """A step in its present epoch. Values are replaced, never changed in place, so that copies may share."""

    status: StepStatus = StepStatus.PENDING
    epoch: int = 1
    attempt: int = 0  # number of the last dispatch in this epoch
    failures: int = 0  # of `retry.max_attempts`
    interruptions: int = 0  # in a row
    ports: tuple[str, ...] = ()
    output: JSON = None
    payload: dict[str, JSON] | None = None  # {sha256, size}, in place of a large output
    error: dict[str, JSON] | None = None  # of the last attempt that failed
    line: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    cost: float = 0.0
    citations: list[dict[str, JSON]] = field(default_factory=list)
    worker: str = ""
    started_at: str | None = None  # of the last dispatch
    finished_at: str | None = None
    wait: dict[str, JSON] | None = None  # {kind: approval | delay | retry | slot | child, due_at?, ...}
    approval: dict[str, JSON] | None = None  # as asked, with votes, decision, by, comment and data
    left: int = 0  # incoming edges that are not resolved
    live: int = 0  # incoming edges that are live

    def clone(self) -> StepState:
        """A copy to write to. Field by field: four times as fast as copy.copy with slots."""
        return StepState(*_fields(self))


_fields = attrgetter(*StepState.__slots__)


def tokens_of(usage: Mapping[str, int]) -> int:
    """All tokens of a usage report."""
    return usage.get("input_tokens", 0) + usage.get("output_tokens", 0)


@dataclass(slots=True)
class RunState:
    """A run after entry ``seq``. ``seq`` 0: it was created, and has not started.

    ``rollback`` is {to, by, reason, automatic, count, steps} while ROLLING_BACK, else None; ``reasons`` are
    what templates of re-executed steps see: step -> {reason, count}.
    """

    steps: Mapping[str, StepState]
    status: RunStatus = RunStatus.PENDING
    seq: int = 0
    input: JSON = None
    user: dict[str, JSON] = field(default_factory=dict)  # {id, username}
    version: int = 0
    started_at: str | None = None
    finished_at: str | None = None
    output: JSON = None
    error: dict[str, JSON] | None = None  # {step, code, message}
    completed_order: Keys = field(default_factory=dict)  # steps that started and ended, as they ended
    running: Keys = field(default_factory=dict)
    waiting: Keys = field(default_factory=dict)
    ready: Keys = field(default_factory=OrderedDict)  # may start; OrderedDict: cheap to take from the front
    stranded: Keys = field(default_factory=dict)  # can no longer start, not yet SKIPPED
    broken: Keys = field(default_factory=dict)  # unhandled FAILED and CANCELLED: their edges stay open
    awaiting: dict[str, JSON] | None = None  # {since, limits}: what is ready waits for a free slot
    failing: bool = False  # an unhandled failure stands: nothing starts until a person acts (semantic 5)
    rollback: dict[str, JSON] | None = None
    undoing: frozenset[str] = frozenset()  # the steps of `rollback`
    rollback_counts: MutableMapping[str, int] = field(default_factory=dict)  # failing step -> rollbacks
    reasons: MutableMapping[str, dict[str, JSON]] = field(default_factory=dict)
    approvals: MutableMapping[str, dict[str, Any]] = field(
        default_factory=dict
    )  # by id: {step, status, by, at}
    results: MutableMapping[str, dict[str, Any]] = field(default_factory=dict)  # by step: may serve again
    unanswered: MutableMapping[Dispatch, None] = field(default_factory=dict)  # given up; may still report
    maps: MutableMapping[str, MapState] = field(default_factory=dict)  # by step
    mapping: Keys = field(default_factory=dict)  # maps with something to start
    effects: MutableMapping[str, dict[str, Any]] = field(default_factory=dict)  # see engine.ledger
    undo: MutableMapping[tuple[str, int], dict[str, Any]] = field(default_factory=dict)  # see engine.undo
    undone: MutableMapping[tuple[Any, ...], str] = field(default_factory=dict)
    parent: dict[str, JSON] | None = None  # of a child run: {id, number, step, epoch, [item]}
    children: MutableMapping[tuple[str, int, int | None], Child] = field(default_factory=dict)
    tokens: int = 0  # of everything that ran, also of what was rolled back
    cost: float = 0.0

    def own(self, key: str) -> StepState:
        """The step's state, to write to."""
        return self.steps[key]

    def own_map(self, key: str) -> MapState:
        """The step's items, to write to."""
        return self.maps[key]
