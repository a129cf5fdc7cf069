"""One command on its way through a commit, and what it came to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from runs.cache import Run
from runs.engine.commands import Command
from runs.engine.state import RunState
from runs.journal import news
from runs.stores.base import Event

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Committed:
    """What a command came to. ``events`` are its own; [] means that there was nothing to say.

    ``run.state`` is live: other threads fold into it. Read single things of steps that cannot change
    now, or take ``load``.
    """

    run: Run
    seq: int
    events: list[Event]
    asked: set[str] = field(default_factory=set)  # whose inbox has changed
    timers: bool = False  # a timer was set

    @property
    def state(self) -> RunState:
        """The run's live state."""
        return self.run.state


Then = Callable[[Committed | None, Exception | None], None]


class Ticket:
    """A command. Nobody waits for one that has a ``then``."""

    __slots__ = ("command", "committed", "done", "error", "run", "then", "wake", "worker")

    def __init__(self, run: Run, command: Command, worker: str, then: Then | None = None) -> None:
        self.run, self.command, self.worker, self.then = run, command, worker, then
        self.committed: Committed | None = None
        self.error: Exception | None = None
        self.done = False
        self.wake = threading.Lock()
        if then is None:
            self.wake.acquire()

    def fail(self, error: Exception) -> None:
        """Nothing of it was stored."""
        self.committed, self.error = None, error

    def answer(self) -> Committed:
        """What it came to; raises what it failed with."""
        if self.error is not None:
            raise self.error
        if self.committed is None:
            raise RuntimeError("A commit ended without an answer.")
        return self.committed

    def tell(self) -> None:
        """Tell who posted it."""
        if self.then is None:
            return
        if self.error is None and self.committed is not None:
            news.tell(self.committed)
        try:
            self.then(self.committed, self.error)
        except Exception:  # the leader goes on; the sweep finds what was started and is not held
            log.exception("Handing on a commit of run %s failed", self.run.pk)
