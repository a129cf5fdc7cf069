"""The watch's account of effects: what was sent, what is to be undone, in which order, and that it is.

A rollback owes an undoing for each step that names one and had an effect: it completed, or a call of it was
answered. Last ended, first undone; what is learnt of later is added.
"""

from __future__ import annotations

from builder.graph import Graph
from runs.engine.events import JSON, Event

Effect = tuple[str, int]  # step, epoch


class UndoWatch:
    """Nothing is undone twice, nothing out of order, and nothing that is known of is forgotten."""

    graph: Graph
    run: str
    status: dict[str, str]
    epoch: dict[str, int]
    attempt: dict[str, int]
    undoing: set[str]
    executed: list[Effect]

    def __init__(self) -> None:
        self.undone: dict[Effect, str] = {}  # undone, skipped, or given up
        self.queue: list[Effect] = []
        self.at_work: tuple[str, int, int] | None = None  # step, epoch, attempt to undo: one at a time
        self.stuck: set[Effect] = set()
        self.ended: dict[str, None] = {}  # steps in their present epoch, as they ended
        self.answered: set[Effect] = set()
        self.calls: dict[tuple[str, int, int, bool], str] = {}  # step, epoch, call, undo -> key
        self.names: dict[str, tuple[str, int, int, bool]] = {}
        self.learnt: set[Effect] = set()  # effects that the journal knows of

    def _in(self, *statuses: str) -> list[str]:
        raise NotImplementedError

    # ------------------------------------------------------------------ calls

    def _effect_sent(self, key: str, event: Event, data: JSON) -> None:
        dispatch = key, event["epoch"], event["attempt"]
        if data.get("undo"):
            assert dispatch == self.at_work, "what undoes it is not at work"
        else:
            assert self.status[key] == "RUNNING"
            assert dispatch[1:] == (self.epoch[key], self.attempt[key]), "an attempt that no longer counts"
            assert key not in self.undoing, "nothing is sent by a step that is undone"
        call = key, event["epoch"], data["call"], bool(data.get("undo"))
        assert self.calls.setdefault(call, data["key"]) == data["key"], "a repeated call has the same key"
        assert self.names.setdefault(data["key"], call) == call, "each call has a key of its own"

    def _effect_received(self, key: str, event: Event, data: JSON) -> None:
        undo = bool(data.get("undo"))
        assert self.calls[key, event["epoch"], data["call"], undo] == data["key"], "it was sent before"
        if not undo:
            self.answered.add((key, event["epoch"]))
            self._learn(key, event["epoch"])

    def _late_result_ignored(self, key: str, event: Event, data: JSON) -> None:
        if data.get("happened"):
            self.answered.add((key, event["epoch"]))
            self._learn(key, event["epoch"])

    def _learn(self, key: str, epoch: int) -> None:
        """An effect has come to light. One whose epoch is over, or just now undone, is undone too."""
        effect, present = (key, epoch), epoch == self.epoch[key]
        if self.graph.steps[key].compensate is None:
            return
        self.learnt.add(effect)
        if effect in self.undone or effect in self.queue or (present and key not in self.undoing):
            return
        if present:
            started = self.at_work is not None and self.queue[0] == self.at_work[:2]
            self.queue.insert(1 if started else 0, effect)
        else:
            self.queue.append(effect)

    # ------------------------------------------------------------------ undoing

    def _owe(self, steps: list[str]) -> None:
        """A rollback has begun, which undoes these, in this order."""
        ended = [key for key in steps if key in self.ended]
        assert ended == [key for key in reversed(self.ended) if key in ended], "last ended, first undone"
        for key in steps:
            effect = key, self.epoch[key]
            if effect not in self.undone and self._had_effect(key):
                self.queue.append(effect)

    def _had_effect(self, key: str) -> bool:
        effect = key, self.epoch[key]
        if self.graph.steps[key].compensate is None or effect not in self.executed:
            return False
        return self.status[key] == "COMPLETED" or effect in self.answered

    def _compensation_started(self, key: str, event: Event, data: JSON) -> None:
        effect = key, event["epoch"]
        assert self.at_work is None, "one after the other"
        assert effect not in self.undone, "nothing is undone twice"
        assert effect == self.queue[0], "in their order"
        assert effect not in self.stuck, "a person has to decide first"
        assert effect in self.executed, "what a fork has taken over is not its own to undo"
        assert not set(self._in("RUNNING")) & self.undoing, "a rollback waits for what runs"
        self.at_work = key, event["epoch"], event["attempt"]

    def _compensation_over(self, key: str, event: Event, data: JSON) -> None:
        assert self.at_work == (key, event["epoch"], event["attempt"])
        self.at_work = None

    _compensation_retry_scheduled = _compensation_interrupted = _compensation_over

    def _compensation_failed(self, key: str, event: Event, data: JSON) -> None:
        self._compensation_over(key, event, data)
        self.stuck.add((key, event["epoch"]))

    def _compensation_retried(self, key: str, event: Event, data: JSON) -> None:
        self.stuck.remove((key, event["epoch"]))

    def _step_compensated(self, key: str, event: Event, data: JSON) -> None:
        self._compensation_over(key, event, data)
        self._leave(key, event["epoch"], "undone")

    def _compensation_skipped(self, key: str, event: Event, data: JSON) -> None:
        assert (key, event["epoch"]) in self.stuck, "only what is stuck is skipped"
        assert data["reason"]
        self._leave(key, event["epoch"], "skipped")

    def _leave(self, key: str, epoch: int, how: str) -> None:
        self.queue.remove((key, epoch))
        self.stuck.discard((key, epoch))
        self.undone[key, epoch] = how

    def _give_up(self, step: str, remaining: list[str]) -> None:
        """The rollback ends here. What is left of present epochs a later one undoes; late effects stay."""
        left = [
            effect
            for effect in self.queue
            if (effect in self.stuck and effect[0] == step)
            or (effect[0] in self.undoing and effect[1] == self.epoch[effect[0]])
        ]
        assert remaining == [key for key, _ in left]
        assert any(effect in self.stuck for effect in left), "only where it is stuck"
        for effect in left:
            self.queue.remove(effect)
            self.stuck.discard(effect)
            if effect[1] != self.epoch[effect[0]]:
                self.undone[effect] = "given up"

    def settled(self) -> None:
        """At the end: every effect of an epoch that is over was undone, skipped, or given up by a person."""
        assert not self.queue
        over = {(key, epoch) for key, epoch in self.executed if epoch < self.epoch[key]}
        known = {effect for effect in self.learnt & over if effect not in self.undone}
        assert not known, f"effects that nobody undid: {sorted(known)}"
