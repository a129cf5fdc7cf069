"""The ledger: external calls that a step, or what undoes it, has sent, and what came back (semantic 6).

The state keeps the calls of each step's present epoch until the step completes: ``state.effects`` says
step -> {slot: call}, where a call is {call, key, what, received, [item], [receipt], [payload]}. A result
that came too late has the slot ``result``. An epoch that is over is known from the journal only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from builder.graph import Graph
from runs.engine.commands import Noted, Received, Sent
from runs.engine.events import Event
from runs.engine.records import RunState
from runs.engine.states import StepStatus

if TYPE_CHECKING:
    from runs.engine.turn import Turn


def slot(call: int, item: int | None) -> str:
    """What a call goes by within its step."""
    return str(call) if item is None else f"{item}.{call}"


def sent(turn: Turn, command: Sent) -> None:
    """A call is about to be made. Without an ``effect_sent`` it must not be: the attempt no longer counts.

    Or the call was answered already, of which the process that asks has not heard yet.
    """
    noted(turn, command)
    if not _counts(turn.state, command) or _is_answered(turn.state, command):
        return
    data: dict[str, Any] = {"call": command.call, "key": command.key, "what": command.what}
    turn.say_of("effect_sent", command.step, command.epoch, command.attempt, data | _where(command))


def noted(turn: Turn, command: Sent | Noted) -> None:
    """Receipts of calls that were answered."""
    take(turn, command, command.received)


def take(turn: Turn, command: Any, received: tuple[Received, ...], *, brief: bool = False) -> None:
    """Write down receipts, each once. ``brief``: the step's end, in the same entry, says what they do."""
    for one in received:
        if _known(turn.state, command, one):
            continue
        data: dict[str, Any] = {"call": one.call, "key": one.key, **_where(command)}
        if one.payload is not None and not brief:
            data["payload"] = dict(one.payload)
        elif not brief:
            data["receipt"] = one.receipt
        turn.say_of("effect_received", command.step, command.epoch, command.attempt, data)


def _where(command: Any) -> dict[str, Any]:
    where: dict[str, Any] = {}
    if getattr(command, "item", None) is not None:
        where["item"] = command.item
    if getattr(command, "undo", False):
        where["undo"] = True
    return where


def _known(state: RunState, command: Any, one: Received) -> bool:
    """Whether the receipt is in the journal already, or belongs to nothing that is waited for."""
    calls = _calls(state, command.step, command.epoch, undo=getattr(command, "undo", False))
    if calls is None:
        item = (command.item, command.tried) if getattr(command, "item", None) is not None else ()
        return (command.step, command.epoch, command.attempt, *item) not in state.unanswered
    found = calls.get(slot(one.call, getattr(command, "item", None)))
    return found is None or bool(found["received"])


def _calls(state: RunState, key: str, epoch: int, *, undo: bool) -> dict[str, Any] | None:
    """The calls of a step, or of what undoes it; None for an epoch that is over."""
    if undo:
        job = state.undo.get((key, epoch))
        return None if job is None else job["calls"]
    step = state.steps.get(key)
    return state.effects.get(key, {}) if step is not None and step.epoch == epoch else None


def _counts(state: RunState, command: Sent) -> bool:
    if command.undo:
        job = state.undo.get((command.step, command.epoch))
        return job is not None and job["status"] == "running" and job["attempt"] == command.attempt
    step = state.steps.get(command.step)
    if step is None or step.epoch != command.epoch or command.step in state.undoing:
        return False
    if step.status is not StepStatus.RUNNING or step.attempt != command.attempt:
        return False
    return command.item is None or item_runs(state, command.step, command.item, command.tried)


def item_runs(state: RunState, key: str, index: int, tried: int) -> bool:
    """Whether this attempt of a map's item is under way."""
    found = state.maps.get(key)
    return found is not None and index in found.running and found.items[index].attempt == tried


def _is_answered(state: RunState, command: Sent) -> bool:
    calls = _calls(state, command.step, command.epoch, undo=command.undo) or {}
    return bool(calls.get(slot(command.call, command.item), {}).get("received"))


def answered(state: RunState, key: str) -> bool:
    """Whether any call of the step's present epoch was answered."""
    return any(call["received"] for call in state.effects.get(key, {}).values())


def items_answered(state: RunState, key: str) -> frozenset[int]:
    """The items of a map of whose calls any was answered."""
    calls = state.effects.get(key, {}).values()
    return frozenset(call["item"] for call in calls if call["received"] and "item" in call)


def unknown(state: RunState, key: str) -> bool:
    """Whether a call of the step's present epoch was sent, and nobody knows what came of it."""
    return any(not call["received"] for call in state.effects.get(key, {}).values())


def last_receipt(state: RunState, key: str) -> dict[str, Any]:
    """The call that was answered last, or {}."""
    found = [call for call in state.effects.get(key, {}).values() if call["received"]]
    return found[-1] if found else {}


# ---------------------------------------------------------------- the fold


def fold_sent(graph: Graph, state: RunState, at: str, event: Event) -> None:
    """A call was sent."""
    data = event["data"]
    call = {name: data[name] for name in ("call", "key", "what", "item") if name in data}
    _put(state, event, {**call, "received": False})


def fold_received(graph: Graph, state: RunState, at: str, event: Event) -> None:
    """A call was answered."""
    data = event["data"]
    undo = bool(data.get("undo"))
    calls = _calls(state, event["step"], event["epoch"], undo=undo)
    if calls is not None:
        name = slot(data["call"], data.get("item"))
        found = {part: data[part] for part in ("receipt", "payload") if part in data}
        call = {"call": data["call"], "key": data["key"], "what": "", **calls.get(name, {})}
        _put(state, event, {**call, **found, "received": True})


def keep_result(state: RunState, event: Event) -> None:
    """A result that came too late shows, like a receipt, that the step had its effect."""
    key, data = event["step"], event["data"]
    found = {"payload": data["payload"]} if "payload" in data else {"receipt": data.get("output")}
    call = {"call": None, "key": "", "what": "", "received": True, **found}
    name = "result"
    if "item" in data:
        call["item"] = data["item"][0]
        name = f"{call['item']}.result"
    state.effects[key] = {**state.effects.get(key, {}), name: call}


def _put(state: RunState, event: Event, call: dict[str, Any]) -> None:
    key, data = event["step"], event["data"]
    name = slot(data["call"], data.get("item"))
    if data.get("undo"):
        job = state.undo[key, event["epoch"]]
        state.undo[key, event["epoch"]] = {**job, "calls": {**job["calls"], name: call}}
    else:
        state.effects[key] = {**state.effects.get(key, {}), name: call}


def refused(state: RunState, key: str, item: int | None = None) -> None:
    """The other side has said that it did not do what was asked: those calls are not in doubt."""
    _keep(state, key, lambda call: call["received"] or call.get("item") != item)


def item_ended(state: RunState, key: str, item: int) -> None:
    """An item has completed: it is not run again in this epoch, so nobody asks for its receipts."""
    _keep(state, key, lambda call: call.get("item") != item)


def step_ended(state: RunState, key: str) -> None:
    """The step has completed. Of a map, what items that have failed did is still to be undone."""
    _keep(state, key, lambda call: "item" in call and call["received"])


def _keep(state: RunState, key: str, which: Callable[[dict[str, Any]], bool]) -> None:
    calls = state.effects.get(key)
    if calls is None:
        return
    kept = {name: call for name, call in calls.items() if which(call)}
    if kept:
        state.effects[key] = kept
    else:
        del state.effects[key]
