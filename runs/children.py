"""Child runs: how a step makes one, and has it rolled back.

The parent's wait is durable before its child begins; that, and all that follows, is said by
``children_told``.
"""

from __future__ import annotations

from itertools import count
from typing import Any
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction

from builder.models import Orchestration
from orchestrator import access
from orchestrator.errors import ProductError
from runs import creation, journal
from runs.cache import Run
from runs.engine.commands import ChildBegins, ChildUndoes, Command, ItemBegins
from runs.engine.records import RunState
from runs.engine.states import RunStatus
from runs.executors.base import Assignment
from runs.models import OrchestrationInstance
from steps.base import JSON, Child, StepError

MOST_DEEP = 8


def begin(run: Run, assignment: Assignment, wish: Child, item: tuple[int, int] | None = None) -> Command:
    """Make the row of the run that a step, or an attempt of an item, asks for; it begins with its wait.

    Doing it again finds the same row: after a crash, and when the step is tried again, which has the same
    run go on. Raises StepError where it cannot be made.
    """
    parent = OrchestrationInstance.objects.select_related("started_by").get(pk=run.pk)
    if parent.depth >= MOST_DEEP:
        message = f"Runs start runs at most {MOST_DEEP} deep, and this one is that deep; it may start itself."
        raise StepError(message, code="too_deep")
    if wish.orchestration not in _written(run.version.document, assignment.step):
        _check_named(parent, wish.orchestration)
    row, since = _row(parent, assignment, wish, None if item is None else item[0])
    child: dict[str, JSON] = {
        "id": str(row.pk),
        "orchestration": row.orchestration.slug,
        "name": row.orchestration.name,
        "version": row.version.number,
        "number": row.number,
        "since": since,
    }
    where = assignment.step, assignment.epoch, assignment.attempt
    return ChildBegins(*where, child) if item is None else ItemBegins(*where, *item, child)


def _written(document: dict[str, Any], step: str) -> list[Any]:
    """The orchestrations that a step names as they are; whether they may be was asked at publishing."""
    config = next((one.get("config") or {} for one in document["steps"] if one["key"] == step), {})
    inner = config.get("step")
    inside = (inner.get("config") or {}) if isinstance(inner, dict) else {}
    return [config.get("orchestration"), inside.get("orchestration")]


def _check_named(parent: OrchestrationInstance, slug: str) -> None:
    """Of a name that a template made: who published the version, or who started the run, has to be allowed.

    Raises StepError.
    """
    orchestration = Orchestration.objects.filter(slug=slug).first()
    people = (parent.version.published_by, parent.started_by)
    if orchestration is None or any(
        one is not None and access.allowed(one, access.START, orchestration) for one in people
    ):
        return
    message = f"Neither who published this version nor who started the run may start {slug[:80]}."
    raise StepError(message, code="forbidden", field="orchestration")


def _row(
    parent: OrchestrationInstance, assignment: Assignment, wish: Child, item: int | None
) -> tuple[OrchestrationInstance, int]:
    """The row, and the entry of its journal from which on it counts."""
    rows = OrchestrationInstance.objects.select_related("orchestration", "version")
    for generation in count():
        name = f"{assignment.step}:{assignment.epoch}:{'' if item is None else item}:{generation}"
        pk = uuid5(parent.pk, name)
        found = rows.filter(pk=pk).first()
        if found is None:
            return _make(pk, parent, assignment.step, wish, item), 0
        state = journal.load(pk)[2]
        if not _is_spent(state):
            rows.filter(pk=pk).update(parent_told=False)
            return found, state.seq
    raise AssertionError("There is no last number.")


def _is_spent(state: RunState) -> bool:
    """Whether the run cannot be taken up again: rolled back, or cancelled before it had started."""
    never = state.status is RunStatus.CANCELLED and state.started_at is None
    return state.status is RunStatus.ROLLED_BACK or never


def _make(
    pk: UUID, parent: OrchestrationInstance, step: str, wish: Child, item: int | None
) -> OrchestrationInstance:
    orchestration = Orchestration.objects.filter(slug=wish.orchestration).first()
    if orchestration is None:
        message = f"There is no orchestration {wish.orchestration[:80]}; it may have been deleted."
        raise StepError(message, code="unknown_orchestration")
    try:
        version = creation.version_of(orchestration, wish.version)
        creation.check_input(version.document.get("input"), wish.input)
        with transaction.atomic():
            return creation.create(
                orchestration, version, wish.input, parent.started_by, pk=pk, parent=parent, parent_step=step,
                parent_item=item, parent_told=False, depth=parent.depth + 1,
            )  # fmt: skip
    except ProductError as error:
        message = f"{orchestration.name} could not be started: {error.message}"
        raise StepError(message, code=error.code, **error.details) from error
    except IntegrityError:  # the step was started twice at once, and the other one was first
        return OrchestrationInstance.objects.select_related("orchestration", "version").get(pk=pk)


def undo(run: Run, assignment: Assignment, item: int | None) -> Command:
    """Have the child of a step, or of an item, rolled back; that begins when the wait for it is durable."""
    known = run.state.children[assignment.step, assignment.epoch, item]
    pk = UUID(known["id"])
    OrchestrationInstance.objects.filter(pk=pk).update(parent_told=False)
    child = {"id": known["id"], "number": known["number"], "since": journal.load(pk)[2].seq}
    return ChildUndoes(assignment.step, assignment.epoch, assignment.attempt, child)
