"""What a store of journal entries is asked to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

Event = dict[str, Any]
Row = dict[str, Any]  # column -> value; JSON columns hold their text
TIMER_KEY = ("step", "epoch", "attempt", "kind")  # what tells the timers of a run apart
Tail = Callable[[UUID, int], Sequence[tuple[int, str, list[Event]]]]  # (run, after) -> [(seq, at, events)]


@dataclass(slots=True)
class Changes:
    """What one entry changes in the projections of its run. Columns as in runs.models."""

    run: Row = field(default_factory=dict)
    new_steps: list[Row] = field(default_factory=list)  # at the start: every step of the graph
    steps: dict[str, Row] = field(default_factory=dict)  # key -> columns as they stand after the entry
    new_approvals: list[Row] = field(default_factory=list)  # whole rows, `_id` included
    approvals: dict[UUID, Row] = field(default_factory=dict)  # id -> changed columns
    recipients: list[tuple[UUID, str]] = field(default_factory=list)  # (approval, who)
    timers_gone: list[Row] = field(default_factory=list)  # what is waited for no more, as in new_timers
    new_timers: list[Row] = field(default_factory=list)
    payload: Row | None = None  # the run's output where it is large: sha256, size, content
    after_others: bool = False  # another process may have appended the entry before, and not its rows yet


@dataclass(slots=True)
class Entry:
    """One transition of one run, ready to be appended."""

    run_id: UUID
    seq: int
    at: datetime
    events: str  # JSON list
    changes: Changes


class Store(Protocol):
    """Appends entries with their projections.

    ``commit`` asks ``plan`` for the entries, at most one a run, and returns when they are durable. What
    it returns are the runs whose entry was refused, because another process appended that ``seq`` first:
    nothing of theirs is stored, and the caller reads their tail and decides again. Where the tail is
    read inside the write transaction, nobody is ever refused. A plan may be asked only once a commit.
    Whatever ``plan`` or the database raises is passed on, and then nothing is stored.
    ``torn`` are runs whose rows miss those of an earlier entry; the caller takes them out and rebuilds.
    """

    torn: set[UUID]

    def commit(self, plan: Callable[[Tail], list[Entry]]) -> set[UUID]:
        """Append what ``plan`` decides; returns the runs that were refused."""
        ...

    def close(self) -> None:
        """Give back what the store holds; the next commit opens it again."""
        ...
