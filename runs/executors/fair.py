"""A queue that takes turns: by who waits, then by their runs, and within a run in the order of arrival.

So one person's thousand steps do not keep another's single step waiting. Where one run alone waits, it is a
plain queue.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from uuid import UUID

from runs.executors.base import Assignment

Owner = Callable[[Assignment], str]  # whose turn an assignment takes
Waiting = OrderedDict[UUID, deque[Assignment]]


class FairQueue:
    """Thread-safe. ``get`` blocks, and gives None once for each ``stop``."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._bell: SimpleQueue[bool] = SimpleQueue()  # one ring an assignment; False: stop
        self._turns: OrderedDict[str, Waiting] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, *assignments: Assignment) -> None:
        """Queue each behind what the same run has waiting."""
        owners: dict[UUID, str] = {}
        for assignment in assignments:
            if assignment.run_id not in owners:
                owners[assignment.run_id] = self._owner(assignment)
        with self._lock:
            for assignment in assignments:
                run_id = assignment.run_id
                waiting = self._turns.setdefault(owners[run_id], OrderedDict())
                waiting.setdefault(run_id, deque()).append(assignment)
        for _ in assignments:
            self._bell.put(True)

    def stop(self) -> None:
        """Wake one who waits in ``get``; it gets None."""
        self._bell.put(False)

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._bell.empty()

    def get(self, idle: Callable[[], None] = lambda: None) -> Assignment | None:
        """The next in turn; who was served goes to the end of the line. ``idle`` is called before waiting."""
        try:
            ring = self._bell.get_nowait()
        except Empty:
            idle()
            ring = self._bell.get()
        if not ring:
            return None
        with self._lock:
            owner, waiting = self._turns.popitem(last=False)
            run_id, line = waiting.popitem(last=False)
            assignment = line.popleft()
            if line:
                waiting[run_id] = line
            if waiting:
                self._turns[owner] = waiting
            return assignment
