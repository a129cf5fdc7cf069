"""What is known of a map's items. Items are replaced, never changed in place, so that copies may share."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from runs.engine.states import StepStatus


@dataclass(slots=True)
class ItemState:
    """An item that has begun; it is PENDING while it waits for its next attempt."""

    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    failures: int = 0  # of `retry.max_attempts`
    interruptions: int = 0  # in a row
    worker: str = ""
    error: dict[str, Any] | None = None
    started_at: str | None = None
    finished_at: str | None = None

    def waiting(self) -> ItemState:
        """The item while a child run does what is to be done for it."""
        return replace(self, status=StepStatus.WAITING, interruptions=0)


@dataclass(slots=True)
class MapState:
    """The items of one dispatch of a map. The value of each is in ``given``, or in a payload."""

    attempt: int
    count: int
    digest: str  # of the items: another dispatch over the same ones keeps what has completed
    concurrency: int
    skip: bool  # an item that fails for good leaves a null; else it fails the map
    given: list[Any] | None = None
    payload: dict[str, Any] | None = None  # {sha256, size}, in place of many items
    next: int = 0  # the first item that has not begun
    items: MutableMapping[int, ItemState] = field(default_factory=dict)
    queue: MutableMapping[int, None] = field(default_factory=dict)  # begun, and to start again now
    running: MutableMapping[int, None] = field(default_factory=dict)
    pausing: MutableMapping[int, str] = field(default_factory=dict)  # item -> when its next attempt is due
    children: MutableMapping[int, str] = field(default_factory=dict)  # item -> the run that it waits for
    outputs: MutableMapping[int, dict[str, Any]] = field(default_factory=dict)  # {output} or {payload}
    due_at: str | None = None  # the earliest of `pausing`
    timers: int = 0  # how often that has changed in this epoch; tells the timers of a map apart
    completed: int = 0
    failed: int = 0
    size: int = 0  # bytes of all outputs as JSON
    usage: dict[str, int] = field(default_factory=dict)
    cost: float = 0.0
    finishing: bool = False  # all have ended; a worker puts the results together

    @property
    def ended(self) -> bool:
        """Whether every item has."""
        return self.completed + self.failed == self.count

    @property
    def startable(self) -> bool:
        """Whether there is something for a worker to start: an item, or putting the results together."""
        if self.finishing:
            return False
        if self.ended:
            return True
        return bool(self.queue or self.next < self.count) and self.under_way < self.concurrency

    def is_active(self, index: int) -> bool:
        """Whether an item that has begun has not ended."""
        return any(index in some for some in (self.running, self.children, self.queue, self.pausing))

    @property
    def under_way(self) -> int:
        """How many items run, here or as child runs."""
        return len(self.running) + len(self.children)

    def pick(self, most: int) -> list[dict[str, int]]:
        """At most ``most`` items to start now, as ``{index, attempt}``: first those that had begun."""
        found: list[dict[str, int]] = []
        for index in self.queue:
            if len(found) >= most:
                return found
            found.append({"index": index, "attempt": self.items[index].attempt + 1})
        index = self.next
        while len(found) < most and index < self.count:
            if index not in self.items:
                found.append({"index": index, "attempt": 1})
            index += 1
        return found
