"""A world around one run: workers that crash, messages that double, come late or get lost, people and clocks.

No time passes, no thread runs: ``random`` chooses what happens next, so a seed is a history. Every entry is
watched. After ``chaos`` acts the world is kind, and the run has to end.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random

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
    Kick,
    RetryRun,
    Rollback,
    Slept,
    Start,
    Vote,
)
from runs.engine.decide import decide
from runs.engine.events import Entry, Event
from runs.engine.state import RunState, fold, new_state, replay
from runs.engine.states import ENDED
from tests.unit.runs.engine.play import BEGIN
from tests.unit.runs.engine.watch import Watch

TIMERS = {"delay": "delay", "retry": "retry", "approval": "expiry"}
Dispatch = tuple[str, int, int]


class Worker:
    """A process: its own copy of the state, and the steps that it executes."""

    def __init__(self, name: str, graph: Graph) -> None:
        self.name = name
        self.state: RunState = new_state(graph)
        self.executing: list[Dispatch] = []


class World:
    """One run, some workers, and everything that may go wrong."""

    def __init__(self, graph: Graph, random: Random, *, chaos: int, workers: int = 3) -> None:
        self.graph, self.random, self.chaos = graph, random, chaos
        self.window = random.choice((1, 2, 5, 32))
        self.now = BEGIN
        self.journal: list[Entry] = []
        self.count = 0
        self.workers = [self._worker() for _ in range(workers)]
        self.gone: list[str] = []
        self.sent: list[Command] = []  # reports under way, also of workers that are gone by now
        self.watch = Watch(graph, self.window)
        self.state = new_state(graph)  # what the watch compares with
        self.refusals = self.crashes = 0

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
            self.random.choice(self.ACTS)(self)
        for _ in range(200 * len(self.graph.steps) + 200):
            if self.state.status in ENDED:
                break
            self._kindness()
        assert self.state.status in ENDED, f"the run does not end: {self.state.status}"
        assert replay(self.graph, self.journal) == self.state
        return self.state

    def submit(self, command: Command, worker: Worker | None = None, *, crash: str = "") -> list[Event]:
        """What a process does with a command: decide on its own state, append, fold, dispatch."""
        worker = worker or self.random.choice(self.workers)
        while True:
            name = "" if crash == "idle" else worker.name
            try:
                said = decide(self.graph, worker.state, command, self.now, name, self.window)
            except Conflict:
                said = []
            if crash == "before":
                self._die(worker)
                return []
            if not said or worker.state.seq == len(self.journal):
                break
            self.refusals += 1  # somebody has appended: read the tail and decide again
            self._catch_up(worker)
        if not said and worker.state.seq < len(self.journal):
            self._catch_up(worker)
            return self.submit(command, worker)
        if said:
            self._append(said)
            self._catch_up(worker)
        if crash == "after":
            self._die(worker)
        else:
            self._dispatch(worker, said)
        return said

    def _append(self, said: list[Event]) -> None:
        seq = len(self.journal) + 1
        self.journal.append((seq, self.now.isoformat(timespec="milliseconds"), said))
        fold(self.graph, self.state, *self.journal[-1])
        self.watch.entry(seq, said, self.state)

    def _catch_up(self, worker: Worker) -> None:
        for entry in self.journal[worker.state.seq :]:
            fold(self.graph, worker.state, *entry)

    def _dispatch(self, worker: Worker, said: list[Event]) -> None:
        for event in said:
            if event["kind"] == "step_started":
                worker.executing.append((event["step"], event["epoch"], event["attempt"]))

    def _die(self, worker: Worker) -> None:
        """Everything in flight there is lost; another process takes its place."""
        self.crashes += 1
        self.gone.append(worker.name)
        self.workers[self.workers.index(worker)] = self._worker()

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
        """A process dies, between deciding and appending, after appending, or at any other time."""
        command = self.sent.pop() if self.sent and self.random.random() < 0.7 else Kick()
        self.submit(command, crash=self.random.choice(("before", "after")))

    def false_alarm(self) -> None:
        """A slow heartbeat: a worker is believed gone, and goes on to report."""
        busy = [worker for worker in self.workers if worker.executing]
        if busy:
            worker = self.random.choice(busy)
            self.submit(Interrupt(*self.random.choice(worker.executing), worker.name))

    def recover(self) -> None:
        """The sweep: steps of workers that are gone are interrupted, idle ones are kicked."""
        for key in list(self.state.running):
            step = self.state.steps[key]
            if step.worker in self.gone and self.random.random() < 0.8:
                self.submit(Interrupt(key, step.epoch, step.attempt, step.worker))
        self.submit(Kick())

    def idle_append(self) -> None:
        """A process without an executor says something; nothing starts by it."""
        command = self.sent.pop() if self.sent else Kick()
        self.submit(command, crash="idle")

    def clock(self) -> None:
        """Time passes, or is set back; timers fire, once or twice."""
        self.now += timedelta(seconds=self.random.choice((-5, 0, 1, 10, 100)))
        for key in list(self.state.waiting):
            step = self.state.steps[key]
            if step.wait and self.random.random() < 0.8:
                timer = Due(key, step.epoch, step.attempt, TIMERS[step.wait["kind"]])
                for _ in range(self.random.choice((1, 1, 2))):
                    self.submit(timer)

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

    ACTS = (*[work] * 8, deliver, deliver, lose, crash, recover, false_alarm, idle_append, clock, answer, act)

    # ---------------------------------------------------------------- how it ends

    def _kindness(self) -> None:
        """Everything that is under way arrives, everybody answers, every timer fires."""
        self.recover()
        for worker in self.workers:
            self.sent += [self._report(dispatch) for dispatch in worker.executing]
            worker.executing.clear()
        for report in self.sent:
            self.submit(report)
        self.sent.clear()
        for key in list(self.state.running):  # lost with a message, not with a worker
            step = self.state.steps[key]
            if (key, step.epoch, step.attempt) not in [d for w in self.workers for d in w.executing]:
                self.submit(Interrupt(key, step.epoch, step.attempt, step.worker))
        self.now += timedelta(seconds=1000)
        for key in list(self.state.waiting):
            step = self.state.steps[key]
            for by in ("mary", "john"):
                if step.wait and step.wait["kind"] == "approval":
                    self.submit(Vote(step.wait["approval"], by, "approve"))
            if step.wait:
                self.submit(Due(key, step.epoch, step.attempt, TIMERS[step.wait["kind"]]))

    def _report(self, dispatch: Dispatch) -> Command:
        """How a step ends: as its type may, by chance."""
        key, _, attempt = dispatch
        spec, chance = self.graph.steps[key], self.random.random()
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

    def _question(self, dispatch: Dispatch) -> Asked:
        expires_at = (self.now + timedelta(seconds=20)).isoformat() if self.random.random() < 0.5 else None
        asked = {"id": "-".join(map(str, dispatch)), "message": "Well?", "expires_at": expires_at}
        return Asked(*dispatch, {**asked, "quorum": self.random.choice((1, 1, 2))})
