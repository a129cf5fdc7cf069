"""What may happen to a simulated run: processes that work, die, stop and recover; messages, clocks, people."""

# mypy: disable-error-code="call-arg,misc"

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, cast

from builder.graph import Graph
from orchestrator.errors import Conflict
from runs.engine.commands import (
    Admit,
    Await,
    Cancel,
    CancelStep,
    Command,
    Due,
    Interrupt,
    ItemInterrupt,
    Kick,
    Resolve,
    RetryRun,
    Rollback,
    UndoInterrupted,
    Vote,
)
from runs.engine.events import Event
from runs.engine.flight import Flight, in_flight
from runs.engine.records import RunState
from runs.engine.rollback import preview
from tests.unit.runs.engine import rows
from tests.unit.runs.engine.conduct import Dispatch, works_on

if TYPE_CHECKING:
    from tests.unit.runs.engine.simulation import Worker, World

BUSY = ("PENDING", "RUNNING", "ROLLING_BACK")


class Mishaps:
    """The acts from which chance chooses."""

    graph: Graph
    random: Random
    now: datetime
    gated: frozenset[str]
    state: RunState
    table: rows.Table
    workers: list[Worker]
    gone: list[str]
    sent: list[Command]

    if TYPE_CHECKING:

        def submit(
            self, *commands: Command, worker: Worker | None = None, crash: str = ""
        ) -> list[Event]: ...
        def worker(self) -> Worker: ...
        def die(self, worker: Worker) -> None: ...
        def mend(self) -> None: ...
        def write_rows(self, worker: Worker) -> None: ...

    # ---------------------------------------------------------------- processes

    def work(self) -> None:
        """A step makes a call, or comes to its end; the report sets out, perhaps to be late."""
        busy = [worker for worker in self.workers if worker.executing]
        if not busy:
            return
        worker = self.random.choice(busy)
        dispatch = worker.executing[self.random.randrange(len(worker.executing))]
        report = works_on(cast("World", self), worker, dispatch)
        if report is None:
            return
        worker.executing.remove(dispatch)
        worker.doors.pop(dispatch, None)
        self.sent.append(report)
        if self.random.random() < 0.7:
            self.deliver()

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
            self.submit(interrupt(dispatch, worker.name), crash="idle")
        self.write_rows(worker)
        self.workers[self.workers.index(worker)] = self.worker()
        self.gone.append(worker.name)

    def recover(self) -> None:
        """The sweep: what workers that are gone had started is interrupted, idle runs are kicked."""
        self.mend()
        for name in self.gone:
            if self.random.random() < 0.8:
                self._take_over(name)
        if self._is_busy:
            self.submit(Kick())

    @property
    def _is_busy(self) -> bool:
        """Whether the sweep looks at the run, by its row."""
        return self.table.run.get("status") in BUSY or bool(self.table.run.get("undoing"))

    def _take_over(self, name: str) -> None:
        """In which runs a worker had something is found in the rows; what it is is said by the state."""
        steps = self.table.steps.values()
        runs = any(
            row["status"] == "RUNNING" and (row["worker"] == name or row["type"] == "map") for row in steps
        )
        if (self._is_busy and runs) or self.table.run.get("undoing"):
            for flight in list(in_flight(self.state, name)):
                self.submit(interrupt(dispatch_of(flight), name))

    def idle_append(self) -> None:
        """A process without an executor says something; nothing starts by it."""
        command = self.sent.pop() if self.sent else Kick()
        self.submit(command, crash="idle")

    def write(self) -> None:
        """A slow process comes to write its rows."""
        self.write_rows(self.random.choice(self.workers))

    # ---------------------------------------------------------------- messages

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

    def batch(self) -> None:
        """Several reports are one entry: those that came while somebody else committed."""
        if self.sent:
            self.submit(*[self.sent.pop() for _ in range(min(len(self.sent), 3))], Kick())

    # ---------------------------------------------------------------- clocks

    def clock(self) -> None:
        """Time passes, or is set back; timers fire, once or twice."""
        self.now += timedelta(seconds=self.random.choice((-5, 0, 1, 10, 100)))
        self.fire(0.8)

    def fire(self, chance: float) -> None:
        """Fire what is due by the rows; a timer that no longer counts is removed."""
        for key, row in list(self.table.timers.items()):
            if row["due_at"] <= self.now and self.random.random() < chance:
                for _ in range(self.random.choice((1, 1, 2))):
                    said = self.submit(Due(*key))
                if not said and not rows.counts(self.state, key):
                    self.table.timers.pop(key, None)

    # ---------------------------------------------------------------- limits

    def admit(self) -> None:
        """A slot is free, or some are."""
        if self.gated:
            self.submit(Admit(self.gated, self.random.choice((1, 1, 3))))

    def await_slots(self) -> None:
        """The limiter says what the run waits for."""
        if self.gated:
            self.submit(Await(({"kind": "person", "subject": "1", "what": "running", "most": 1},)))

    # ---------------------------------------------------------------- people

    def answer(self) -> None:
        """A person answers any question, also one that is not open any more."""
        if self.state.approvals:
            pk = self.random.choice(list(self.state.approvals))
            by = self.random.choice(("mary", "john"))
            self.submit(Vote(pk, by, self.random.choice(("approve", "approve", "submit", "reject"))))

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
        if isinstance(command, Rollback):
            self._roll_back(command)
        else:
            self.submit(command)

    def _roll_back(self, command: Rollback) -> None:
        """Semantic 6: what then happens is what the preview says."""
        try:
            told = preview(self.graph, self.state, command.to)
        except Conflict:
            assert not self.submit(command), "the rollback is refused as its preview is"
            return
        late = list(self.state.undo)
        said = self.submit(command)
        assert said[0]["data"]["steps"] == [one["step"] for one in told["steps"]]
        owed = [*late, *((key, self.state.steps[key].epoch) for key in told["compensates"])]
        assert list(self.state.undo) == owed

    def resolve(self) -> None:
        """A person says how a rollback goes on, also where it is not stuck."""
        if self.state.undo:
            key, _ = self.random.choice(list(self.state.undo))
            action = self.random.choice(("retry", "retry", "skip", "give_up"))
            self.submit(Resolve(key, action, "mary", "for the best"))

    ACTS: tuple[Any, ...] = (
        *[work] * 9, deliver, deliver, lose, crash, recover, false_alarm, leave, idle_append, batch, write,
        clock, answer, act, resolve, admit, await_slots,
    )  # fmt: skip


def dispatch_of(flight: Flight) -> Dispatch:
    """What recovery finds, as a worker knows it."""
    key, epoch, attempt, part = flight
    if not part:
        return key, epoch, attempt
    if part in ("gather", "undo"):
        return key, epoch, attempt, part
    _, index, tried = part.split(":")
    return key, epoch, attempt, int(index), int(tried)


def interrupt(dispatch: Dispatch, worker: str) -> Command:
    """The command that says that ``worker`` will not end it."""
    if dispatch[3:] == ("undo",):
        return UndoInterrupted(*dispatch[:3], worker)
    if len(dispatch) == 5:
        return ItemInterrupt(*dispatch, worker)
    return Interrupt(*dispatch[:3], worker)
