"""Starts what limits bound, as slots come free: for all processes, in the order of the line.

Every process that executes steps has a gatekeeper. It says what this process has under way, derived from
what its executor holds and the journal still counts, so no slot leaks: one that died with its process is
free once that worker is known to be gone. It puts runs in line, and whoever finds a slot free lets in who is
next, whichever process had put that one there. The slot is taken before the start is journaled.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import close_old_connections

from orchestrator.errors import NotFound, ProductError
from runs import gates, gating, journal
from runs.cache import Run, runs
from runs.dispatch import Runtime
from runs.engine.awaiting import wanted
from runs.engine.commands import Admit, Await, Kick
from runs.engine.decide import WINDOW
from runs.models import Worker
from runs.parts import part_of
from runs.turnstile import Group, Hall

log = logging.getLogger(__name__)
TICK_S = 0.5  # how late slots that came free elsewhere, and changed limits, are noticed
GRACE_S = 0.3  # a shorter wait is not worth an entry in the journal
SLOTTED = ("", "item")  # parts of assignments that take a slot


@dataclass(slots=True)
class Round:
    """What one look at the hall came to."""

    let_in: dict[Group, int] = field(default_factory=dict)
    tell: dict[Group, list[dict[str, Any]]] = field(default_factory=dict)
    waiting: bool = False  # somebody is in line


class Gatekeeper:
    """A thread that looks when a bounded run has moved, and now and then. ``only`` limits it to one run."""

    def __init__(self, runtime: Runtime, only: UUID | None = None) -> None:
        self.runtime, self.only = runtime, only
        self._moved: set[UUID] = set()
        self._full: set[UUID] = set()  # runs that had less to start than was let in
        self._busy = False  # at the last look there were limits, or somebody was in line
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="gatekeeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; nobody is let in any more."""
        self._stopping = True
        self._wake.set()
        self._thread.join(5)

    def look(self, run: Run) -> None:
        """A run has moved: what it has under way and what it could start may be other than before."""
        with self._lock:
            self._moved.add(run.pk)
        self._wake.set()

    def round(self) -> Round:
        """Say what is under way here and what could start, and start who is next."""
        known = gating.table
        if known is None and not self._busy:
            return Round()
        with self._lock:
            moved, self._moved = self._moved, set()
        try:
            found = self._at_the_gate(moved)
        except BaseException:
            with self._lock:
                self._moved |= moved
            raise
        for group, count in found.let_in.items():
            self._start(group, count)
        for group, limits in found.tell.items():
            self._act(group, Await(tuple(limits)))
        return found

    def _at_the_gate(self, moved: set[UUID]) -> Round:
        known, mine = gating.table, self.runtime.worker
        under_way = self._under_way() if known is not None else {}
        wants = {run_id: self._wants(run_id) for run_id in moved}
        living = {mine, *Worker.objects.filter(stopped_at=None).values_list("name", flat=True)}
        bounds = known.bound if known is not None else lambda _: None

        def act(hall: Hall) -> Round:
            now = time.time()
            hall.keep(living)
            hall.hold(mine, under_way)
            for run_id, groups in wants.items():
                hall.want(str(run_id), groups, now)
            let_in = hall.admit(bounds, now, mine, self._may)
            late = hall.untold(bounds, now, GRACE_S)
            tell = {group: limits for group, limits in late.items() if self._may(group)}
            for group in tell:
                hall.line[group].told = True
            return Round(let_in, tell, bool(hall.line))

        found = gates.change(act)
        self._busy = known is not None or found.waiting
        return found

    def _may(self, group: Group) -> bool:
        return self.only is None or group.run == str(self.only)

    def _under_way(self) -> Counter[Group]:
        """What this process has started and the journal still waits for."""
        found: Counter[Group] = Counter()
        for assignment in self.runtime.executor.held():
            if assignment.part.partition(":")[0] not in SLOTTED:
                continue
            run = _known(assignment.run_id)
            if run is not None and part_of(assignment).counts(run, assignment):
                models = gating.gates(run).get(assignment.step, ())
                found[gating.group_of(run, models)] += 1
        return found

    def _wants(self, run_id: UUID) -> dict[Group, int]:
        """How much of a run could start now, at most what its window has room for."""
        run = _known(run_id)
        if run is None or run_id in self._full:
            self._full.discard(run_id)
            return {}
        known = gating.gates(run)
        with run.lock:
            could = wanted(run.state, known)
        found: Counter[Group] = Counter()
        for key, count in could.items():
            found[gating.group_of(run, known[key])] += count
        return {group: min(count, WINDOW) for group, count in found.items()}

    def _start(self, group: Group, count: int) -> None:
        """Start what was let in. What did not start after all is given back by the next look."""
        run_id = UUID(group.run)
        run = _known(run_id)
        gated = {} if run is None else gating.gates(run)
        keys = frozenset(key for key, models in gated.items() if models == group.models)
        if run is None or not self._act(group, Admit(keys, count) if keys else Kick()):
            self._full.add(run_id)
            self._again(run_id)

    def _act(self, group: Group, command: Admit | Await | Kick) -> bool:
        """Whether the run had anything to say to it."""
        try:
            return bool(self.runtime.act(UUID(group.run), command).events)
        except ProductError as error:
            log.info("Run %s went on without a slot: %s", group.run, error.message)
        except Exception:  # the database may be away; the next look gives the slot back
            log.exception("Starting what was let in of run %s failed; trying again", group.run)
        return False

    def _again(self, run_id: UUID) -> None:
        with self._lock:
            self._moved.add(run_id)
        self._wake.set()

    def _serve(self) -> None:
        read_at = 0.0
        while not self._stopping:
            self._wake.clear()
            try:
                if time.monotonic() - read_at > TICK_S:
                    read_at = time.monotonic()
                    gating.refresh()
                self.round()
            except Exception:
                log.exception("Looking for free slots failed; trying again")
            finally:
                close_old_connections()
            self._wake.wait(TICK_S)


def _known(run_id: UUID) -> Run | None:
    """The run, folded at least once here; None where it is gone."""
    try:
        run = runs.get(run_id)
        if not run.state.seq:
            journal.refresh(run)
    except NotFound:
        return None
    return run
