"""The same world with limits: some steps start only when admitted, and calls are refused for a while."""

# mypy: disable-error-code="call-arg"

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

from builder.graph import Graph
from orchestrator.errors import Conflict, Invalid
from runs.engine.commands import Admit, Await, Command, Held, ItemHeld
from runs.engine.decide import consider
from runs.engine.events import Event
from runs.engine.records import RunState
from runs.engine.turn import Turn
from tests.unit.runs.engine.dags import random_dag
from tests.unit.runs.engine.simulation import Worker, World

LIMIT = {"kind": "user", "subject": "mary", "what": "concurrency", "most": 1}


def admit(world: BoundedWorld) -> None:
    """A slot or some come free."""
    world.submit(Admit(world.gated, world.random.randint(1, 3)))


def say(world: BoundedWorld) -> None:
    """The wait has lasted a while."""
    world.submit(Await((LIMIT,)))


def refuse(world: BoundedWorld) -> None:
    """A step or an item may not call its model now."""
    worker = world.random.choice(world.workers)
    mine = [dispatch for dispatch in worker.executing if len(dispatch) in (3, 5)]
    if mine:
        dispatch = world.random.choice(mine)
        worker.executing.remove(dispatch)
        worker.doors.pop(dispatch, None)
        until = world.now + timedelta(seconds=30)
        held: Any = Held(*dispatch, until, LIMIT) if len(dispatch) == 3 else ItemHeld(*dispatch, until)
        world.submit(held)


class BoundedWorld(World):
    """Any half of the steps is bounded."""

    ACTS = (*World.ACTS, admit, admit, admit, say, refuse, refuse)

    def __init__(self, graph: Graph, random: Random, **more: Any) -> None:
        self.gated = frozenset(key for key in graph.steps if random.random() < 0.5)
        super().__init__(graph, random, **more)

    def submit(self, *commands: Command, worker: Worker | None = None, crash: str = "") -> list[Event]:
        """Nothing bounded starts unless it is admitted."""
        said = super().submit(*commands, worker=worker, crash=crash)
        if not any(isinstance(command, Admit) for command in commands):
            started = {event["step"] for event in said if event["kind"] in ("step_started", "item_started")}
            assert not started & self.gated, f"{started & self.gated} started without a slot"
        return said

    def _consider(self, state: RunState, command: Command, worker: str) -> Turn | None:
        try:
            return consider(self.graph, state, command, self.now, worker, self.window, self.gated)
        except (Conflict, Invalid):
            return None

    def _kindness(self) -> None:
        super()._kindness()
        self.submit(Admit(self.gated, 9))


def test_limits_delay_what_starts_and_break_no_invariant():
    """semantics 1 to 9: with crashes at every point a run of which limits bound some steps still ends."""
    met: Counter[str] = Counter()
    for seed in range(150):
        random = Random(seed)
        world = BoundedWorld(random_dag(random, 12), random, chaos=60)
        world.run()
        met.update(event["kind"] for _, _, events in world.journal for event in events)
    assert min(met["slots_awaited"], met["item_waiting"] * 10, met["step_waiting"]) > 20
