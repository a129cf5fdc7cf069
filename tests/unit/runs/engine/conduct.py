"""How steps of a simulated run behave: as their types may, by chance; and what they do to the world outside.

A call is journaled, made, and answered, or its answer is lost; the runtime's door does the same.
"""

# mypy: disable-error-code="call-arg,misc"

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from runs.engine.commands import (
    Asked,
    Command,
    Complete,
    Fail,
    Held,
    ItemDone,
    ItemFail,
    ItemHeld,
    Listed,
    Noted,
    Received,
    Reuse,
    Sent,
    Slept,
    UndoFailed,
    Undone,
)
from runs.engine.ledger import slot

if TYPE_CHECKING:
    from tests.unit.runs.engine.simulation import Worker, World

# step, epoch, attempt; of an item also its index and attempt; or "gather"; or "undo" (attempt: to undo)
Dispatch = Any
Report = Command


class Door:
    """The external calls of one dispatch in one worker."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.number = 0
        self.received: tuple[Received, ...] = ()


def works_on(world: World, worker: Worker, dispatch: Dispatch) -> Report | None:
    """The step makes its next call; or it has made all and ends, which is the report. None: it goes on."""
    door = worker.doors.get(dispatch)
    if door is None:
        door = worker.doors[dispatch] = Door(_calls(world, dispatch))
    if door.number == door.left:
        return _ends(world, worker, dispatch, door)
    if problem := _call(world, worker, dispatch, door):
        _note(world, worker, dispatch, door)
        return _failure(dispatch, problem)
    return None


def _calls(world: World, dispatch: Dispatch) -> int:
    spec = world.graph.steps[dispatch[0]]
    if dispatch[3:] == ("undo",):
        return len(spec.key) % 2
    return 0 if spec.type == "map" or len(dispatch) > 3 else int(spec.config.get("calls", 0))


def _call(world: World, worker: Worker, dispatch: Dispatch, door: Door) -> dict[str, Any] | None:
    """As the door does it; returns the error where it came to nothing."""
    key, epoch, attempt = dispatch[:3]
    number, undo = door.number, dispatch[3:] == ("undo",)
    door.number += 1
    if _answered(worker, dispatch, number):
        return None
    name = f"run:{key}:{epoch}:{number}{':undo' if undo else ''}"
    sent = Sent(key, epoch, attempt, number, name, "POST", door.received, undo=undo)
    said = world.submit(sent, worker=worker)
    if not any(event["kind"] == "effect_sent" for event in said):
        if _answered(worker, dispatch, number):
            door.received = ()
            return None
        return {"code": "cancelled", "message": "It no longer counts.", "retryable": False}
    door.received = ()
    chance = world.random.random()
    if chance < 0.03:
        return {"code": "busy", "message": "It refused.", "retryable": True, "refused": True}
    if chance < 0.98:
        world.happened[name] = world.happened.get(name, 0) + 1
    if chance > 0.93:
        return {"code": "lost", "message": "No answer.", "retryable": chance > 0.95}
    door.received = (Received(number, name, {"call": number}),)
    return None


def _answered(worker: Worker, dispatch: Dispatch, number: int) -> bool:
    """Whether this process knows the answer to the call from an earlier attempt."""
    key, epoch = dispatch[:2]
    if dispatch[3:] == ("undo",):
        calls = worker.state.undo.get((key, epoch), {}).get("calls", {})
    else:
        calls = worker.state.effects.get(key, {}) if worker.state.steps[key].epoch == epoch else {}
    return bool(calls.get(slot(number, None), {}).get("received"))


def _note(world: World, worker: Worker, dispatch: Dispatch, door: Door) -> None:
    """An attempt that fails says what it has received until then."""
    if door.received:
        undo = dispatch[3:] == ("undo",)
        world.submit(Noted(*dispatch[:3], door.received, undo=undo), worker=worker)
        door.received = ()


def _failure(dispatch: Dispatch, error: dict[str, Any]) -> Report:
    kind = UndoFailed if dispatch[3:] == ("undo",) else Fail
    return kind(*dispatch[:3], error)


def _ends(world: World, worker: Worker, dispatch: Dispatch, door: Door) -> Report:
    """How a step ends: as its type may, by chance."""
    random, chance = world.random, world.random.random()
    if dispatch[0] in world.gated and dispatch[3:] not in (("undo",), ("gather",)) and chance > 0.9:
        return _held(world, dispatch)
    if len(dispatch) == 5:
        return _item(world, dispatch, chance)
    if dispatch[3:] == ("gather",):
        return Complete(*dispatch[:3], output={"results": []})
    spec = world.graph.steps[dispatch[0]]
    if dispatch[3:] != ("undo",) and spec.type == "map" and chance > 0.2:
        return _items(world, dispatch)
    if chance < (0.3 if dispatch[3:] == ("undo",) else 0.08):
        _note(world, worker, dispatch, door)
        error = {"code": random.choice(("boom", "timeout")), "message": "no"}
        return _failure(dispatch, {**error, "retryable": random.random() < 0.7})
    if dispatch[3:] == ("undo",):
        return Undone(*dispatch[:3], {"undid": spec.key}, cost=0.25, received=door.received)
    if spec.type == "delay":
        return Slept(*dispatch, world.now + timedelta(seconds=random.choice((0, 5, 60))))
    if spec.type in ("approval", "form"):
        return _question(world, dispatch, spec.type)
    return _result(world, worker, dispatch, door, chance)


def _result(world: World, worker: Worker, dispatch: Dispatch, door: Door, chance: float) -> Report:
    spec, mark = world.graph.steps[dispatch[0]], ""
    ports = [port for port in spec.ports if port != "failure"]
    taken = tuple(world.random.sample(ports, world.random.randint(1, len(ports))))
    if chance < 0.13:
        taken = ("failure",)
    elif spec.config.get("serves_again"):
        mark = f"{spec.key} {world.random.random() < 0.1}"
        earlier = worker.state.results.get(spec.key)
        if earlier is not None and earlier["hash"] == mark:
            return Reuse(*dispatch, mark)
    return Complete(
        *dispatch, taken, {"by": spec.key}, usage={"input_tokens": dispatch[2]}, cost=0.5, hash=mark,
        received=door.received,
    )  # fmt: skip


def _items(world: World, dispatch: Dispatch) -> Report:
    """A map works out its items; the same ones in each attempt, most of the time."""
    number = int(dispatch[0][1:])
    count = len(dispatch[0]) + number % 5 + (world.random.random() < 0.1)
    return Listed(*dispatch, count, f"{count} items", 1 + number % 3, number % 2 == 0, list(range(count)))


def _item(world: World, dispatch: Dispatch, chance: float) -> Report:
    """How an item ends."""
    if chance < 0.15:
        error = {"code": world.random.choice(("boom", "timeout")), "message": "no"}
        return ItemFail(*dispatch, {**error, "retryable": world.random.random() < 0.7})
    return ItemDone(*dispatch, output=dispatch[3], size=1, usage={"input_tokens": 1})


def _held(world: World, dispatch: Dispatch) -> Report:
    """It may not call its model now."""
    due_at = world.now + timedelta(seconds=world.random.choice((1, 30)))
    if len(dispatch) == 5:
        return ItemHeld(*dispatch, due_at)
    return Held(*dispatch, due_at, {"kind": "model", "subject": "m", "what": "requests", "most": 1})


def _question(world: World, dispatch: Dispatch, kind: str) -> Report:
    expires_at = (world.now + timedelta(seconds=20)).isoformat() if world.random.random() < 0.5 else None
    world.questions += 1
    asked: dict[str, Any] = {"id": str(UUID(int=world.questions)), "message": "Well?", "kind": kind}
    quorum = world.random.choice((1, 1, 2)) if kind == "approval" else 1
    people = {"assignees": ["mary", "john"], "quorum": quorum, "expires_at": expires_at}
    return Asked(*dispatch, {**asked, **people})
