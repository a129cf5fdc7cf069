"""When parent and child runs are looked at: after each entry that matters, and in a sweep.

What is said from one to the other follows from both journals, so anybody may say it, and again.
``parent_told`` is False while a child run may have something to say to its parent, or the parent to it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from queue import SimpleQueue
from uuid import UUID

from django.db import close_old_connections

from runs.children_told import Act, attend
from runs.journal import Committed
from runs.models import OrchestrationInstance

log = logging.getLogger(__name__)
BEGUN = ("child_started", "compensation_waiting")  # in the parent; they name the child
GIVEN_UP = ("step_cancelled", "step_failed", "compensation_skipped", "rollback_given_up")  # in the parent
SAID = frozenset(  # in the child
    ("run_completed", "run_failed", "run_cancelled", "run_rolled_back", "rollback_finished",
     "compensation_failed")
)  # fmt: skip
Errand = tuple[UUID, str | None]  # a child, or a parent and ``all`` or its step: those that it has given up
ALL = ""


class Errands:
    """Has runs hear what an entry of another run means for them.

    In a thread of its own where others commit too: who is told of a commit may be about to lead the next one,
    and must not wait for one. Else (``apart`` is False) in the caller's.
    """

    def __init__(self, act: Act) -> None:
        self.act = act
        self._queue: SimpleQueue[Errand | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def notice(self, committed: Committed, *, apart: bool) -> None:
        """Look at the entry; costs next to nothing for a run without parent and children."""
        state = committed.state
        if not state.children and state.parent is None:
            return
        for errand in _errands(committed):
            if apart:
                self._queue.put(errand)
                self._begin()
            else:
                self._run(errand)

    def stop(self) -> None:
        """Finish what is there, and end the thread; what could not be said is found by a sweep."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(5)

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="child-runs", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        while (errand := self._queue.get()) is not None:
            try:
                self._run(errand)
            except Exception:  # both journals are as they were: the sweep tries again
                log.exception("Telling child runs and parents of each other failed")
            finally:
                close_old_connections()

    def _run(self, errand: Errand) -> None:
        pk, step = errand
        if step is None:
            attend(self.act, pk)
            return
        rows = OrchestrationInstance.objects.filter(parent_id=pk, parent_told=False)
        if step:
            rows = rows.filter(parent_step=step)
        for child in list(rows.values_list("pk", flat=True)):
            attend(self.act, child)


def _errands(committed: Committed) -> Iterable[Errand]:
    state, pk = committed.state, committed.run.pk
    for event in committed.events:
        kind = event["kind"]
        if kind in BEGUN:
            yield UUID(event["data"]["child"]["id"]), None
        elif kind in GIVEN_UP and state.children:
            yield pk, (event["step"] if kind.startswith("step_") else ALL)
        if kind in SAID and state.parent is not None:
            yield pk, None


class Untold:
    """Looks for children and parents that have not heard of each other: a process died in between."""

    def __init__(self, act: Act) -> None:
        self._act = act
        self._seen: dict[UUID, tuple[int, int]] = {}  # child -> the entries of both when that was looked into

    def look(self, only: set[UUID] | None = None) -> int:
        """Look once, at the children of ``only`` if given; returns into how many it looked."""
        rows = OrchestrationInstance.objects.filter(parent_told=False, parent__isnull=False)
        if only is not None:
            rows = rows.filter(parent_id__in=only)
        found = {pk: (seq, above) for pk, seq, above in rows.values_list("pk", "seq", "parent__seq")}
        moved = [pk for pk, at in found.items() if self._seen.get(pk) != at]
        self._seen = {pk: at for pk, at in found.items() if pk in self._seen}
        for pk in moved:
            try:
                attend(self._act, pk)
            except Exception:  # it must not keep the others waiting; the next look tries again
                log.exception("Telling child run %s and its parent of each other failed", pk)
                continue
            self._seen[pk] = found[pk]
        return len(moved)
