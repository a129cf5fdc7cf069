"""The watch's account of effects: what was sent, what is to be undone, in which order, and that it is.

A rollback owes an undoing for each step that names one and had an effect: it completed, or a call of it was
answered. Last ended, first undone; what is learnt of later is added.
"""

from __future__ import annotations

from typing import Any

from builder.graph import Graph
from runs.engine.events import JSON, Event

Effect = tuple[str, int, int | None]  # step, epoch, item of a map


class UndoWatch:
    """Nothing is undone twice, nothing out of order, and nothing that is known of is forgotten."""

    graph: Graph
    run: str
    status: dict[str, str]
    epoch: dict[str, int]
    attempt: dict[str, int]
    undoing: set[str]
    executed: list[tuple[str, int]]
    items_done: set[tuple[str, int, int]]
    item_ends: dict[tuple[str, int], dict[int, None]]

    def __init__(self) -> None:
        self.undone: dict[Effect, str] = {}  # undone, skipped, or given up
        self.queue: list[Effect] = []
        self.at_work: tuple[str, int, int] | None = None  # step, epoch, attempt to undo: one at a time
        self.stuck: set[tuple[str, int]] = set()
        self.busy: set[tuple[str, int]] = set()  # begun, also while it pauses or is stuck
        self.born: set[Effect] = set()  # by a child run
        self.ended: dict[str, None] = {}  # steps in their present epoch, as they ended
        self.answered: set[Effect] = set()
        self.calls: dict[tuple[Any, ...], str] = {}  # step, epoch, item, call, undo -> key
        self.names: dict[str, tuple[Any, ...]] = {}
        self.learnt: set[Effect] = set()  # effects that the journal knows of

    def _in(self, *statuses: str) -> list[str]:
        raise NotImplementedError

    # ------------------------------------------------------------------ calls

    def _effect_sent(self, key: str, event: Event, data: JSON) -> None:
        dispatch = key, event["epoch"], event["attempt"]
        if data.get("undo"):
            assert dispatch == self.at_work, "what undoes it is not at work"
        else:
            assert self.status[key] == "RUNNING", f"{key} is {self.status[key]}, and sends nothing"
            assert dispatch[1:] == (self.epoch[key], self.attempt[key]), "an attempt that no longer counts"
            assert key not in self.undoing, "nothing is sent by a step that is undone"
        call = *_effect(event), data["call"], bool(data.get("undo"))
        assert self.calls.setdefault(call, data["key"]) == data["key"], "a repeated call has the same key"
        assert self.names.setdefault(data["key"], call) == call, "each call has a key of its own"

    def _effect_received(self, key: str, event: Event, data: JSON) -> None:
        undo = bool(data.get("undo"))
        assert self.calls.get((*_effect(event), data["call"], undo)) == data["key"], "it was sent before"
        if not undo:
            self._learn(_effect(event))

    def _late_result_ignored(self, key: str, event: Event, data: JSON) -> None:
        if data.get("happened"):
            self._learn(_effect(event))

    def _learn(self, effect: Effect) -> None:
        """An effect has come to light. One whose epoch is over, or just now undone, is undone too."""
        key, epoch, item = effect
        if item is None and self.graph.steps[key].type == "map":
            return  # it is undone item by item
        self.answered.add(effect)
        present = epoch == self.epoch[key]
        if self.graph.steps[key].compensate is None:
            return
        self.learnt.add(effect)
        if effect in self.undone or effect in self.queue or (present and key not in self.undoing):
            return
        together = [place for place, known in enumerate(self.queue) if known[:2] == effect[:2]]
        begun = self.at_work is not None or (bool(self.queue) and self.queue[0][:2] in self.busy)
        if item is not None and together:
            self.queue.insert(together[0] + (effect[:2] in self.busy), effect)
        elif present:
            self.queue.insert(self._first() if begun else 0, effect)
        else:
            self.queue.append(effect)

    def _first(self) -> int:
        """Behind the step that is being undone, with all its items."""
        at_work = self.at_work is not None and self.queue[0][:2] == self.at_work[:2]
        return sum(known[:2] == self.queue[0][:2] for known in self.queue) if at_work else 0

    # ------------------------------------------------------------------ undoing

    def _owe(self, steps: list[str]) -> None:
        """A rollback has begun, which undoes these, in this order; of a map, last ended first."""
        ended = [key for key in steps if key in self.ended]
        assert ended == [key for key in reversed(self.ended) if key in ended], "last ended, first undone"
        for key in steps:
            items = sorted(self._items_of(key), key=lambda effect: -self._rank(effect))
            self.queue += [each for each in items if each not in self.undone and self._had_effect(each)]

    def _items_of(self, key: str) -> list[Effect]:
        if self.graph.steps[key].type != "map":
            return [(key, self.epoch[key], None)]
        done = {known[2] for known in self.items_done if known[:2] == (key, self.epoch[key])}
        known = {known[2] for known in self.answered if known[:2] == (key, self.epoch[key])}
        born = {known[2] for known in self.born if known[:2] == (key, self.epoch[key])}
        return [(key, self.epoch[key], item) for item in done | known | born]

    def _rank(self, effect: Effect) -> float:
        """When the item ended; what was given up ended last."""
        ends = list(self.item_ends.get(effect[:2], ()))
        return ends.index(effect[2]) if effect[2] in ends else len(ends)

    def _had_effect(self, effect: Effect) -> bool:
        key, epoch, item = effect
        if effect in self.born:
            return True
        if self.graph.steps[key].compensate is None or (key, epoch) not in self.executed:
            return False
        done = self.status[key] == "COMPLETED" if item is None else (key, epoch, item) in self.items_done
        return done or effect in self.answered

    def _begets(self, key: str, event: Event) -> None:
        """A child run is rolled back whatever came of it."""
        self.born.add(_effect(event))

    def _compensation_started(self, key: str, event: Event, data: JSON) -> None:
        effect = _effect(event)
        assert self.at_work is None, "one after the other"
        assert effect not in self.undone, "nothing is undone twice"
        assert effect in self.queue, "it is owed"
        assert effect[:2] == self.queue[0][:2], "in their order"
        others = [known for known in self.queue if known[:2] == effect[:2]]
        last = self._rank(effect) == max(map(self._rank, others))
        assert last or effect == others[0], "its items in theirs; one that came to light late is next"
        self.queue.remove(effect)
        self.queue.insert(0, effect)
        assert effect[:2] not in self.stuck, "a person has to decide first"
        assert effect[:2] in self.executed, "what a fork has taken over is not its own to undo"
        assert not set(self._in("RUNNING")) & self.undoing, "a rollback waits for what runs"
        self.at_work = key, event["epoch"], event["attempt"]
        self.busy.add(effect[:2])

    def _compensation_over(self, key: str, event: Event, data: JSON) -> None:
        assert self.at_work == (key, event["epoch"], event["attempt"])
        self.at_work = None

    _compensation_retry_scheduled = _compensation_over

    def _compensation_interrupted(self, key: str, event: Event, data: JSON) -> None:
        self._compensation_over(key, event, data)
        self.busy.discard((key, event["epoch"]))

    def _compensation_queued(self, key: str, event: Event, data: JSON) -> None:
        self.busy.discard((key, event["epoch"]))

    def _compensation_waiting(self, key: str, event: Event, data: JSON) -> None:
        assert self.at_work == (key, event["epoch"], event["attempt"]), "the child is undone in its place"

    def _compensation_failed(self, key: str, event: Event, data: JSON) -> None:
        self._compensation_over(key, event, data)
        self.stuck.add((key, event["epoch"]))

    def _compensation_retried(self, key: str, event: Event, data: JSON) -> None:
        self.stuck.remove((key, event["epoch"]))
        self.busy.discard((key, event["epoch"]))

    def _step_compensated(self, key: str, event: Event, data: JSON) -> None:
        if (key, event["epoch"]) not in self.stuck or _effect(event) not in self.born:
            self._compensation_over(key, event, data)  # else: seen to in the child
        self._leave(_effect(event), "undone")

    def _compensation_skipped(self, key: str, event: Event, data: JSON) -> None:
        assert (key, event["epoch"]) in self.stuck, "only what is stuck is skipped"
        assert data["reason"]
        self._leave(_effect(event), "skipped")

    def _leave(self, effect: Effect, how: str) -> None:
        self.queue.remove(effect)
        self.stuck.discard(effect[:2])
        self.busy.discard(effect[:2])
        self.undone[effect] = how

    def _give_up(self, step: str, remaining: list[str]) -> None:
        """The rollback ends here. What is left of present epochs a later one undoes; late effects stay."""
        left = [
            effect
            for effect in self.queue
            if (effect[:2] in self.stuck and effect[0] == step)
            or (effect[0] in self.undoing and effect[1] == self.epoch[effect[0]])
        ]
        assert remaining == [key for key, _ in dict.fromkeys(effect[:2] for effect in left)]
        assert any(effect[:2] in self.stuck for effect in left), "only where it is stuck"
        for effect in left:
            self.queue.remove(effect)
            self.stuck.discard(effect[:2])
            self.busy.discard(effect[:2])
            if effect[1] != self.epoch[effect[0]]:
                self.undone[effect] = "given up"

    def settled(self) -> None:
        """At the end: every effect of an epoch that is over was undone, skipped, or given up by a person."""
        assert not self.queue
        over = {effect for effect in self.learnt if effect[1] < self.epoch[effect[0]]}
        known = {effect for effect in over if effect not in self.undone}
        assert not known, f"effects that nobody undid: {sorted(known)}"


def _effect(event: Event) -> Effect:
    item = event["data"].get("item")
    return event["step"], event["epoch"], item[0] if isinstance(item, list) else item
