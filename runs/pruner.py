"""Pruning by itself: every hour, by one of the processes that share the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from runs import retention
from runs.chores import Chore
from runs.models import Gate

EVERY = timedelta(hours=1)
FIRST_S = 60.0  # after the start: there is more urgent work then
LOOK_S = 300.0
MOST_RUNS = 2000  # at a time
KEY = "prune"


def pruner() -> Chore:
    """The thread that looks whether it is time."""
    return Chore("pruner", look, first_s=FIRST_S, every_s=LOOK_S)


def look() -> None:
    """Prune, if this process is the one that prunes now."""
    now = datetime.now(UTC)
    if claim(now):
        retention.prune(now, most=MOST_RUNS, payloads=False)


def claim(now: datetime) -> bool:
    """Whether this process is the one that prunes now: at most one an hour, by compare-and-set."""
    said = {"at": now.isoformat()}
    gate = Gate.objects.filter(key=KEY).first()
    if gate is None:
        try:
            with transaction.atomic():
                Gate.objects.create(key=KEY, state=said)
        except IntegrityError:
            return False  # another process was first
        return True
    last = datetime.fromisoformat(gate.state["at"])
    if last <= now < last + EVERY:  # a last time in the future is a clock that was set back
        return False
    mine = Gate.objects.filter(key=KEY, revision=gate.revision)
    return bool(mine.update(revision=gate.revision + 1, state=said))
