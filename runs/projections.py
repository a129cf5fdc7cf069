"""The rows that follow from a journal, computed: the same for one new entry and for a whole journal.

Nothing here reads or writes the database. ``Projector`` follows one entry: it is shown the events before
they are folded (an approval that a rollback voids is still there then) and the state after.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from builder.graph import Graph
from runs.engine.commands import SETTLED
from runs.engine.items import MapState
from runs.engine.records import RunState, StepState, tokens_of
from runs.engine.states import RunStatus, StepStatus
from runs.policies import recipients
from runs.stores.base import Changes, Event, Row

TIMER_KINDS = {"delay": "delay", "retry": "retry", "slot": "slot", "approval": "expiry", "items": "items"}
RETRIED = {"run_retried": "steps", "rollback_finished": "retried"}  # run events that set steps back
WAITS = ("step", "epoch", "attempt", "kind", "due_at")
Waits = tuple[int, int, str, datetime | None]
StepRow = Callable[[StepState, int], Row]
Output = Callable[[RunState], tuple[Row, Row | None]]  # -> output, payload, error columns; a Payload to store


def text(value: Any) -> str:
    """A JSON column's text."""
    return "null" if value is None else orjson.dumps(value).decode()


@lru_cache(maxsize=1024)
def moment(iso: str | None) -> datetime | None:
    """The aware moment of a time in the journal."""
    return None if iso is None else datetime.fromisoformat(iso)


def step_row(step: StepState, seq: int) -> Row:
    """The columns of a StepRun as the step stands."""
    return {
        "status": str(step.status),
        "epoch": step.epoch,
        "attempt": step.attempt,
        "ports": text(list(step.ports)) if step.ports else "[]",
        "output": text(step.output),
        "payload": text(step.payload),
        "error": text(step.error),
        "tokens": tokens_of(step.usage),
        "cost": step.cost,
        "worker": step.worker,
        "items": "null",
        "seq": seq,
        "started_at": moment(step.started_at),
        "finished_at": moment(step.finished_at),
    }


def _started_row(step: StepState, seq: int) -> Row:
    """What ``step_started`` changes of it."""
    return {
        "status": str(step.status),
        "attempt": step.attempt,
        "worker": step.worker,
        "seq": seq,
        "started_at": moment(step.started_at),
    }


def _completed_row(step: StepState, seq: int) -> Row:
    """What ``step_completed`` changes of it."""
    return {
        "status": str(step.status),
        "ports": text(step.ports),
        "output": text(step.output),
        "payload": text(step.payload),
        "error": "null",
        "tokens": tokens_of(step.usage),
        "cost": step.cost,
        "seq": seq,
        "finished_at": moment(step.finished_at),
    }


# The columns that an event changes, where an entry says nothing else of the step and the run has no maps:
# the two events of which there are most. Every other one writes the row whole.
NARROW = {"step_started": _started_row, "step_completed": _completed_row}
QUIET = frozenset(NARROW)  # of the run's own row they change its status and what it has used


def counted(found: MapState) -> dict[str, int]:
    """How a map's items stand: ``{count, running, completed, failed}``."""
    return {
        "count": found.count,
        "running": found.under_way,
        "completed": found.completed,
        "failed": found.failed,
    }


class Projector:
    """Collects what one entry changes. ``before`` each part of it, then ``after`` once."""

    __slots__ = ("_approvals", "_at", "_graph", "_rows", "_started", "_touched", "asked", "changes", "kinds")

    def __init__(self, graph: Graph, at: datetime) -> None:
        self.changes = Changes()
        self.kinds: set[str] = set()
        self.asked: set[str] = set()  # whose inbox has changed
        self._graph, self._at = graph, at
        self._touched: dict[str, tuple[Waits, ...]] = {}  # step -> the times that it waited for before
        self._rows: dict[str, StepRow] = {}  # step -> what gives the columns that have changed
        self._approvals: dict[str, dict[str, Any]] = {}  # id -> the approval, with its votes so far
        self._started = False

    def before(self, state: RunState, events: list[Event]) -> None:
        """Look at events that are about to be folded into ``state``."""
        for event in events:
            kind = event["kind"]
            self.kinds.add(kind)
            key = event.get("step")
            if key is None:
                self._started |= kind == "run_started"
                for key in event["data"].get(RETRIED.get(kind, ""), ()):
                    self._touch(state, key)
                if kind == "rollback_given_up":
                    for key, _ in state.undo:
                        self._touch(state, key)
                continue
            self._touch(state, key, NARROW.get(kind, step_row))
            if kind.startswith("approval_"):
                self._approval(state.steps[key], kind, event)

    def _touch(self, state: RunState, key: str, row: StepRow = step_row) -> None:
        if key not in self._touched:
            self._touched[key] = times(state, key)
            self._rows[key] = row
        else:
            self._rows[key] = step_row

    def after(self, state: RunState, seq: int, output: Output) -> Changes:
        """The rows as they stand when the whole entry is folded."""
        changes = self.changes
        if self._started:
            changes.new_steps = self._new_steps(state, seq)
        else:
            changes.steps = self._changed_steps(state, seq)
        for row in (*changes.new_approvals, *changes.approvals.values()):
            row["seq"] = seq
        for key, before in self._touched.items():
            self._timer(key, before, times(state, key))
        changes.run = self._run(state, seq, output)
        return changes

    def _changed_steps(self, state: RunState, seq: int) -> dict[str, Row]:
        if not state.maps:
            return {key: row(state.steps[key], seq) for key, row in self._rows.items()}
        rows = {key: step_row(state.steps[key], seq) for key in self._touched}
        for key in rows.keys() & state.maps.keys():
            rows[key]["items"] = text(counted(state.maps[key]))
        return rows

    def _new_steps(self, state: RunState, seq: int) -> list[Row]:
        blank, rows = step_row(StepState(), seq), []
        for position, (key, spec) in enumerate(self._graph.steps.items()):
            step = state.steps[key]
            columns = blank if step.status is StepStatus.PENDING else step_row(step, seq)
            rows.append({"key": key, "name": spec.name, "type": spec.type, "position": position, **columns})
        return rows

    def _timer(self, key: str, before: tuple[Waits, ...], now: tuple[Waits, ...]) -> None:
        if before == now:
            return
        for wait in before:
            if wait not in now:
                self.changes.timers_gone.append(dict(zip(WAITS, (key, *wait), strict=True)))
        for wait in now:
            if wait not in before:
                self.changes.new_timers.append(dict(zip(WAITS, (key, *wait), strict=True)))

    def _run(self, state: RunState, seq: int, output: Output) -> Row:
        row: Row = {
            "seq": seq,
            "status": str(state.status),
            "undoing": bool(state.undo),
            "error": text(state.error),
            "tokens": state.tokens,
            "cost": state.cost,
            "started_at": moment(state.started_at),
            "finished_at": moment(state.finished_at),
        }
        if "run_completed" in self.kinds:
            columns, self.changes.payload = output(state)
            row.update(columns)
        elif state.status != RunStatus.COMPLETED:
            row.update(output="null", payload="null")
        else:
            del row["error"]  # nothing of the result changes after the end
        return row

    def _approval(self, step: StepState, kind: str, event: Event) -> None:
        data = event["data"]
        if kind == "approval_requested":
            asked = self._approvals[data["approval"]["id"]] = {**data["approval"], "votes": []}
            self.changes.new_approvals.append(self._new_approval(event, asked))
            self.changes.recipients += [(UUID(asked["id"]), who) for who in recipients(asked)]
        else:
            asked = self._known(step, data["approval"])
            row = self._row_of(UUID(asked["id"]))
            DECISIONS.get(kind, _unchanged)(row, asked, data, self._at)
        self.asked.update(recipients(asked))

    def _row_of(self, pk: UUID) -> Row:
        """The columns to change; of an approval that this very entry has requested, its whole row."""
        new = next((row for row in self.changes.new_approvals if row["_id"] == pk), None)
        return new if new is not None else self.changes.approvals.setdefault(pk, {})

    def _known(self, step: StepState, pk: str) -> dict[str, Any]:
        """The approval that an event is about, with the votes before it."""
        if pk not in self._approvals:
            approval = step.approval if step.approval and step.approval["id"] == pk else {"id": pk}
            self._approvals[pk] = {**approval, "votes": list(approval.get("votes") or [])}
        return self._approvals[pk]

    def _new_approval(self, event: Event, asked: dict[str, Any]) -> Row:
        return {
            "_id": UUID(asked["id"]),
            "step": event["step"],
            "epoch": event["epoch"],
            "attempt": event["attempt"],
            "kind": asked.get("kind") or "approval",
            "status": "pending",
            "message": asked["message"],
            "evidence": text(asked.get("evidence") or []),
            "assignees": text(asked.get("assignees") or []),
            "role": asked.get("role") or "",
            "quorum": asked.get("quorum", 1),
            "allow_self": bool(asked.get("allow_self", True)),
            "form": text(asked.get("form")),
            "votes": "[]",
            "content_hash": asked.get("content_hash") or "",
            "to_mail": "email" in (asked.get("channels") or ()),
            "requested_at": self._at,
            "expires_at": moment(asked.get("expires_at")),
            "decided_at": None,
            "decided_by": "",
            "comment": "",
            "data": "null",
        }


def waits(step: StepState) -> Waits | None:
    """The time that a step waits for: ``(epoch, attempt, kind of timer, due at)``."""
    wait = step.wait
    if wait is None or not wait.get("due_at"):
        return None
    return step.epoch, wait.get("timer", step.attempt), TIMER_KINDS[wait["kind"]], moment(wait["due_at"])


def times(state: RunState, key: str) -> tuple[Waits, ...]:
    """The times that a step, and what undoes it, waits for."""
    own = waits(state.steps[key])
    found: tuple[Waits, ...] = () if own is None else (own,)
    if state.undo:
        found += tuple(
            (epoch, job["attempt"], "undo", moment(job["due_at"]))
            for (step, epoch), job in state.undo.items()
            if step == key and job["status"] == "waiting"
        )
    return found


def _vote(row: Row, asked: dict[str, Any], data: dict[str, Any], at: datetime) -> None:
    vote = {name: data.get(name) for name in ("by", "decision", "comment", "data")}
    asked["votes"].append({**vote, "at": at.isoformat(timespec="milliseconds")})
    row["votes"] = text(asked["votes"])


def _decide(row: Row, asked: dict[str, Any], data: dict[str, Any], at: datetime) -> None:
    if not any(vote["by"] == data["by"] for vote in asked["votes"]):
        _vote(row, asked, data, at)
    asked["decision"] = data["decision"]
    row.update(
        status=SETTLED[data["decision"]],
        decided_at=at,
        decided_by=data["by"],
        comment=data.get("comment") or "",
        data=text(data.get("data")),
    )


def _expire(row: Row, asked: dict[str, Any], data: dict[str, Any], at: datetime) -> None:
    asked["decision"] = "expired"
    row.update(status="expired", decided_at=at)


def _void(row: Row, asked: dict[str, Any], data: dict[str, Any], at: datetime) -> None:
    row["status"] = "voided"  # who had answered it, and when, stays
    if not asked.get("decision"):
        row["decided_at"] = at


def _unchanged(row: Row, asked: dict[str, Any], data: dict[str, Any], at: datetime) -> None:
    """Of kinds that do not change the row."""


DECISIONS = {
    "approval_voted": _vote,
    "approval_decided": _decide,
    "approval_expired": _expire,
    "approval_voided": _void,
}
