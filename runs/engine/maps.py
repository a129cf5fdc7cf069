"""What follows for a map: its items start as there is room, end, are tried again, and make its result."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from runs.engine import ledger
from runs.engine.commands import TIMEOUT, Due, ItemDone, ItemFail, ItemHeld, ItemInterrupt, ItemReport, Listed
from runs.engine.ends import MOST_INTERRUPTIONS, fail, heard, pause_s
from runs.engine.items import ItemState, MapState
from runs.engine.mapping import active
from runs.engine.turn import UNDONE, Turn, iso
from runs.engine.unwinding import owed_items

MOST_BYTES = 10 * 1024 * 1024  # of a map's results together


def listed(turn: Turn, report: Listed) -> None:
    """The step has worked out its items; those of an earlier dispatch that have completed are kept."""
    if heard(turn, report) is None:
        return
    old = turn.state.maps.get(report.step)
    if old is not None and old.digest != report.digest and owed_items(turn.graph, turn.state, report.step):
        message = (
            "Its items are not those that it began with; roll back to this step, which undoes those first."
        )
        fail(turn, report.step, {"code": "items_changed", "message": message, "retryable": False})
        return
    given = {"items": report.items} if report.payload is None else {"payload": dict(report.payload)}
    said = {"count": report.count, "digest": report.digest, "concurrency": report.concurrency}
    turn.say_step("items_listed", report.step, {**said, "skip": report.skip, **given})


def heard_item(turn: Turn, report: ItemReport) -> tuple[MapState, ItemState] | None:
    """The item if it waits for just this report; one that was given up is written down as ignored, once."""
    state, key = turn.state, report.step
    step = state.steps.get(key)
    if step is None:
        return None
    found = active(state, key)
    if found is not None and (step.epoch, step.attempt) == (report.epoch, report.attempt):
        item = found.items.get(report.item)
        waits = report.item in found.running or report.item in found.children
        if item is not None and waits and item.attempt == report.tried:
            return found, item
    late = (key, report.epoch, report.attempt, report.item, report.tried)
    if late in state.unanswered and not isinstance(report, ItemInterrupt):
        reason = f"Item {report.item} was given up; the step is {step.status} now."
        said = {
            "reason": reason,
            "item": [report.item, report.tried],
            **_spent(report),
            **_happened(turn, report),
        }
        turn.say_of("late_result_ignored", key, report.epoch, report.attempt, said)
    return None


def _happened(turn: Turn, report: ItemReport) -> dict[str, Any]:
    """Of an effect that nobody waits for any more: what undoes it may read what it gave, and its item."""
    if not isinstance(report, ItemDone) or turn.graph.steps[report.step].compensate is None:
        return {}
    came = {"payload": report.payload} if report.payload else {"output": report.output}
    return {"happened": True, **came, **({"given": dict(report.given)} if report.given else {})}


def _spent(report: ItemReport) -> dict[str, Any]:
    spent: dict[str, Any] = {}
    if isinstance(report, ItemDone) and report.usage:
        spent["usage"] = dict(report.usage)
    if isinstance(report, ItemDone) and report.cost:
        spent["cost"] = report.cost
    return spent


def done(turn: Turn, report: ItemDone) -> None:
    """An item has completed."""
    if report.received:
        key, item, tried = report.step, report.item, report.tried
        counts = ledger.item_runs(turn.state, key, item, tried) and key not in turn.state.undoing
        ledger.take(turn, report, report.received, brief=counts)
    if heard_item(turn, report) is None:
        return
    kept = {"output": report.output} if report.payload is None else {"payload": dict(report.payload)}
    each = {"index": report.item, **kept, "size": report.size, **_spent(report)}
    turn.say_step("item_completed", report.step, {"items": [each]})
    if turn.state.maps[report.step].size > MOST_BYTES:
        message = "The results are over 10 MiB together; let each item give less, or map fewer items."
        _give_up(turn, report.step, {"code": "output_too_large", "message": message, "retryable": False})
    _stop_if_undone(turn, report.step)


def failed(turn: Turn, report: ItemFail) -> None:
    """An item raised: it is tried again if the error and the step's ``retry`` allow it."""
    heard_of = heard_item(turn, report)
    if heard_of is None:
        return
    found, item = heard_of
    retry, error = turn.graph.steps[report.step].retry, dict(report.error)
    each: dict[str, Any] = {"index": report.item, "error": error}
    stopping = turn.state.failing or report.step in turn.state.undoing
    if error.get("retryable") and item.failures + 1 < retry.max_attempts and not stopping:
        each["due_at"] = iso(turn.now + timedelta(seconds=pause_s(retry, item.failures + 1)))
    turn.say_step("item_failed", report.step, {"items": [each]})
    if "due_at" not in each and not found.skip:
        _fail_of_item(turn, report.step, report.item, error)
    _stop_if_undone(turn, report.step)


def _fail_of_item(turn: Turn, key: str, index: int, error: dict[str, Any]) -> None:
    message = f"Item {index} failed: {error.get('message') or 'without a word'}"
    code = "item_failed" if error.get("code") == TIMEOUT else error.get("code")
    _give_up(turn, key, {**error, "code": code, "message": message, "retryable": False, "item": index})


def _give_up(turn: Turn, key: str, error: dict[str, Any]) -> None:
    """The map fails at once; what still runs of it is given up. One that is undone only stops."""
    if key not in turn.state.undoing:
        fail(turn, key, error)


def interrupted(turn: Turn, report: ItemInterrupt) -> None:
    """The item's worker is gone: it starts again, and its attempt does not count."""
    heard_of = heard_item(turn, report)
    if heard_of is None:
        return
    found, item = heard_of
    if item.interruptions + 1 >= MOST_INTERRUPTIONS:
        message = f"Its worker was lost {MOST_INTERRUPTIONS} times in a row."
        error = {"code": "interrupted", "message": message, "retryable": False}
        turn.say_step("item_failed", report.step, {"items": [{"index": report.item, "error": error}]})
        if not found.skip:
            _fail_of_item(turn, report.step, report.item, error)
    else:
        each = {"index": report.item, "attempt": report.tried}
        turn.say_step("item_interrupted", report.step, {"worker": report.worker, "items": [each]})
    _stop_if_undone(turn, report.step)


def held(turn: Turn, report: ItemHeld) -> None:
    """An item may not call its model now; it starts again, and its attempt does not count."""
    if heard_item(turn, report) is None:
        return
    each = {"index": report.item, "due_at": iso(report.due_at)}
    turn.say_step("item_waiting", report.step, {"items": [each]})
    _stop_if_undone(turn, report.step)


def _stop_if_undone(turn: Turn, key: str) -> None:
    """Semantic 6: a rollback waits for the items that run; with the last of them the step has stopped."""
    found = active(turn.state, key)
    if key in turn.state.undoing and found is not None and not found.running and not found.finishing:
        turn.stop(key, UNDONE)


def due(turn: Turn, timer: Due) -> None:
    """The pauses of some items are over."""
    found = active(turn.state, timer.step)
    if found is None or turn.state.steps[timer.step].epoch != timer.epoch:
        return
    over = [i for i, at in found.pausing.items() if turn.at >= iso(datetime.fromisoformat(at))]
    if over:
        turn.say_step("item_queued", timer.step, {"items": over})


def start_items(turn: Turn) -> None:
    """Start what may start, and put the results together where all have ended."""
    for key in list(turn.state.mapping):
        found = turn.state.maps[key]
        if found.ended:
            if key in turn.state.running or _room(turn, key) > 0:
                turn.say_step("items_finished", key, {"worker": turn.worker})
        elif key not in turn.gated:
            start_some(turn, key, found.count)


def start_some(turn: Turn, key: str, most: int) -> int:
    """Start at most ``most`` items: a map's first always, more of them while the window has places.

    Returns how many.
    """
    found, place = turn.state.maps[key], _place(turn, key)
    picked = found.pick(min(max(_room(turn, key), int(place)), found.concurrency - found.under_way, most))
    if picked:
        turn.say_step("item_started", key, {"worker": turn.worker, "items": picked})
    return len(picked)


def _place(turn: Turn, key: str) -> bool:
    """Whether the step has a place in the window that no item of it takes."""
    return key in turn.state.running and not turn.state.maps[key].running


def _room(turn: Turn, key: str) -> int:
    return turn.window - len(turn.state.running) - turn.crowd() + _place(turn, key)


def wind_down(turn: Turn, reason: str) -> None:
    """Semantic 5: nothing new starts. A map of which nothing runs stops, one that is done ends."""
    for key in [key for key in turn.state.running if active(turn.state, key)]:
        found = turn.state.maps[key]
        if found.running or found.finishing:
            continue
        if not found.ended:
            turn.stop(key, reason)
        elif turn.worker:
            turn.say_step("items_finished", key, {"worker": turn.worker})


def halt(turn: Turn) -> None:
    """A rollback has begun: a map of which nothing runs has stopped."""
    for key in [key for key in turn.state.running if key in turn.state.undoing]:
        _stop_if_undone(turn, key)
