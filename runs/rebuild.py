"""Making a run's rows anew from its journal: after a crash without transactions, or when in doubt."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import models, transaction

from orchestrator.fields import JSONTextField
from runs.cache import Run
from runs.engine.state import fold
from runs.models import Approval, ApprovalRecipient, OrchestrationInstance, StepRun, Timer
from runs.projections import Output, Projector
from runs.stores.base import TIMER_KEY, Changes, Row, Tail


class Rows:
    """The rows of one run as its journal adds up to them."""

    def __init__(self) -> None:
        self.run: Row = {}
        self.steps: dict[str, Row] = {}
        self.approvals: dict[UUID, Row] = {}
        self.recipients: dict[tuple[UUID, str], None] = {}
        self.timers: dict[tuple[Any, ...], Row] = {}

    def take(self, changes: Changes, at: datetime) -> None:
        """Bring them after one more entry."""
        self.run.update(changes.run)
        self.steps.update({row["key"]: row for row in changes.new_steps})
        for key, row in changes.steps.items():
            self.steps[key] = {**self.steps[key], **row}
        self.approvals.update({row["_id"]: {**row, "created_at": at} for row in changes.new_approvals})
        for pk, row in changes.approvals.items():
            self.approvals[pk].update(row)
        self.recipients.update(dict.fromkeys(changes.recipients))
        for gone in changes.timers_gone:
            self.timers.pop(_timer(gone), None)
        self.timers.update({_timer(row): row for row in changes.new_timers})


def _timer(row: Row) -> tuple[Any, ...]:
    return tuple(row[column] for column in TIMER_KEY)


def rows_of(run: Run, tail: Tail, output: Output) -> Rows:
    """Fold the whole journal of a fresh ``run``, and what follows from each entry."""
    rows, state = Rows(), run.state
    for seq, at, events in tail(run.pk, 0):
        when = datetime.fromisoformat(at)
        projector = Projector(run.version.graph, when)
        projector.before(state, events)
        fold(run.version.graph, state, seq, at, events)
        rows.take(projector.after(state, seq, output), when)
    return rows


@transaction.atomic
def make(run: Run, tail: Tail, output: Output) -> int:
    """Make and store the rows of a fresh ``run``; returns the entry up to which they go."""
    rows = rows_of(run, tail, output)
    if rows.run:
        write(run.pk, rows)
    return run.state.seq


def write(pk: UUID, rows: Rows) -> None:
    """Store the rows; those that a later entry has already projected stay. Idempotent.

    Timers do not know their entry: where others append meanwhile, and there are no transactions, one of
    theirs may be deleted here. The caller looks whether the journal has moved, and then does it again.
    """
    seq = rows.run["seq"]
    with transaction.atomic():
        OrchestrationInstance.objects.filter(pk=pk, seq__lte=seq).update(
            **_values(OrchestrationInstance, rows.run)
        )
        for key, row in rows.steps.items():
            _put(StepRun, {"instance_id": pk, "key": key}, row)
        for approval, row in rows.approvals.items():
            _put(Approval, {"pk": approval}, {**row, "instance_id": pk})
        mine = {"instance_id": pk, "seq__lte": seq}
        StepRun.objects.filter(**mine).exclude(key__in=list(rows.steps)).delete()
        Approval.objects.filter(**mine).exclude(pk__in=list(rows.approvals)).delete()
        for approval, who in rows.recipients:
            ApprovalRecipient.objects.get_or_create(approval_id=approval, who=who)
        Timer.objects.filter(instance_id=pk).delete()
        Timer.objects.bulk_create(Timer(instance_id=pk, **row) for row in rows.timers.values())


def _put(model: type[models.Model], same: dict[str, Any], row: Row) -> None:
    found = model._default_manager.filter(**same)
    values = _values(model, row)
    if not found.filter(seq__lte=row["seq"]).update(**values) and not found.exists():
        model._default_manager.create(**same, **{name: v for name, v in values.items() if name not in same})


def _values(model: type[models.Model], row: Row) -> dict[str, Any]:
    """Columns as the ORM takes them: what is JSON text already goes in as it is."""
    json = {field.column for field in model._meta.concrete_fields if isinstance(field, JSONTextField)}
    return {
        name: orjson.Fragment(value) if name in json else value
        for name, value in row.items()
        if name != "_id"
    }
