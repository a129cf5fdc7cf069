"""How the fold takes the events of a map's items. An event costs what it changes, however many items wait."""

from __future__ import annotations

from dataclasses import replace

from builder.graph import Graph
from runs.engine import ledger
from runs.engine.commands import TIMEOUT
from runs.engine.events import Event
from runs.engine.items import ItemState, MapState
from runs.engine.moves import move_step, spend
from runs.engine.records import RunState
from runs.engine.states import StepStatus


def active(state: RunState, key: str) -> MapState | None:
    """The map of a step whose items are under way, else None."""
    found, step = state.maps.get(key), state.steps[key]
    if found is None or found.attempt != step.attempt:
        return None
    return found if step.status in (StepStatus.RUNNING, StepStatus.WAITING) else None


def settle(state: RunState, key: str, found: MapState) -> None:
    """A map waits once nothing of it runs or can start and some item pauses, until an item starts again.

    While it waits it has no place in the window of the run.
    """
    step = state.own(key)
    startable = found.startable
    if startable:
        state.mapping[key] = None
    else:
        state.mapping.pop(key, None)
    waits = step.status is StepStatus.WAITING or bool((found.pausing or found.children) and not startable)
    idle = waits and not (found.running or found.finishing)
    status = StepStatus.WAITING if idle else StepStatus.RUNNING
    if step.status is not status:
        move_step(step, status)
        gone, kept = (state.running, state.waiting) if idle else (state.waiting, state.running)
        gone.pop(key, None)
        kept[key] = None
    paused = {"kind": "items", "due_at": found.due_at, "timer": found.timers}
    step.wait = paused if found.pausing or found.children else None


def _listed(graph: Graph, state: RunState, at: str, event: Event) -> None:
    key, data, old = event["step"], event["data"], state.maps.get(event["step"])
    step = state.own(key)
    found = MapState(
        event["attempt"], data["count"], data["digest"], data["concurrency"], data["skip"],
        data.get("items"), data.get("payload"),
    )  # fmt: skip
    if old is not None:
        found.timers = old.timers
    if old is not None and old.digest == found.digest:
        _keep(old, found)
    state.maps[key] = found
    step.usage, step.cost, step.interruptions = found.usage, found.cost, 0
    settle(state, key, found)


def _keep(old: MapState, found: MapState) -> None:
    """What has ended of the same items in an earlier dispatch of this epoch need not run again."""
    for index, item in old.items.items():
        if item.status is StepStatus.COMPLETED:
            found.items[index] = item
            found.outputs[index] = old.outputs[index]
        elif found.skip and item.status is StepStatus.FAILED:
            found.items[index] = item
            found.failed += 1
        else:  # it begins again; its attempts count on, so that late results are told apart
            found.items[index] = ItemState(attempt=item.attempt)
            found.queue[index] = None
    found.completed, found.size = len(found.outputs), old.size
    found.usage, found.cost = old.usage, old.cost
    _advance(found)


def _advance(found: MapState) -> None:
    while found.next < found.count and found.next in found.items:
        found.next += 1


def _started(graph: Graph, state: RunState, at: str, event: Event) -> None:
    found, worker = state.own_map(event["step"]), event["data"]["worker"]
    for each in event["data"]["items"]:
        index = each["index"]
        item = found.items.get(index) or ItemState()
        found.items[index] = replace(
            item, status=StepStatus.RUNNING, attempt=each["attempt"], worker=worker, started_at=at
        )
        found.queue.pop(index, None)
        found.running[index] = None
    _advance(found)
    settle(state, event["step"], found)


def completed(graph: Graph, state: RunState, at: str, event: Event) -> None:
    """Items have completed."""
    found = state.own_map(event["step"])
    for each in event["data"]["items"]:
        index = each["index"]
        item = found.items.pop(index)  # in the order of their ends
        found.items[index] = replace(
            item, status=StepStatus.COMPLETED, error=None, finished_at=at, interruptions=0
        )
        name = "payload" if "payload" in each else "output"
        found.outputs[index] = {name: each[name]}
        _leave(found, index)
        found.completed += 1
        found.size += each["size"]
        _spend(state, event["step"], found, each)
        if state.effects:
            ledger.item_ended(state, event["step"], index)
    settle(state, event["step"], found)


def _leave(found: MapState, index: int) -> None:
    """An attempt of an item has ended, here or as a child run."""
    found.running.pop(index, None)
    found.children.pop(index, None)


def _spend(state: RunState, key: str, found: MapState, spent: Event) -> None:
    spend(state, spent)
    usage = dict(found.usage)
    for name, amount in spent.get("usage", {}).items():
        usage[name] = usage.get(name, 0) + amount
    found.usage, found.cost = usage, found.cost + spent.get("cost", 0.0)
    step = state.own(key)
    step.usage, step.cost = usage, found.cost


def _failed(graph: Graph, state: RunState, at: str, event: Event) -> None:
    found = state.own_map(event["step"])
    for each in event["data"]["items"]:
        index, due_at = each["index"], each.get("due_at")
        item = found.items.pop(index)
        status = StepStatus.PENDING if due_at else StepStatus.FAILED
        found.items[index] = replace(
            item, status=status, failures=item.failures + 1, error=each["error"], finished_at=at,
            interruptions=0,
        )  # fmt: skip
        _leave(found, index)
        if each["error"].get("refused"):
            ledger.refused(state, event["step"], index)
        if each["error"].get("code") == TIMEOUT:
            state.unanswered[_dispatch(event, index, item)] = None
        if due_at:
            found.pausing[index] = due_at
            _due(found, min(found.due_at or due_at, due_at))
        else:
            found.failed += 1
    settle(state, event["step"], found)


def _waiting(graph: Graph, state: RunState, at: str, event: Event) -> None:
    found = state.own_map(event["step"])
    for each in event["data"]["items"]:
        index = each["index"]
        found.items[index] = replace(
            found.items[index], status=StepStatus.PENDING, finished_at=at, interruptions=0
        )
        found.running.pop(index, None)
        found.pausing[index] = each["due_at"]
        _due(found, min(found.due_at or each["due_at"], each["due_at"]))
    settle(state, event["step"], found)


def _due(found: MapState, due_at: str | None) -> None:
    if due_at != found.due_at:
        found.due_at = due_at
        found.timers += 1


def _dispatch(event: Event, index: int, item: ItemState) -> tuple[str, int, int, int, int]:
    return event["step"], event["epoch"], event["attempt"], index, item.attempt


def _queued(graph: Graph, state: RunState, at: str, event: Event) -> None:
    found = state.own_map(event["step"])
    for index in event["data"]["items"]:
        found.pausing.pop(index, None)
        found.queue[index] = None
    _due(found, min(found.pausing.values(), default=None))
    settle(state, event["step"], found)


def _interrupted(graph: Graph, state: RunState, at: str, event: Event) -> None:
    found = state.own_map(event["step"])
    for each in event["data"]["items"]:
        index = each["index"]
        item = found.items[index]
        state.unanswered[_dispatch(event, index, item)] = None
        found.items[index] = replace(item, status=StepStatus.PENDING, interruptions=item.interruptions + 1)
        found.running.pop(index, None)
        found.queue[index] = None
    settle(state, event["step"], found)


def _finished(graph: Graph, state: RunState, at: str, event: Event) -> None:
    found = state.own_map(event["step"])
    found.finishing = True
    state.own(event["step"]).worker = event["data"]["worker"]
    settle(state, event["step"], found)


def shut(state: RunState, key: str, event: Event) -> None:
    """The map has ended: what still runs is given up. Only an unfinished map keeps its items' outputs."""
    found = state.own_map(key)
    for index in (*found.queue, *found.pausing, *found.children, *found.running):
        item = found.items.pop(index)
        if index in found.running or index in found.children:
            state.unanswered[_dispatch(event, index, item)] = None
        found.items[index] = replace(item, status=StepStatus.CANCELLED)
    found.running, found.children, found.queue, found.pausing, found.due_at = {}, {}, {}, {}, None
    found.finishing = False
    if event["kind"] == "step_completed":
        found.outputs = {}
    state.mapping.pop(key, None)


HANDLERS = {
    "items_listed": _listed,
    "item_started": _started,
    "item_completed": completed,
    "item_failed": _failed,
    "item_waiting": _waiting,
    "item_queued": _queued,
    "item_interrupted": _interrupted,
    "items_finished": _finished,
}
