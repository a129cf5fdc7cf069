"""An executor without threads: the caller runs what waits, when it wants to. For tests and tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runs.executors.base import Assignment, Token, Work
from runs.executors.fair import FairQueue, Owner


class MemoryExecutor:
    """Keeps assignments until ``step`` or ``drain`` runs them in the calling thread."""

    overlaps = False

    def __init__(self, work: Work, owner: Owner = lambda _: "") -> None:
        self.idle: Callable[[], None] = lambda: None
        self._work = work
        self._queue = FairQueue(owner)
        self._tokens: dict[Assignment, Token] = {}
        self._stopped = False

    def more(self) -> bool:
        """Never: each end is durable before the next assignment begins."""
        return False

    def submit(self, assignments: Sequence[Assignment]) -> None:
        """Queue assignments; one that is already here is not queued twice."""
        for assignment in assignments:
            if not self._stopped and assignment not in self._tokens:
                self._tokens[assignment] = Token()
                self._queue.put(assignment)

    def finish(self, assignment: Assignment, freed: Sequence[Assignment]) -> None:
        """Queue what its end has started."""
        self.submit(freed)

    def holds(self, assignment: Assignment) -> bool:
        """Whether it waits or runs here."""
        return assignment in self._tokens

    def held(self) -> list[Assignment]:
        """All that waits or runs here."""
        return list(self._tokens)

    def cancel(self, assignment: Assignment) -> None:
        """Tell it to stop; raises what its callbacks raised."""
        token = self._tokens.get(assignment)
        raised = token.cancel() if token else []
        if raised:
            raise ExceptionGroup("stopping failed", raised)

    def stop(self, timeout_s: float) -> list[Assignment]:
        """Begin nothing more; returns what still waits."""
        self._stopped = True
        for assignment in self.held():
            self.cancel(assignment)
        return self.held()

    def step(self) -> bool:
        """Run the assignment whose turn it is; False if there is none."""
        if self._stopped or self._queue.empty():
            return False
        assignment = self._queue.get()
        if assignment is None:
            return False
        try:
            freed = self._work(assignment, self._tokens[assignment])
        finally:
            del self._tokens[assignment]
        self.submit(freed or ())
        return True

    def drain(self, limit: int = 10_000) -> int:
        """Run until nothing waits; returns how many. Raises RuntimeError after ``limit``."""
        for count in range(limit):
            if not self.step():
                return count
        raise RuntimeError(f"Still busy after {limit} steps.")
