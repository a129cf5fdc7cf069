"""The rows of one run in memory, written as MongoDB writes them: after the entry, and not always.

``Table`` takes changes in any order, guarded by ``seq`` as the real store guards them. ``expected`` is what a
reader should find, straight from the folded state; ``rebuilt`` what recovery makes of the whole journal.
"""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from builder.graph import Graph
from runs.cache import Run
from runs.engine.events import Entry, Event
from runs.engine.state import RunState, new_state
from runs.projections import Projector, step_row, text
from runs.rebuild import Rows, rows_of
from runs.stores.base import Changes, Row

RUN = UUID(int=1)
Key = tuple[str, int, int, str]  # of a timer: step, epoch, attempt, kind
OWN = ("seq", "items", "key", "name", "type", "position")  # columns that the state does not say


def output(state: RunState) -> tuple[Row, None]:
    """The run's output columns, as if its document mapped nothing."""
    return {"output": text({"tokens": state.tokens}), "payload": "null", "error": "null"}, None


def decided(graph: Graph, state: RunState, at: datetime, consider: Any, commands: list[Any]) -> Any:
    """Commands that are decided one after the other, for one entry: its events, and what follows.

    Takes them over into ``state`` as ``runs.journal`` does.
    """
    projector, said, seq = Projector(graph, at), cast("list[Event]", []), state.seq + 1
    for command in commands:
        turn = consider(state, command)
        if turn and turn.events:
            projector.before(state, turn.events)
            turn.settle(state, seq)
            said += turn.events
    return said, projector.after(state, seq, output) if said else None


class Table:
    """What is stored."""

    def __init__(self) -> None:
        self.run: Row = {"seq": 0}
        self.steps: dict[str, Row] = {}
        self.approvals: dict[UUID, Row] = {}
        self.recipients: dict[tuple[UUID, str], None] = {}
        self.timers: dict[Key, Row] = {}

    def take(self, seq: int, changes: Changes) -> None:
        """Bring the rows after entry ``seq``; those of a later entry stay."""
        for row in changes.new_steps:
            self.steps.setdefault(row["key"], row)
        for key, row in changes.steps.items():
            if key in self.steps and self.steps[key]["seq"] < seq:
                self.steps[key] = {**self.steps[key], **row}
        if self.run["seq"] < seq:
            self.run = {**self.run, **changes.run}
        for row in changes.new_approvals:
            self.approvals.setdefault(row["_id"], row)
        for pk, row in changes.approvals.items():
            if pk in self.approvals and self.approvals[pk]["seq"] < seq:
                self.approvals[pk] = {**self.approvals[pk], **row}
        self.recipients.update(dict.fromkeys(changes.recipients))
        for row in changes.timers_gone:
            self.timers.pop(timer_key(row), None)
        for row in changes.new_timers:
            self.timers.setdefault(timer_key(row), row)

    def replace(self, rows: Rows) -> None:
        """Store rows that were made anew."""
        if not rows.run or rows.run["seq"] < self.run["seq"]:
            return
        self.run, self.steps, self.approvals = dict(rows.run), dict(rows.steps), dict(rows.approvals)
        self.recipients.update(rows.recipients)
        self.timers = {timer_key(row): row for row in rows.timers.values()}

    def agrees(self, state: RunState) -> None:
        """Raise AssertionError where a reader would find something else than the state."""
        assert self.run["seq"] == state.seq
        assert self.run["status"] == str(state.status)
        assert (self.run["tokens"], self.run["cost"]) == (state.tokens, state.cost)
        for key, step in state.steps.items():
            for column, value in step_row(step, 0).items():
                assert column in OWN or self.steps[key][column] == value, (key, column)
        assert {str(pk): row["status"] for pk, row in self.approvals.items()} == {
            pk: known["status"] for pk, known in state.approvals.items()
        }
        waiting = {key: step.wait for key, step in state.steps.items() if step.wait and step.wait["due_at"]}
        timed = {timer[0] for timer in self.timers if timer[3] != "undo" and counts(state, timer)}
        assert timed >= set(waiting), "what waits for a time has a timer"
        pausing = {
            (*at, job["attempt"], "undo") for at, job in state.undo.items() if job["status"] == "waiting"
        }
        assert set(self.timers) >= pausing, "what undoes a step, and waits, has a timer too"
        assert self.run["undoing"] == bool(state.undo)


def counts(state: RunState, timer: Key) -> bool:
    """Whether the run waits for just this."""
    key, epoch, attempt, kind = timer
    if kind == "undo":
        job = state.undo.get((key, epoch), {})
        return (job.get("status"), job.get("attempt")) == ("waiting", attempt)
    step = state.steps[key]
    return (step.epoch, (step.wait or {}).get("timer", step.attempt)) == (epoch, attempt)


def timer_key(row: Row) -> Key:
    """What tells timers apart."""
    return row["step"], row["epoch"], row["attempt"], row["kind"]


def rebuilt(graph: Graph, journal: list[Entry]) -> Rows:
    """The rows that a whole journal adds up to."""
    fresh = SimpleNamespace(pk=RUN, state=new_state(graph), version=SimpleNamespace(graph=graph))
    return rows_of(cast("Run", fresh), lambda pk, after: journal[after:], output)


def same(table: Table, rows: Rows) -> None:
    """Raise AssertionError unless what was written along the way equals what is made anew."""
    assert table.run == rows.run
    assert table.steps == rows.steps
    made = {
        pk: {name: row[name] for name in row if name != "created_at"} for pk, row in rows.approvals.items()
    }
    assert {pk: {n: r[n] for n in r if n != "created_at"} for pk, r in table.approvals.items()} == made
    assert table.recipients == rows.recipients
    assert set(table.timers) >= {timer_key(row) for row in rows.timers.values()}
