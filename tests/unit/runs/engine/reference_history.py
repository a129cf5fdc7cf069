"""A run as the numbered semantics tell it, act by act: naive, scanning, sharing no code with the engine.

Every step that may start does, at once. An act that the text refuses raises ``Refused`` and changes nothing.
"""

from __future__ import annotations

from builder.graph import Graph
from tests.unit.runs.engine.reference_items import ItemsReference

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "ROLLED_BACK")


class Refused(Exception):
    """The run's state does not allow this act."""


class Reference(ItemsReference):
    """Statuses, epochs and the run's end; told what each step does and what people do.

    ``before`` are the steps that a fork takes over: how they have ended, and on which ports.
    """

    def __init__(self, graph: Graph, before: dict[str, tuple[str, tuple[str, ...]]] | None = None) -> None:
        super().__init__()
        self.graph = graph
        self.status = dict.fromkeys(graph.steps, "PENDING")
        self.epoch = dict.fromkeys(graph.steps, 1)
        self.taken: dict[str, tuple[str, ...]] = dict.fromkeys(graph.steps, ())
        self.unhandled: set[str] = set()
        self.failures = dict.fromkeys(graph.steps, 0)
        self.back: dict[str, int] = {}  # failing step -> automatic rollbacks since a person acted
        self.undoing: set[str] | None = None
        self.ended: list[str] = []  # as they ended, last one last
        self.started: set[tuple[str, int]] = set()
        self.answered: set[tuple[str, int]] = set()  # a call of theirs was answered
        self.undone: set[tuple[str, int]] = set()
        self.first: set[str] = set()  # to be undone before the others, in any order: they had not ended
        self.queue: list[str] = []  # to be undone then, in this order
        self.tried, self.stuck = 0, False
        self.whole = self.failing = False
        self.results: dict[str, tuple[str, ...]] = {}  # that may serve again: the ports
        self.to: str | None = None
        self.run = "RUNNING"
        for key, (status, ports) in (before or {}).items():
            self.status[key], self.taken[key] = status, ports
        self.settle()

    # ------------------------------------------------------------------ what steps do

    def ends(self, key: str, ports: tuple[str, ...], *, serves_again: bool = False) -> None:
        """Semantics 3 and 4; ``rejected`` and ``expired`` without an edge are failures too."""
        if self._stopped(key, happened="failure" not in ports and not serves_again):
            return
        self._note_end(key)
        if serves_again and "failure" not in ports:
            self.results[key] = ports
        port = ports[0]
        wired = any((edge.source, edge.port) == (key, port) for edge in self.graph.edges)
        if port not in ("failure", "rejected", "expired"):
            self.status[key], self.taken[key] = "COMPLETED", ports
        elif wired:
            self.status[key] = "FAILED" if port == "failure" else "COMPLETED"
            self.taken[key] = (port,)
        else:
            self._unhandled(key)
        self.settle()

    def raises(self, key: str, retryable: bool) -> None:
        """Semantic 4: retries come first."""
        if self._stopped(key):
            return
        if (
            retryable
            and self.failures[key] + 1 < self.graph.steps[key].retry.max_attempts
            and not self.failing
        ):
            self.failures[key] += 1
            self.status[key] = "WAITING"
            self.settle()
        else:
            self.ends(key, ("failure",))

    def waits(self, key: str) -> None:
        """The step waits for a person or a time; in a run that fails it stops instead (semantic 5)."""
        if self._stopped(key):
            return
        self.status[key] = "WAITING"
        self.settle()

    def again(self, key: str) -> None:
        """Its pause is over."""
        self.status[key] = "PENDING"
        self.settle()
        if self.run == "RUNNING" and not self.failing:
            self.status[key] = "RUNNING"

    def calls(self, key: str) -> None:
        """It has made a call, which was answered."""
        self.answered.add((key, self.epoch[key]))

    def _note_end(self, key: str) -> None:
        self.items.pop(key, None)
        self.ended = [*(other for other in self.ended if other != key), key]

    def _stopped(self, key: str, *, happened: bool = False) -> bool:
        """Semantic 6: what a step that is undone says only stops it; an effect that it had is undone next."""
        if self.undoing is None or key not in self.undoing:
            return False
        self._cancel(key)
        if happened and self._acts(key):
            self.calls(key)
            self.first.add(key)
        self.settle()
        return True

    def _unhandled(self, key: str) -> None:
        policy = self.graph.steps[key].on_failure
        self.status[key] = "FAILED"
        if policy.action == "continue" and "success" in self.graph.steps[key].ports:
            self.taken[key] = ("success",)
            return
        self.unhandled.add(key)
        to = policy.to
        if self.run != "RUNNING" or self.failing:
            return
        started = to is not None and self.status.get(to) in (
            "COMPLETED",
            "FAILED",
            "CANCELLED",
            "RUNNING",
            "WAITING",
        )
        upstream = to is not None and to in self.graph.steps and key in self._below(to)
        if policy.action == "rollback" and upstream and started and self.back.get(key, 0) < policy.max_times:
            self.back[key] = self.back.get(key, 0) + 1
            self._undo(to)
        else:
            self.failing = True

    # ------------------------------------------------------------------ what people do

    def cancel(self) -> None:
        """A person ends the run."""
        if self.run != "RUNNING":
            raise Refused
        for key in self._in("RUNNING", "WAITING"):
            self._cancel(key)
        self.run = "CANCELLED"

    def retry(self) -> None:
        """Semantic 5: FAILED and CANCELLED steps go back to PENDING in the same epoch."""
        if self.run not in ("FAILED", "CANCELLED") or self._half_undone():
            raise Refused
        self.run, self.failing = "RUNNING", False
        self.back.clear()
        self._try_again()
        self.settle()

    def roll_back(self, to: str | None) -> None:
        """Semantic 6."""
        checkpoint = to is None or self.status[to] in ("COMPLETED", "FAILED", "CANCELLED")
        if self.run in ("ROLLING_BACK", "ROLLED_BACK") or not checkpoint:
            raise Refused
        if to is not None and self._half_undone() - self._below(to):
            raise Refused
        self.back.clear()
        self._undo(to)
        self.settle()

    def cancel_step(self, key: str) -> None:
        """A person gives a step up: it fails, without retries and rollbacks."""
        if self.run != "RUNNING" or self.status[key] not in ("RUNNING", "WAITING"):
            raise Refused
        self._note_end(key)
        self.status[key] = "CANCELLED"
        spec = self.graph.steps[key]
        if any((edge.source, edge.port) == (key, "failure") for edge in self.graph.edges):
            self.taken[key] = ("failure",)
        elif spec.on_failure.action == "continue" and "success" in spec.ports:
            self.taken[key] = ("success",)
        else:
            self.unhandled.add(key)
            self.failing = True
        self.settle()

    def undoes(self, key: str) -> None:
        """Semantic 6: what undoes it has worked, or a person has skipped that."""
        assert key in self.first if self.first else self.queue[0] == key
        self.undone.add((key, self.epoch[key]))
        self.tried, self.stuck = 0, False
        if self.did.get((key, self.epoch[key])):
            self.did[key, self.epoch[key]].pop()
            if self.did[key, self.epoch[key]]:
                return
        self.first.discard(key)
        self.queue = [other for other in self.queue if other != key]
        self.settle()

    def undo_fails(self, key: str, retryable: bool) -> None:
        """It is tried as often as the step's ``retry`` says; then a person has to decide."""
        self.tried += 1
        self.stuck = not (retryable and self.tried < self.graph.steps[key].retry.max_attempts)

    def undo_again(self) -> None:
        """A person has it tried once more."""
        self.tried, self.stuck = 0, False

    def give_up(self) -> None:
        """A person lets the rollback be: the run has failed, and nothing is set back."""
        for key in self._in("RUNNING", "WAITING"):
            self._cancel(key)
        self.first, self.queue, self.undoing = set(), [], None
        self.tried, self.stuck, self.run = 0, False, "FAILED"

    def _half_undone(self) -> set[str]:
        return {key for key, epoch in self.undone if self.epoch[key] == epoch}

    def _acts(self, key: str) -> bool:
        """It names what undoes it, as a whole: a map is undone item by item."""
        return self.graph.steps[key].compensate is not None and self.graph.steps[key].type != "map"

    def _owes(self, key: str) -> bool:
        """It names what undoes it, had an effect, and that has not been undone."""
        now = key, self.epoch[key]
        if self.graph.steps[key].type == "map":
            return bool(self.did.get(now))
        if not self._acts(key) or now in self.undone or now not in self.started:
            return False
        return self.status[key] == "COMPLETED" or now in self.answered

    def _undo(self, to: str | None) -> None:
        self.undoing, self.to = set(self.graph.steps) if to is None else self._below(to), to
        self.first = {key for key in self.undoing & set(self._in("RUNNING", "WAITING")) if self._owes(key)}
        self.queue = [
            key
            for key in reversed(self.ended)
            if key in self.undoing and key not in self.first and self._owes(key)
        ]
        self.whole, self.failing, self.run = to is None, False, "ROLLING_BACK"
        still = {key for key, items in self.items.items() if not (items.running or items.gathering)}
        for key in self.undoing & {*self._in("WAITING"), *still}:
            self._cancel(key)

    def _cancel(self, key: str) -> None:
        self._note_end(key)
        self.status[key] = "CANCELLED"
        self.unhandled.add(key)

    def _try_again(self) -> None:
        for key in self.unhandled:
            self.status[key], self.taken[key], self.failures[key] = "PENDING", (), 0
        self.unhandled.clear()

    def fork(self, start: str) -> Reference:
        """Semantic 8: what has ended beside ``start`` and what is below it is taken over; the rest runs."""
        if self.status[start] not in ("COMPLETED", "FAILED", "CANCELLED"):
            raise Refused
        lost = self._below(start) | self.unhandled | (self.undoing or set()) | self._half_undone()
        before = {
            key: (self.status[key], self.taken[key])
            for key in self.graph.steps
            if key not in lost and self.status[key] in ("COMPLETED", "FAILED", "SKIPPED")
        }
        made = Reference(self.graph, before)
        below = self._below(start) - {start}
        made.results = {key: ports for key, ports in self.results.items() if key in below}
        return made

    # ------------------------------------------------------------------ what follows

    def settle(self) -> None:
        """Look at everything until nothing changes."""
        busy = self.first or self.queue
        if self.undoing is not None and not busy and not self.undoing & set(self._in("RUNNING")):
            for key in self.undoing:
                self.status[key], self.taken[key], self.failures[key] = "PENDING", (), 0
                self.epoch[key] += 1
                self.ended = [other for other in self.ended if other != key]
                self.items.pop(key, None)
                self.unhandled.discard(key)
            self._try_again()
            self.undoing, self.run = None, "ROLLED_BACK" if self.whole else "RUNNING"
            self.results.pop(self.to or "", None)  # asked for once more, it is not to be given again
        if self.run != "RUNNING":
            return
        if self.failing:
            for key in self._in("WAITING"):
                self._cancel(key)
            self._wind_down_items()
        else:
            while self._skip():
                pass
            for key in [key for key in self._in("PENDING") if self._may_start(key)]:
                self.status[key] = "RUNNING"
                self.started.add((key, self.epoch[key]))
            self._start_items()
        if not self._in("RUNNING", "WAITING"):
            self.run = "FAILED" if self.unhandled else "COMPLETED"

    def _skip(self) -> bool:
        for key in self._in("PENDING"):
            live, dead, open_ = self._edges(key)
            if (dead and self.graph.steps[key].join == "all") or (dead and not live and not open_):
                self.status[key] = "SKIPPED"
                return True
        return False

    def _may_start(self, key: str) -> bool:
        live, dead, open_ = self._edges(key)
        if live + dead + open_ == 0:
            return True
        join = self.graph.steps[key].join
        return live > 0 and (join == "first" or not open_) and (join != "all" or not dead)

    def _edges(self, key: str) -> tuple[int, int, int]:
        live = dead = open_ = 0
        for edge in self.graph.edges:
            if edge.target == key:
                resolved = self.status[edge.source] in ("COMPLETED", "FAILED", "SKIPPED", "CANCELLED")
                if edge.source in self.unhandled or not resolved:
                    open_ += 1
                elif edge.port in self.taken[edge.source]:
                    live += 1
                else:
                    dead += 1
        return live, dead, open_

    def _in(self, *statuses: str) -> list[str]:
        return [key for key, status in self.status.items() if status in statuses]

    def _below(self, key: str) -> set[str]:
        found = {key}
        while more := {edge.target for edge in self.graph.edges if edge.source in found} - found:
            found |= more
        return found
