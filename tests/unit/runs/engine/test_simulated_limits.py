"""The same world with limits: some steps start only when admitted, and calls are refused for a while."""

# mypy: disable-error-code="call-arg"

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

from runs.engine.commands import Admit, Command, Held, ItemHeld
from runs.engine.events import Event
from tests.unit.runs.engine.dags import random_dag
from tests.unit.runs.engine.simulation import Worker, World

LIMIT = {"kind": "user", "subject": "mary", "what": "concurrency", "most": 1}


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
    """Any half of the steps is bounded, and calls are refused."""

    ACTS = (*World.ACTS, *[World.admit] * 3, World.await_slots, refuse, refuse)

    def submit(self, *commands: Command, worker: Worker | None = None, crash: str = "") -> list[Event]:
        """Nothing bounded starts unless it is admitted."""
        said = super().submit(*commands, worker=worker, crash=crash)
        if not any(isinstance(command, Admit) for command in commands):
            started = {event["step"] for event in said if event["kind"] in ("step_started", "item_started")}
            assert not started & self.gated, f"{started & self.gated} started without a slot"
        return said


def test_limits_delay_what_starts_and_break_no_invariant():
    """semantics 1 to 9: with crashes at every point a run of which limits bound some steps still ends."""
    met: Counter[str] = Counter()
    for seed in range(150):
        random = Random(seed)
        world = BoundedWorld(random_dag(random, 12), random, chaos=60, bound=0.5)
        world.run()
        met.update(event["kind"] for _, _, events in world.journal for event in events)
        met["bounded worlds"] += bool(world.gated)
    assert met["bounded worlds"] > 120, "most worlds bound something"
    assert min(met["slots_awaited"], met["item_waiting"] * 10, met["step_waiting"]) > 20
