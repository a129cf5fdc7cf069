"""What may happen in a history that the engine and the reference are both told of, and how they compare."""

# mypy: disable-error-code="call-arg,misc"

from __future__ import annotations

from random import Random

import pytest

from orchestrator.errors import Conflict
from runs.engine.commands import (
    Due,
    Fork,
    ItemDone,
    ItemFail,
    Listed,
    Noted,
    Received,
    Resolve,
    Reuse,
    Sent,
    UndoFailed,
    UndoInterrupted,
    Undone,
)
from runs.engine.fork import branch
from runs.engine.mapping import active
from tests.unit.runs.engine.dags import random_dag
from tests.unit.runs.engine.play import Play
from tests.unit.runs.engine.reference_history import ENDED, Reference, Refused


def step_acts(random: Random, play: Play, told: Reference) -> None:
    """A step that runs or waits does something that its type may."""
    key = random.choice([*play.state.running, *play.state.waiting])
    spec, wait = play.graph.steps[key], play.state.steps[key].wait
    if key in told.items:
        _map_on(random, play, told, key)
    elif wait is None:
        _run_on(random, play, told, key)
    elif wait["kind"] == "retry":
        play.now = max(play.now, play.now.fromisoformat(wait["due_at"]))
        play.due(key, "retry")
        told.again(key)
    elif wait["kind"] == "delay":
        play.wait(10)
        play.due(key, "delay")
        told.ends(key, ("success",))
    else:
        _answer(random, play, told, key, wait["approval"])
    assert spec.key == key


def _answer(random: Random, play: Play, told: Reference, key: str, pk: str) -> None:
    form = play.graph.steps[key].type == "form"
    port = random.choice(("success", "expired") if form else ("approved", "rejected", "expired"))
    if port == "expired":
        play.wait(10)
        play.due(key, "expiry")
    elif form:
        play.vote(pk, "submit", data={"a": 1})
    elif port == "approved" and play.approval(key)["quorum"] == 2:
        play.vote(pk, "approve", by="john")
        agree(play, told)  # one of two is not enough
        play.vote(pk, "approve", by="mary")
    else:
        play.vote(pk, "approve" if port == "approved" else "reject")
    told.ends(key, (port,))


def undo_acts(random: Random, play: Play, told: Reference) -> None:
    """What undoes a step works, or does not; a person says how it goes on."""
    (key, epoch), job = next(iter(play.state.undo.items()))
    where, chance = (key, epoch, job["attempt"]), random.random()
    if told.stuck:
        action = random.choice(("retry", "retry", "skip", "give_up"))
        play.do(Resolve(key, action, "mary", "so be it"))
        {"retry": told.undo_again, "give_up": told.give_up}.get(action, lambda: told.undoes(key))()
    elif job["status"] == "waiting":
        play.wait(100)
        play.do(Due(*where, "undo"))
    elif chance < 0.7:
        play.do(Undone(*where))
        told.undoes(key)
    elif chance < 0.75:
        play.do(UndoInterrupted(*where, "w1"))
    else:
        error = {"code": "boom", "message": "No.", "retryable": chance < 0.9}
        play.do(UndoFailed(*where, error))
        told.undo_fails(key, chance < 0.9)


def _run_on(random: Random, play: Play, told: Reference, key: str) -> None:
    spec = play.graph.steps[key]
    if random.random() < 0.3 and key not in play.state.undoing:
        name = f"r:{key}:{play.state.steps[key].epoch}:0"
        play.do(Sent(*play.now_at(key), 0, name, "POST"))
        play.do(Noted(*play.now_at(key), (Received(0, name, {"ok": True}),)))
        told.calls(key)
    if random.random() < 0.18:
        retryable = random.random() < 0.6
        play.fail(key, retryable=retryable)
        told.raises(key, retryable)
    elif spec.type == "delay":
        play.sleep(key, 5)
        told.waits(key)
    elif spec.type in ("approval", "form"):
        quorum = random.choice((1, 2)) if spec.type == "approval" else 1
        play.ask(key, kind=spec.type, quorum=quorum, expires_at=play.now.isoformat())
        told.waits(key)
    elif spec.type == "map" and random.random() < 0.9:
        count, at_once, skip = random.randint(0, 4), random.randint(1, 3), random.random() < 0.5
        play.do(Listed(*play.now_at(key), count, str(len(play.journal)), at_once, skip, [0] * count))
        told.lists(key, count, at_once, skip)
    else:
        _completes(random, play, told, key)


def _completes(random: Random, play: Play, told: Reference, key: str) -> None:
    spec = play.graph.steps[key]
    again = bool(spec.config.get("serves_again"))
    if again and key in told.results and random.random() < 0.7:
        play.do(Reuse(*play.now_at(key), key))
        told.ends(key, told.results[key], serves_again=True)
        return
    ports = [port for port in spec.ports if port != "failure"]
    taken = tuple(random.sample(ports, random.randint(1, len(ports))))
    taken = ("failure",) if random.random() < 0.15 else taken
    play.complete(key, *taken, hash=key if again else "")
    told.ends(key, taken, serves_again=again)


def _map_on(random: Random, play: Play, told: Reference, key: str) -> None:
    """An item ends, or raises, or its pause is over; or the results are put together."""
    items = told.items[key]
    if items.gathering:
        play.complete(key)
        told.ends(key, ("success",))
    elif items.pausing and (not items.running or random.random() < 0.3):
        play.wait(1000)
        play.do(Due(*play.now_at(key), "items"))
        told.pauses_over(key)
    elif items.running:
        index, chance = random.choice(sorted(items.running)), random.random()
        item = (*play.now_at(key), index, play.state.maps[key].items[index].attempt)
        if chance < 0.7:
            play.do(ItemDone(*item))
            told.item_ends(key, index)
        else:
            play.do(ItemFail(*item, {"code": "boom", "message": "No.", "retryable": chance < 0.9}))
            told.item_raises(key, index, chance < 0.9)


def person_acts(random: Random, play: Play, told: Reference) -> None:
    """A person interferes; both refuse it, or neither."""
    to = random.choice([*play.graph.steps, *play.graph.steps, None])
    act = random.choice(("retry", "roll_back", "roll_back", "cancel", "cancel_step"))
    given = {"roll_back": (to,), "cancel_step": (to or next(iter(play.graph.steps)),)}.get(act, ())
    try:
        getattr(told, act)(*given)
    except Refused:
        with pytest.raises(Conflict):
            getattr(play, act)(*given)
    else:
        getattr(play, act)(*given)


def agree(play: Play, told: Reference) -> None:
    """The same steps run, wait, are skipped, have failed, in the same epochs, and the run stands the same."""
    assert {key: str(step.status) for key, step in play.state.steps.items()} == told.status
    assert {key: step.epoch for key, step in play.state.steps.items()} == told.epoch
    assert str(play.state.status).replace("WAITING", "RUNNING") == told.run
    queue = [key for key, _ in play.state.undo]
    assert (set(queue[: len(told.first)]), queue[len(told.first) :]) == (told.first, told.queue)
    maps = {key: active(play.state, key) for key in play.state.maps}
    assert {key: set(found.running) for key, found in maps.items() if found} == {
        key: items.running for key, items in told.items.items()
    }
    assert set(play.state.results) == set(told.results)


def follow(random: Random, most: int, acts: int) -> Play:
    """Play one history, comparing after every act."""
    play = Play(random_dag(random, most), careful=False, window=1000)
    go_on(random, play, Reference(play.graph), acts)
    return play


def go_on(random: Random, play: Play, told: Reference, acts: int) -> None:
    """Some more acts, comparing after every one."""
    agree(play, told)
    for _ in range(acts):
        idle = not play.state.running and not play.state.waiting and not play.state.undo
        if idle and told.run in ENDED and random.random() < 0.1:
            break
        if idle or random.random() < 0.08:
            person_acts(random, play, told)
        elif play.state.undo and (random.random() < 0.5 or not (play.state.running or play.state.waiting)):
            if told.undoing and not told.undoing & set(play.state.running):
                undo_acts(random, play, told)
        else:
            step_acts(random, play, told)
        agree(play, told)


def fork(random: Random, play: Play, told: Reference, acts: int) -> bool:
    """Fork from any step, go on there, and compare; False where both refuse it."""
    start = random.choice(list(play.graph.steps))
    try:
        there = told.fork(start)
    except Refused:
        with pytest.raises(Conflict):
            branch(play.graph, play.state, play.graph, start)
        return False
    found = branch(play.graph, play.state, play.graph, start)
    begun = Play(play.graph, start=False, careful=False, window=1000)
    said = {"run": "r", "number": 1, "version": 1, "from": start, "steps": found.taken}
    begun.do(Fork({}, {"id": "1", "username": "mary"}, 1, {**said, "results": found.results}))
    go_on(random, begun, there, acts)
    return True
