"""Steps in threads of the server process.

A thread that finishes a step runs one of the steps that this has freed itself, so a chain needs no
hand-over; while others wait it queues behind them, so long chains do not starve them. People and their runs
are served in turn, so that many steps of one do not starve another's few. A thread cannot
be killed: one whose step runs into its timeout is replaced, counted, and ends when the step returns.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from runs.executors.base import Assignment, Overdue, Token, Work
from runs.executors.fair import FairQueue, Owner

log = logging.getLogger(__name__)
WATCH_S = 0.2  # how late a timeout may be noticed


class ThreadExecutor:
    """``threads`` daemon threads and one that watches deadlines."""

    overlaps = True

    def __init__(self, work: Work, overdue: Overdue, threads: int, owner: Owner = lambda _: "") -> None:
        self.idle: Callable[[], None] = lambda: None
        self.stuck = 0  # threads given up and still not back
        self.replaced = 0  # threads given up since the start
        self._work, self._overdue, self._size = work, overdue, threads
        self._queue = FairQueue(owner)
        self._tokens: dict[Assignment, Token] = {}
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start the threads."""
        for _ in range(self._size):
            self._add_thread()
        threading.Thread(target=self._watch, name="deadlines", daemon=True).start()

    def more(self) -> bool:
        """Whether something waits that a thread would begin at once."""
        return not self._queue.empty()

    def submit(self, assignments: Sequence[Assignment]) -> None:
        """Queue assignments; one that is already here is not queued twice."""
        if assignments:
            self._queue.put(*self._take(assignments))

    def finish(self, assignment: Assignment, freed: Sequence[Assignment]) -> None:
        """Forget an assignment whose end another thread has committed; queue what that has started."""
        with self._lock:
            self._tokens.pop(assignment, None)
        self.submit(freed)

    def holds(self, assignment: Assignment) -> bool:
        """Whether it waits or runs here."""
        return assignment in self._tokens

    def held(self) -> list[Assignment]:
        """All that waits or runs here."""
        with self._lock:
            return list(self._tokens)

    def cancel(self, assignment: Assignment) -> None:
        """Tell it to stop."""
        token = self._tokens.get(assignment)
        for error in token.cancel() if token else ():
            log.error("Stopping %s failed", assignment, exc_info=error)

    def stop(self, timeout_s: float) -> list[Assignment]:
        """Let running steps notice; returns what has not ended within ``timeout_s``."""
        self._stopping.set()
        for assignment in self.held():
            self.cancel(assignment)
        for _ in range(len(self._threads)):
            self._queue.stop()
        give_up = time.monotonic() + timeout_s
        for thread in list(self._threads):
            thread.join(max(0.0, give_up - time.monotonic()))
        return self.held()

    def _take(self, assignments: Sequence[Assignment]) -> list[Assignment]:
        """Those that are not here yet."""
        taken: list[Assignment] = []
        with self._lock:
            if self._stopping.is_set():
                return taken
            for assignment in assignments:
                if assignment not in self._tokens:
                    self._tokens[assignment] = Token()
                    taken.append(assignment)
        return taken

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._serve, name=f"step-{len(self._threads) + 1}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _serve(self) -> None:
        try:
            self._work_off()
        finally:
            self.idle()

    def _work_off(self) -> None:
        mine: Assignment | None = None
        while True:
            assignment = mine if mine is not None else self._queue.get(self.idle)
            if assignment is None or self._stopping.is_set():
                return  # what is still queued stays held, and whoever stops us reports it
            token = self._tokens[assignment]
            freed = self._guarded(assignment, token)
            kept = self._take(freed) if freed else []
            if self._release(None if freed is None else assignment, token):
                self._queue.put(*kept)
                return
            mine = self._next(kept)

    def _guarded(self, assignment: Assignment, token: Token) -> Sequence[Assignment] | None:
        try:
            return self._work(assignment, token)
        except Exception:
            # The sweep finds the step RUNNING here and not held, and starts it again.
            log.exception("Executing %s failed outside the step", assignment)
            return ()

    def _next(self, kept: list[Assignment]) -> Assignment | None:
        """Queue what was freed, and keep one if nobody else waits."""
        own = kept.pop(0) if kept and self._queue.empty() else None
        if kept:
            self._queue.put(*kept)
        return own

    def _release(self, ended: Assignment | None, token: Token) -> bool:
        """Forget what has ended; returns whether this thread has been replaced meanwhile."""
        with self._lock:
            if ended is not None:
                self._tokens.pop(ended, None)
            if token.replaced:
                self.stuck -= 1
                self._threads.discard(threading.current_thread())
            return token.replaced

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_S):
            now = time.monotonic()
            for assignment, token in self._overdue_now(now):
                log.warning("%s ran into its timeout; its thread is replaced", assignment)
                self._add_thread()
                self._expire(assignment, token)

    def _overdue_now(self, now: float) -> list[tuple[Assignment, Token]]:
        with self._lock:
            late = [
                (assignment, token)
                for assignment, token in self._tokens.items()
                if token.deadline is not None and token.deadline <= now and not token.replaced
            ]
            for _, token in late:
                token.replaced = True
            self.stuck += len(late)
            self.replaced += len(late)
            return late

    def _expire(self, assignment: Assignment, token: Token) -> None:
        try:
            self._overdue(assignment)
        except Exception:
            log.exception("Recording the timeout of %s failed", assignment)
        for error in token.cancel():
            log.error("Stopping %s failed", assignment, exc_info=error)
