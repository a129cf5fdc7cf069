"""A run's row: the version that it runs, its number, and whether its input will do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from builder.models import Orchestration, OrchestrationVersion
from orchestrator.errors import Conflict, Invalid, NotFound, TooLarge
from orchestrator.models import User
from runs.engine.commands import Start
from runs.models import OrchestrationInstance
from steps.base import JSON
from steps.schema import violations

INPUT_BYTES = 1024 * 1024


def create(
    orchestration: Orchestration, version: OrchestrationVersion, given: JSON, user: User | None, **more: Any
) -> OrchestrationInstance:
    """A run's row, with its number; it has not started."""
    with transaction.atomic():  # one commit; where there are no transactions a crash may skip a number
        return OrchestrationInstance.objects.create(
            orchestration=orchestration,
            version=version,
            number=next_numbers(orchestration, 1),
            input=given,
            started_by=user,
            **more,
        )


def opening(
    run: OrchestrationInstance, version: int | None = None, parent: dict[str, JSON] | None = None
) -> Start:
    """The command that starts a run; ``version`` is its version's number, where that is known."""
    starter = run.started_by
    user = {"id": str(starter.pk), "username": starter.username} if starter else {}
    return Start(run.input, user, run.version.number if version is None else version, parent)


def version_of(orchestration: Orchestration, number: int | None) -> OrchestrationVersion:
    """The version ``number``, or the newest. Raises NotFound, Conflict ``not_published``."""
    return OrchestrationVersion.objects.get(pk=version_number_of(orchestration, number)[1])


def version_number_of(orchestration: Orchestration, number: int | None) -> tuple[int, UUID]:
    """The number and the key of the version wanted."""
    wanted = number
    if wanted is None:
        fresh = Orchestration.objects.filter(pk=orchestration.pk).values_list("published_number", flat=True)
        wanted = fresh.first() or 0
        if not wanted:
            raise Conflict("This orchestration is not published yet.", code="not_published")
    found = OrchestrationVersion.objects.filter(orchestration=orchestration, number=wanted)
    pk = found.values_list("pk", flat=True).first()
    if pk is None:
        raise NotFound(f"There is no version {wanted} of this orchestration.")
    return wanted, pk


def next_numbers(orchestration: Orchestration, count: int) -> int:
    """Draw ``count`` run numbers, and return the first: compare-and-set has one winner on every database."""
    mine = Orchestration.objects.filter(pk=orchestration.pk)
    while True:
        last = mine.values_list("run_count", flat=True).first()
        if last is None:
            raise NotFound("There is no such orchestration.")
        if mine.filter(run_count=last).update(run_count=last + count):
            return last + 1


def check_input(schema: JSON, value: JSON) -> None:
    """Raise Invalid unless ``value`` fits the input schema of a version; TooLarge over 1 MiB."""
    try:
        size = len(orjson.dumps(value))
    except TypeError as error:
        raise Invalid(f"The input is not JSON: {error}.", field="input") from error
    if size > INPUT_BYTES:
        raise TooLarge(f"The input has {size} bytes; at most {INPUT_BYTES} are taken.")
    check(schema if schema is not None else {"type": "object"}, value, "input")


def check(schema: JSON, value: JSON, root: str) -> None:
    """Raise Invalid with the first violation and its path in ``value`` (``root`` for the whole of it)."""
    if schema in (None, True):
        return
    found = violations(schema, value, templates=False)
    if found:
        problems = [{"field": field or root, "message": message} for field, message in found]
        raise Invalid(problems[0]["message"], field=problems[0]["field"], problems=problems)
