"""Removing ended runs whole, once their orchestration no longer keeps them.

A run goes with its child runs, and only when all of them have ended and no fork of any is still under way.
Its own row goes last: a process that dies half-way leaves a run that the next look removes. Rows are
deleted by the ids that were read, since MongoDB ignores a slice in a subquery.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import models, transaction

from builder.models import Orchestration
from orchestrator.models import IdempotentCall
from runs.cache import runs as cached
from runs.engine.states import ENDED
from runs.models import (
    Approval,
    ApprovalMail,
    ApprovalRecipient,
    JournalEntry,
    OrchestrationInstance,
    Payload,
    StepLog,
    StepRun,
    Timer,
)

BATCH = 100  # runs looked at in one query
ROWS = 500  # deleted in one statement
IDEMPOTENT_FOR = timedelta(hours=24)
GRACE = timedelta(hours=24)  # a payload is stored before the entry that refers to it
PARTS: tuple[type[models.Model], ...] = (ApprovalMail, StepLog, Timer, Payload, StepRun, JournalEntry)
SHA = re.compile(rb'"sha256":"([0-9a-f]{64})"')
OVER = [str(status) for status in ENDED]


@dataclass(slots=True)
class Pruned:
    """How many were removed, or would be."""

    runs: int = 0
    payloads: int = 0
    calls: int = 0


def prune(now: datetime, *, dry_run: bool = False, most: int | None = None, payloads: bool = True) -> Pruned:
    """Remove what is due at ``now``, at most ``most`` runs; a dry run only counts.

    ``payloads``: also look for large values that nothing refers to; that reads the journals of their runs.
    """
    done = Pruned()
    for tree in _due(now):
        if most is not None and done.runs >= most:
            break
        if dry_run or _remove(tree):
            done.runs += len(tree)
    done.calls = _forget_calls(now, dry_run)
    if payloads:
        done.payloads = _drop_orphans(now, dry_run)
    return done


def _due(now: datetime) -> Iterator[list[UUID]]:
    """Each run that is no longer kept, with its child runs below it; oldest first."""
    keeping = Orchestration.objects.exclude(keep_days=None).values_list("pk", "keep_days")
    for pk, days in list(keeping):
        before = now - timedelta(days=days or 0)
        last = UUID(int=0)
        while True:
            rows = OrchestrationInstance.objects.filter(
                orchestration_id=pk, parent=None, status__in=OVER, finished_at__lt=before, pk__gt=last
            )
            found = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
            for run_id in found:
                tree = _tree(run_id)
                if _over(tree):
                    yield tree
            if len(found) < BATCH:
                break
            last = found[-1]


def _tree(run_id: UUID) -> list[UUID]:
    """The run and all that it has started, parents first."""
    found, level = [run_id], [run_id]
    while level:
        level = list(OrchestrationInstance.objects.filter(parent_id__in=level).values_list("pk", flat=True))
        found += level
    return found


def _over(tree: list[UUID]) -> bool:
    """Whether nothing of it, and no fork of it, is under way."""
    rows = OrchestrationInstance.objects.exclude(status__in=OVER)
    return not rows.filter(models.Q(pk__in=tree) | models.Q(forked_from_id__in=tree)).exists()


def _remove(tree: list[UUID]) -> bool:
    """Remove the runs, children first; False if one has been taken up again meanwhile."""
    with transaction.atomic():  # where there are transactions: nobody retries a run that is going
        if not _over(tree):
            return False
        OrchestrationInstance.objects.filter(forked_from_id__in=tree).update(forked_from=None)
        for run_id in reversed(tree):
            _remove_run(run_id)
    for run_id in tree:
        cached.drop(run_id)
    return True


def _remove_run(run_id: UUID) -> None:
    asked = list(Approval.objects.filter(instance_id=run_id).values_list("pk", flat=True))
    for part in _batches(asked):
        _delete(ApprovalRecipient, approval_id__in=part)
        _delete(Approval, pk__in=part)
    for model in PARTS:
        _delete(model, instance_id=run_id)
    _delete(OrchestrationInstance, pk=run_id)


def _delete(model: type[models.Model], **where: Any) -> None:
    """Delete rows by themselves: what belongs to them is removed by name, not looked for by Django."""
    rows = model._default_manager.filter(**where)
    rows._raw_delete(rows.db)


def _forget_calls(now: datetime, dry_run: bool) -> int:
    """Remove answers to repeated calls that are no longer given."""
    old = IdempotentCall.objects.filter(created_at__lt=now - IDEMPOTENT_FOR)
    if dry_run:
        return old.count()
    return old.delete()[0]


def _drop_orphans(now: datetime, dry_run: bool) -> int:
    """Remove payloads that neither the journal nor the output of their run refers to."""
    old = Payload.objects.filter(created_at__lt=now - GRACE).values_list("pk", "instance_id", "sha256")
    by_run: dict[UUID, list[tuple[UUID, str]]] = {}
    for pk, run_id, sha in old.iterator():
        by_run.setdefault(run_id, []).append((pk, sha))
    count = 0
    for run_id, stored in by_run.items():
        known = _referred(run_id)
        orphans = [pk for pk, sha in stored if sha not in known]
        count += len(orphans)
        for part in _batches(orphans if not dry_run else []):
            _delete(Payload, pk__in=part)
    return count


def _referred(run_id: UUID) -> set[str]:
    """The hashes of everything large that the run's journal and output speak of."""
    entries = JournalEntry.objects.filter(instance_id=run_id).values_list("events", flat=True)
    output = OrchestrationInstance.objects.filter(pk=run_id).values_list("payload", flat=True)
    return {
        found.decode() for said in (*entries.iterator(), *output) for found in SHA.findall(orjson.dumps(said))
    }


def _batches(items: list[UUID]) -> Iterable[list[UUID]]:
    return (items[start : start + ROWS] for start in range(0, len(items), ROWS))
