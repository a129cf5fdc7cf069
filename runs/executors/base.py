"""What an executor is asked to do: run the steps that a journal entry has started."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID


class Assignment(NamedTuple):
    """One dispatch of a step, or of a part of it (``runs.parts``); the attempt tells late results apart."""

    run_id: UUID
    step: str
    epoch: int
    attempt: int
    part: str = ""


class Token:
    """How an assignment is told to stop, and until when it may take. Safe to use from any thread."""

    __slots__ = ("_lock", "_stops", "cancelled", "deadline", "replaced")

    def __init__(self) -> None:
        self.cancelled = False
        self.deadline: float | None = None  # by time.monotonic; set when the step's code begins
        self.replaced = False  # the thread was given up
        self._stops: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def on_cancel(self, stop: Callable[[], None]) -> None:
        """Have ``stop`` called at once on cancel; now, if that has already happened."""
        with self._lock:
            if not self.cancelled:
                self._stops.append(stop)
                return
        stop()

    def cancel(self) -> list[Exception]:
        """Tell the step to stop; returns what its callbacks raised, for the caller to log."""
        with self._lock:
            if self.cancelled:
                return []
            self.cancelled = True
            stops, self._stops = self._stops, []
        raised: list[Exception] = []
        for stop in stops:
            try:
                stop()
            except Exception as error:
                raised.append(error)
        return raised

    def remaining_s(self) -> float:
        """Seconds until the deadline, never below 0."""
        return 0.0 if self.deadline is None else max(0.0, self.deadline - time.monotonic())


# Runs a step; returns what its end has started, or None: then ``finish`` is called once that is known.
Work = Callable[[Assignment, Token], Sequence[Assignment] | None]
Overdue = Callable[[Assignment], None]  # records that an assignment ran into its deadline


class Executor(Protocol):
    """Runs assignments, each once, in the order given. ``tests`` hold one suite for every executor."""

    overlaps: bool  # whether work may return None: the thread goes on before the end is durable
    idle: Callable[[], None]  # called by a thread of its own before it waits for work, or ends

    def more(self) -> bool:
        """Whether something waits that a thread would begin at once."""
        ...

    def finish(self, assignment: Assignment, freed: Sequence[Assignment]) -> None:
        """The end of ``assignment``, whose work has returned None, is durable and has started ``freed``."""
        ...

    def submit(self, assignments: Sequence[Assignment]) -> None:
        """Take over assignments; returns at once. After ``stop`` they are dropped."""
        ...

    def holds(self, assignment: Assignment) -> bool:
        """Whether it waits or runs here."""
        ...

    def held(self) -> list[Assignment]:
        """All that waits or runs here."""
        ...

    def cancel(self, assignment: Assignment) -> None:
        """Tell a waiting or running assignment to stop; its result no longer counts."""
        ...

    def stop(self, timeout_s: float) -> list[Assignment]:
        """Begin nothing more, tell all to stop, wait up to ``timeout_s``; returns what has not ended."""
        ...
