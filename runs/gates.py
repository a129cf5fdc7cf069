"""The hall of all processes on this database: one row, changed by compare-and-set."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from orchestrator.errors import Conflict
from runs.models import Gate
from runs.turnstile import Group, Hall, Place, Spent

T = TypeVar("T")
KEY = "slots"
MOST_REFUSALS = 100  # in a row; each means that another process was faster
_one_at_a_time = threading.Lock()  # of this process: its threads need not refuse each other


def look(at: float | None = None) -> Hall:
    """The hall as it stands; what is done to it changes nothing."""
    state = Gate.objects.filter(key=KEY).values_list("state", flat=True).first()
    return load(state or {}, time.time() if at is None else at)


def change(act: Callable[[Hall], T]) -> T:
    """Do something to the hall; ``act`` is asked again where another process was faster."""
    with _one_at_a_time:
        for _ in range(MOST_REFUSALS):
            gate = Gate.objects.filter(key=KEY).first()
            before = {} if gate is None else gate.state
            hall = load(before, time.time())
            done = act(hall)
            after = dump(hall)
            if after == before or _stored(gate, after):
                return done
    raise Conflict("Too many processes want slots at once; try again.", code="busy")


def _stored(gate: Gate | None, state: dict[str, object]) -> bool:
    """Whether this was the one that changed the row."""
    if gate is None:
        try:
            with transaction.atomic():
                Gate.objects.create(key=KEY, state=state)
        except IntegrityError:
            return False
        return True
    mine = Gate.objects.filter(key=KEY, revision=gate.revision)
    now = datetime.now(UTC)
    return bool(mine.update(revision=gate.revision + 1, state=state, updated_at=now))


def dump(hall: Hall) -> dict[str, Any]:
    """The hall as JSON."""
    return {
        "held": {
            worker: [[*_listed(group), count] for group, count in groups.items()]
            for worker, groups in hall.held.items()
        },
        "line": [
            [*_listed(group), place.want, place.since, place.told] for group, place in hall.line.items()
        ],
        "spent": {
            subject: [[one.second, one.requests, one.tokens] for one in seconds]
            for subject, seconds in hall.spent.items()
        },
    }


def load(stored: Mapping[str, Any], at: float) -> Hall:
    """The hall of ``dump``, without what was spent too long ago."""
    hall = Hall()
    for worker, groups in stored.get("held", {}).items():
        hall.held[worker] = {_group(row): row[-1] for row in groups}
    for row in stored.get("line", ()):
        hall.line[_group(row)] = Place(*row[4:])
    for subject, seconds in stored.get("spent", {}).items():
        hall.spent[subject] = [Spent(*row) for row in seconds]
    hall.forget(at)
    return hall


def _listed(group: Group) -> list[Any]:
    return [group.run, group.user, group.orchestration, list(group.models)]


def _group(row: list[Any]) -> Group:
    return Group(row[0], row[1], row[2], tuple(row[3]))
