"""A world around one run: workers that crash, messages that double, come late or get lost, people and clocks.

No time passes, no thread runs: ``random`` chooses what happens next, so a seed is a history. Every entry is
watched, and the rows that follow from it are compared with the state. After ``chaos`` acts the world is kind,
and the run has to end. What may happen is said by ``mishaps``, how steps behave by ``conduct``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

from builder.graph import Graph
from orchestrator.errors import Conflict, Invalid
from runs.engine.commands import Command, Fork, Resolve, Start, Vote
from runs.engine.decide import consider
from runs.engine.events import Entry, Event
from runs.engine.flight import in_flight
from runs.engine.fork import Branch, branch
from runs.engine.state import RunState, fold, new_state, replay
from runs.engine.states import CHECKPOINTS, ENDED
from runs.engine.turn import Turn
from runs.stores.base import Changes
from tests.unit.runs.engine import rows
from tests.unit.runs.engine.conduct import Dispatch, Door, works_on
from tests.unit.runs.engine.mishaps import Mishaps, dispatch_of, interrupt
from tests.unit.runs.engine.play import BEGIN
from tests.unit.runs.engine.watch import Watch

USER = {"id": "1", "username": "mary"}


class Worker:
    """A process: its own copy of the state, what it executes, the rows that it has yet to write."""

    def __init__(self, name: str, graph: Graph) -> None:
        self.name = name
        self.state: RunState = new_state(graph)
        self.executing: list[Dispatch] = []
        self.doors: dict[Dispatch, Door] = {}
        self.unwritten: list[tuple[int, Changes]] = []


class World(Mishaps):
    """One run, some workers, and everything that may go wrong."""

    def __init__(
        self,
        graph: Graph,
        random: Random,
        *,
        chaos: int,
        workers: int = 3,
        bound: float | None = None,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.graph, self.random, self.chaos, self.tell = graph, random, chaos, tell
        self.window = random.choice((1, 2, 5, 32))
        if bound is None:
            bound = 0.3 if random.random() < 0.3 else 0.0  # a limit bounds some steps
        self.gated = frozenset(key for key in graph.steps if random.random() < bound)
        self.now = BEGIN
        self.journal: list[Entry] = []
        self.count = 0
        self.workers = [self.worker() for _ in range(workers)]
        self.gone: list[str] = []
        self.sent: list[Command] = []  # reports under way, also of workers that are gone by now
        self.watch = Watch(graph, self.window)
        self.state = new_state(graph)  # what the watch compares with
        self.table = rows.Table()
        self.happened: dict[str, int] = {}  # outside, by idempotency key
        self.opening: Command = Start({}, USER, 1)
        self.refusals = self.crashes = self.questions = self.mended = 0

    def worker(self) -> Worker:
        """A new process."""
        self.count += 1
        return Worker(f"w{self.count}", self.graph)

    # ---------------------------------------------------------------- the history

    def run(self) -> RunState:
        """Live through it all. Raises AssertionError where a rule is broken or the run does not end."""
        self.submit(self.opening)
        for _ in range(self.chaos):
            if self.state.status in ENDED and self.random.random() < 0.3:
                self.act()
            act = self.random.choice(self.ACTS)
            self.tell(f"{act.__name__}:")
            act(self)
        self.tell("From here on the world is kind.")
        for _ in range(200 * len(self.graph.steps) + 200):
            if self._over:
                break
            self._kindness()
        assert self._over, f"the run does not end: {self.state.status}, {list(self.state.undo)}"
        assert replay(self.graph, self.journal) == self.state
        self._write_all()
        self.mend()
        self.table.agrees(self.state)
        rows.same(self.table, rows.rebuilt(self.graph, self.journal))
        self.watch.settled()
        return self.state

    @property
    def _over(self) -> bool:
        return self.state.status in ENDED and not self.state.undo

    def graph_like(self) -> Graph:
        """This graph, or one of a version in which an edge is gone or another one is there."""
        edges, change = list(self.graph.edges), self.random.choice(("none", "none", "less", "more"))
        if change == "less" and edges:
            edges.remove(self.random.choice(edges))
        elif change == "more" and edges:
            one, other = self.random.choice(edges), self.random.choice(edges)
            edge = replace(other, source=one.source, port=one.port)
            if edge not in edges and not self.graph.is_upstream(other.target, edge.source):
                edges += [edge] if edge.source != edge.target else []
        return Graph(self.graph.steps, tuple(edges)) if edges != list(self.graph.edges) else self.graph

    def forked(self, graph: Graph, chaos: int) -> World | None:
        """A run that goes on from a checkpoint of this one, in ``graph``; None where that is refused."""
        ended = [key for key, step in self.state.steps.items() if step.status in CHECKPOINTS]
        if not ended:
            return None
        start = self.random.choice(ended)
        try:
            found = branch(self.graph, self.state, graph, start, 2)
        except Conflict as refusal:
            self.tell(f"No fork from {start}: {refusal.message}")
            return None
        self.tell(f"A fork from {start}, which takes over {', '.join(found.taken)}.")
        world = World(graph, self.random, chaos=chaos, tell=self.tell)
        world.watch.again = {*found.again, *found.also}
        world.opening = Fork({}, USER, 2, self._opening_of(found))
        return world

    def _opening_of(self, found: Branch) -> dict[str, object]:
        results = {key: {"run": "r", "number": 1, **result} for key, result in found.results.items()}
        steps = found.taken
        return {
            "run": "r",
            "number": 1,
            "version": 1,
            "from": found.start,
            "steps": steps,
            "results": results,
        }

    def submit(self, *commands: Command, worker: Worker | None = None, crash: str = "") -> list[Event]:
        """What a process does with commands: decide on its own state, append, write the rows, dispatch."""
        worker = worker or self.random.choice(self.workers)
        name = "" if crash == "idle" else worker.name
        for command in commands:
            does = f"dies {crash}" if crash not in ("", "idle") else "hears"
            self.tell(f"  {worker.name} {does} {command}")
        if worker.state.seq < len(self.journal):
            turn = self._consider(worker.state, commands[0], name)
            if turn and turn.events:
                self.refusals += 1  # somebody has appended: read the tail and decide again
            self._catch_up(worker)
        if crash == "before":
            self.die(worker)
            return []
        said, changes = rows.decided(
            self.graph,
            worker.state,
            self.now,
            lambda state, command: self._consider(state, command, name),
            list(commands),
        )
        if said:
            self._append(worker, said)
            worker.unwritten.append((len(self.journal), changes))
            if crash == "between":
                self.die(worker)
                return said
            if self.random.random() < 0.9:
                self.write_rows(worker)
        if crash == "after":
            self.die(worker)
        else:
            _dispatch(worker, said)
        return said

    def _consider(self, state: RunState, command: Command, worker: str) -> Turn | None:
        try:
            return consider(self.graph, state, command, self.now, worker, self.window, self.gated)
        except (Conflict, Invalid):
            return None

    def _append(self, worker: Worker, said: list[Event]) -> None:
        seq = len(self.journal) + 1
        self.journal.append((seq, self.now.isoformat(timespec="milliseconds"), said))
        fold(self.graph, self.state, *self.journal[-1])
        told = [" ".join(filter(None, (event["kind"], event.get("step")))) for event in said]
        self.tell(f"  #{seq} {worker.name}: {', '.join(told)}")
        self.watch.entry(seq, said, self.state)
        assert worker.state.seq == seq
        assert seq % 8 or worker.state == self.state, "a decision has not become what its events say"

    def _catch_up(self, worker: Worker) -> None:
        for entry in self.journal[worker.state.seq :]:
            fold(self.graph, worker.state, *entry)

    def die(self, worker: Worker) -> None:
        """Everything in flight there is lost; another process takes its place."""
        self.crashes += 1
        self.gone.append(worker.name)
        if worker in self.workers:
            self.workers[self.workers.index(worker)] = self.worker()

    # ---------------------------------------------------------------- rows

    def write_rows(self, worker: Worker) -> None:
        """Write the rows of what this process has appended; who finds earlier ones missing makes all anew."""
        for seq, changes in worker.unwritten:
            torn = self.table.run["seq"] < seq - 1
            self.table.take(seq, changes)
            if torn:
                self._rebuild()
        wrote = bool(worker.unwritten)
        worker.unwritten.clear()
        if wrote and self.table.run["seq"] == len(self.journal):
            self.table.agrees(self.state)

    def _write_all(self) -> None:
        for worker in self.workers:
            self.write_rows(worker)

    def mend(self) -> None:
        """Recovery makes rows anew that are behind their journal."""
        if self.table.run["seq"] < len(self.journal):
            self._rebuild()

    def _rebuild(self) -> None:
        self.mended += 1
        self.table.replace(rows.rebuilt(self.graph, self.journal))

    # ---------------------------------------------------------------- how it ends

    def _kindness(self) -> None:
        """Everything that is under way arrives, everybody answers, every timer fires."""
        self._write_all()
        self.recover()
        self.admit()
        for worker in self.workers:
            self._finish_work(worker)
        for report in self.sent:
            self.submit(report)
        self.sent.clear()
        here = [dispatch for worker in self.workers for dispatch in worker.executing]
        for worker in self.workers:  # lost with a message, not with a worker that is gone
            for flight in list(in_flight(self.state, worker.name)):
                if dispatch_of(flight) not in here:
                    self.submit(interrupt(dispatch_of(flight), worker.name))
        self._write_all()
        self.now += timedelta(seconds=1000)
        self.fire(1)
        self._people_answer()

    def _finish_work(self, worker: Worker) -> None:
        for dispatch in list(worker.executing):
            while (report := works_on(self, worker, dispatch)) is None:
                pass
            worker.executing.remove(dispatch)
            worker.doors.pop(dispatch, None)
            self.sent.append(report)

    def _people_answer(self) -> None:
        for pk, known in list(self.state.approvals.items()):
            for by in ("mary", "john"):
                if known["status"] == "pending":
                    self.submit(Vote(pk, by, "approve"))
                    self.submit(Vote(pk, by, "submit"))
        for (key, _), job in list(self.state.undo.items()):
            if job["status"] == "stuck":
                action = self.random.choice(("retry", "retry", "skip", "give_up"))
                self.submit(Resolve(key, action, "mary", "for the best"))


def _dispatch(worker: Worker, said: list[Event]) -> None:
    for event in said:
        at = event.get("step"), event.get("epoch"), event.get("attempt")
        if event["kind"] == "step_started":
            worker.executing.append(at)
        elif event["kind"] == "item_started":
            worker.executing += [(*at, each["index"], each["attempt"]) for each in event["data"]["items"]]
        elif event["kind"] == "items_finished":
            worker.executing.append((*at, "gather"))
        elif event["kind"] == "compensation_started":
            worker.executing.append((*at, "undo"))
