"""A world around one run: workers that crash, messages that double, come late or get lost, people and clocks.

No time passes, no thread runs: ``random`` chooses what happens next, so a seed is a history. Every entry is
watched, and the rows that follow from it are compared with the state. After ``chaos`` acts the world is kind,
and the run has to end.
"""

# mypy: disable-error-code="call-arg,misc"

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from builder.graph import Graph
from orchestrator.errors import Conflict
from runs.engine.commands import (
    Asked,
    Cancel,
    CancelStep,
    Command,
    Complete,
    Due,
    Fail,
    Interrupt,
    ItemDone,
    ItemFail,
    ItemInterrupt,
    Kick,
    Listed,
    RetryRun,
    Rollback,
    Slept,
    Start,
    Vote,
)
from runs.engine.decide import decide
from runs.engine.events import Entry, Event
from runs.engine.flight import Flight, in_flight
from runs.engine.state import RunState, fold, new_state, replay
from runs.engine.states import ENDED
from runs.stores.base import Changes
from tests.unit.runs.engine import rows
from tests.unit.runs.engine.play import BEGIN
from tests.unit.runs.engine.watch import Watch

Dispatch = Any  # step, epoch, attempt; of an item also its index and attempt; or "gather"


class Worker:
    """A process: its own copy of the state, the steps that it executes, the rows that it has yet to write."""

    def __init__(self, name: str, graph: Graph) -> None:
        self.name = name
        self.state: RunState = new_state(graph)
        self.executing: list[Dispatch] = []
        self.unwritten: list[tuple[int, Changes]] = []


class World:
    """One run, some workers, and everything that may go wrong."""

    def __init__(
        self,
        graph: Graph,
        random: Random,
        *,
        chaos: int,
        workers: int = 3,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.graph, self.random, self.chaos, self.tell = graph, random, chaos, tell
        self.window = random.choice((1, 2, 5, 32))
        self.now = BEGIN
        self.journal: list[Entry] = []
        self.count = 0
        self.workers = [self._worker() for _ in range(workers)]
        self.gone: list[str] = []
        self.sent: list[Command] = []  # reports under way, also of workers that are gone by now
        self.watch = Watch(graph, self.window)
        self.state = new_state(graph)  # what the watch compares with
        self.table = rows.Table()
        self.refusals = self.crashes = self.questions = self.mended = 0

    def _worker(self) -> Worker:
        self.count += 1
        return Worker(f"w{self.count}", self.graph)

    # ---------------------------------------------------------------- the history

    def run(self) -> RunState:
        """Live through it all. Raises AssertionError where a rule is broken or the run does not end."""
        self.submit(Start({}, {"id": "1", "username": "mary"}, 1))
        for _ in range(self.chaos):
            if self.state.status in ENDED and self.random.random() < 0.3:
                self.act()
            act = self.random.choice(self.ACTS)
            self.tell(f"{act.__name__}:")
            act(self)
        self.tell("From here on the world is kind.")
        for _ in range(200 * len(self.graph.steps) + 200):
            if self.state.status in ENDED:
                break
            self._kindness()
        assert self.state.status in ENDED, f"the run does not end: {self.state.status}"
        assert replay(self.graph, self.journal) == self.state
        self._write_all()
        self._mend()
        self.table.agrees(self.state)
        rows.same(self.table, rows.rebuilt(self.graph, self.journal))
        return self.state

    def submit(self, *commands: Command, worker: Worker | None = None, crash: str = "") -> list[Event]:
        """What a process does with commands: decide on its own state, append, write the rows, dispatch."""
        worker = worker or self.random.choice(self.workers)
        name = "" if crash == "idle" else worker.name
        for command in commands:
            self.tell(
                f"  {worker.name} {'dies ' + crash if crash not in ('', 'idle') else 'hears'} {command}"
            )
        if worker.state.seq < len(self.journal):
            if self._decide(worker.state, commands[0], name):
                self.refusals += 1  # somebody has appended: read the tail and decide again
            self._catch_up(worker)
        if crash == "before":
            self._die(worker)
            return []
        said, changes = rows.decided(
            self.graph,
            worker.state,
            self.now,
            lambda state, command: self._decide(state, command, name),
            list(commands),
        )
        if said:
            self._append(worker, said)
            worker.unwritten.append((len(self.journal), changes))
            if crash == "between":
                self._die(worker)
                return said
            if self.random.random() < 0.9:
                self._write(worker)
        if crash == "after":
            self._die(worker)
        else:
            self._dispatch(worker, said)
        return said

    def _decide(self, state: RunState, command: Command, worker: str) -> list[Event]:
        try:
            return decide(self.graph, state, command, self.now, worker, self.window)
        except Conflict:
            return []

    def _append(self, worker: Worker, said: list[Event]) -> None:
        seq = len(self.journal) + 1
        self.journal.append((seq, self.now.isoformat(timespec="milliseconds"), said))
        fold(self.graph, self.state, *self.journal[-1])
        told = [" ".join(filter(None, (event["kind"], event.get("step")))) for event in said]
        self.tell(f"  #{seq} {worker.name}: {', '.join(told)}")
        self.watch.entry(seq, said, self.state)
        assert worker.state.seq == seq

    def _catch_up(self, worker: Worker) -> None:
        for entry in self.journal[worker.state.seq :]:
            fold(self.graph, worker.state, *entry)

    def _dispatch(self, worker: Worker, said: list[Event]) -> None:
        for event in said:
            if event["kind"] == "step_started":
                worker.executing.append((event["step"], event["epoch"], event["attempt"]))
            elif event["kind"] == "item_started":
                at = event["step"], event["epoch"], event["attempt"]
                items = [(*at, each["index"], each["attempt"]) for each in event["data"]["items"]]
                worker.executing += items
            elif event["kind"] == "items_finished":
                worker.executing.append((event["step"], event["epoch"], event["attempt"], "gather"))

    def _die(self, worker: Worker) -> None:
        """Everything in flight there is lost; another process takes its place."""
        self.crashes += 1
        self.gone.append(worker.name)
        self.workers[self.workers.index(worker)] = self._worker()

    # ---------------------------------------------------------------- rows

    def _write(self, worker: Worker) -> None:
        """Write the rows of what this process has appended; who finds earlier ones missing makes all anew."""
        for seq, changes in worker.unwritten:
            torn = self.table.run["seq"] < seq - 1
            self.table.take(seq, changes)
            if torn:
                self._rebuild()
        worker.unwritten.clear()
        if self.table.run["seq"] == len(self.journal):
            self.table.agrees(self.state)

    def _write_all(self) -> None:
        for worker in self.workers:
            self._write(worker)

    def _mend(self) -> None:
        """Recovery makes rows anew that are behind their journal."""
        if self.table.run["seq"] < len(self.journal):
            self._rebuild()

    def _rebuild(self) -> None:
        self.mended += 1
        self.table.replace(rows.rebuilt(self.graph, self.journal))

    # ---------------------------------------------------------------- what may happen

    def work(self) -> None:
        """A step comes to its end; the report sets out, perhaps to be late."""
        busy = [worker for worker in self.workers if worker.executing]
        if busy:
            worker = self.random.choice(busy)
            dispatch = worker.executing.pop(self.random.randrange(len(worker.executing)))
            self.sent.append(self._report(dispatch))
            if self.random.random() < 0.7:
                self.deliver()

    def deliver(self) -> None:
        """A report arrives; now and then it will arrive once more."""
        if self.sent:
            report = self.sent.pop(self.random.randrange(len(self.sent)))
            if self.random.random() < 0.2:
                self.sent.append(report)
            self.submit(report)

    def lose(self) -> None:
        """A report gets lost with its worker."""
        if self.sent:
            self.sent.pop(self.random.randrange(len(self.sent)))

    def crash(self) -> None:
        """A process dies: before it appends, before or after it writes the rows, or while a step runs."""
        command = self.sent.pop() if self.sent and self.random.random() < 0.7 else Kick()
        self.submit(command, crash=self.random.choice(("before", "between", "after")))

    def false_alarm(self) -> None:
        """A slow heartbeat: a worker is believed gone, and goes on to report."""
        busy = [worker for worker in self.workers if worker.executing]
        if busy:
            self._take_over(self.random.choice(busy).name)

    def leave(self) -> None:
        """A process stops cleanly: it gives back what it runs, and starts nothing more."""
        worker = self.random.choice(self.workers)
        for dispatch in worker.executing:
            self.submit(_interrupt(dispatch, worker.name), crash="idle")
        self._write(worker)
        self.workers[self.workers.index(worker)] = self._worker()
        self.gone.append(worker.name)

    def recover(self) -> None:
        """The sweep: steps of workers that are gone are interrupted, idle ones are kicked."""
        self._mend()
        for name in self.gone:
            if self.random.random() < 0.8:
                self._take_over(name)
        self.submit(Kick())

    def _take_over(self, name: str) -> None:
        """Whose steps these are is found in the rows; which they are is said by the state."""
        rows = self.table.steps.values()
        if any(
            row["status"] == "RUNNING" and (row["worker"] == name or row["type"] == "map") for row in rows
        ):
            for flight in list(in_flight(self.state, name)):
                self.submit(_interrupt(_dispatch(flight), name))

    def idle_append(self) -> None:
        """A process without an executor says something; nothing starts by it."""
        command = self.sent.pop() if self.sent else Kick()
        self.submit(command, crash="idle")

    def batch(self) -> None:
        """Several reports are one entry: those that came while somebody else committed."""
        if self.sent:
            self.submit(*[self.sent.pop() for _ in range(min(len(self.sent), 3))], Kick())

    def write(self) -> None:
        """A slow process comes to write its rows."""
        self._write(self.random.choice(self.workers))

    def clock(self) -> None:
        """Time passes, or is set back; timers fire, once or twice."""
        self.now += timedelta(seconds=self.random.choice((-5, 0, 1, 10, 100)))
        self._fire(0.8)

    def _fire(self, chance: float) -> None:
        """Fire what is due by the rows; a timer that no longer counts is removed."""
        for key, row in list(self.table.timers.items()):
            if row["due_at"] <= self.now and self.random.random() < chance:
                for _ in range(self.random.choice((1, 1, 2))):
                    said = self.submit(Due(*key))
                if not said and key[1:3] != rows.place(self.state, key[0]):
                    self.table.timers.pop(key, None)

    def answer(self) -> None:
        """A person answers any question, also one that is not open any more."""
        if self.state.approvals:
            pk = self.random.choice(list(self.state.approvals))
            by = self.random.choice(("mary", "john"))
            self.submit(Vote(pk, by, self.random.choice(("approve", "approve", "reject"))))

    def act(self) -> None:
        """A person interferes."""
        keys = list(self.graph.steps)
        some = tuple(self.random.sample(keys, self.random.randint(1, min(3, len(keys)))))
        to = self.random.choice(keys)
        command: Command = self.random.choice(
            (
                RetryRun("mary"),
                RetryRun("mary", some),
                Rollback(to, "mary"),
                Rollback(to, "john"),
                CancelStep(to, "mary"),
            )
        )
        chance = self.random.random()
        if chance < 0.08:
            command = Cancel("mary") if chance > 0.015 else Rollback(None, "mary", "all wrong")
        self.submit(command)

    ACTS: tuple[Any, ...] = (
        *[work] * 8, deliver, deliver, lose, crash, recover, false_alarm, leave, idle_append, batch, write,
        clock, answer, act,
    )  # fmt: skip

    # ---------------------------------------------------------------- how it ends

    def _kindness(self) -> None:
        """Everything that is under way arrives, everybody answers, every timer fires."""
        self._write_all()
        self.recover()
        for worker in self.workers:
            self.sent += [self._report(dispatch) for dispatch in worker.executing]
            worker.executing.clear()
        for report in self.sent:
            self.submit(report)
        self.sent.clear()
        here = [dispatch for worker in self.workers for dispatch in worker.executing]
        for worker in self.workers:  # lost with a message, not with a worker that is gone
            for flight in list(in_flight(self.state, worker.name)):
                if _dispatch(flight) not in here:
                    self.submit(_interrupt(_dispatch(flight), worker.name))
        self._write_all()
        self.now += timedelta(seconds=1000)
        self._fire(1)
        for pk, known in list(self.state.approvals.items()):
            for by in ("mary", "john"):
                if known["status"] == "pending":
                    self.submit(Vote(pk, by, "approve"))

    def _items(self, dispatch: Any) -> Command:
        """A map works out its items; the same ones in each attempt, most of the time."""
        count = len(dispatch[0]) + int(dispatch[0][1:]) % 5 + (self.random.random() < 0.1)
        return Listed(
            *dispatch, count, f"{count} items", 1 + int(dispatch[0][1:]) % 3, int(dispatch[0][1:]) % 2 == 0,
            list(range(count)),
        )  # fmt: skip

    def _item(self, dispatch: Any, chance: float) -> Command:
        """How an item ends."""
        if chance < 0.15:
            error = {"code": self.random.choice(("boom", "timeout")), "message": "no"}
            return ItemFail(*dispatch, {**error, "retryable": self.random.random() < 0.7})
        return ItemDone(*dispatch, output=dispatch[3], size=1, usage={"input_tokens": 1})

    def _report(self, dispatch: Any) -> Command:
        """How a step ends: as its type may, by chance."""
        key, attempt = dispatch[0], dispatch[2]
        spec, chance = self.graph.steps[key], self.random.random()
        if len(dispatch) == 5:
            return self._item(dispatch, chance)
        if len(dispatch) == 4:
            return Complete(*dispatch[:3], output={"results": []})
        if spec.type == "map" and chance > 0.2:
            return self._items(dispatch)
        if chance < 0.12:
            error = {"code": self.random.choice(("boom", "timeout")), "message": "no"}
            return Fail(*dispatch, {**error, "retryable": self.random.random() < 0.7})
        if spec.type == "delay":
            return Slept(*dispatch, self.now + timedelta(seconds=self.random.choice((0, 5, 60))))
        if spec.type == "approval":
            return self._question(dispatch)
        ports = [port for port in spec.ports if port != "failure"]
        taken = tuple(self.random.sample(ports, self.random.randint(1, len(ports))))
        if chance < 0.18:
            taken = ("failure",)
        return Complete(*dispatch, taken, {"by": key}, usage={"input_tokens": attempt}, cost=0.5)

    def _question(self, dispatch: Any) -> Asked:
        expires_at = (self.now + timedelta(seconds=20)).isoformat() if self.random.random() < 0.5 else None
        self.questions += 1
        asked: dict[str, Any] = {
            "id": str(UUID(int=self.questions)),
            "message": "Well?",
            "expires_at": expires_at,
        }
        asked["assignees"] = ["mary", "john"]
        return Asked(*dispatch, {**asked, "quorum": self.random.choice((1, 1, 2))})


def _dispatch(flight: Flight) -> Dispatch:
    """What recovery finds, as a worker knows it."""
    key, epoch, attempt, part = flight
    if not part:
        return key, epoch, attempt
    if part == "gather":
        return key, epoch, attempt, part
    _, index, tried = part.split(":")
    return key, epoch, attempt, int(index), int(tried)


def _interrupt(dispatch: Any, worker: str) -> Command:
    if len(dispatch) == 5:
        return ItemInterrupt(*dispatch, worker)
    return Interrupt(*dispatch[:3], worker)
