"""What people may do to runs. Pages, REST, sockets and commands call these; each rule stands here, once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from builder.graph import Graph, StepSpec
from builder.models import Orchestration
from orchestrator import access
from orchestrator.errors import Conflict, Forbidden, Invalid, TooLarge
from orchestrator.ids import new_id
from orchestrator.models import User
from runs import dispatch, families, journal, payloads
from runs import items_told as item_pages
from runs import logs as step_logs
from runs.cache import versions
from runs.creation import check, check_input, next_numbers, opening, version_number_of
from runs.engine import commands
from runs.engine.state import RunState, replay
from runs.models import Approval, OrchestrationInstance, StepLog
from runs.policies import ROLES, addressees, approvable, put_to
from steps import get as step_type
from steps.base import JSON

ANSWER_BYTES = 1024 * 1024
COMMENT_LIMIT = 10_000
DECISIONS = {"approval": ("approve", "reject"), "form": ("submit",)}  # by kind of question


def start(
    user: User,
    orchestration: Orchestration,
    input: JSON,  # noqa: A002
    version_number: int | None = None,
    pk: UUID | None = None,
) -> OrchestrationInstance:
    """Start a run of the newest version, or of ``version_number``; it is under way when this returns.

    ``pk`` is the id that it is to have; if there is a run with it, a caller whose process died had got so
    far, and that one goes on. Raises Forbidden, Conflict ``not_published``, NotFound for an unknown version,
    Invalid for an input that the version's schema refuses (``details.field``), TooLarge over 1 MiB.
    """
    if pk is not None and (begun := OrchestrationInstance.objects.filter(pk=pk).first()) is not None:
        access.check(user, access.START, orchestration)
        dispatch.begin(begun)
        return OrchestrationInstance.objects.get(pk=pk)
    return start_all(user, orchestration, [input], version_number, None if pk is None else [pk])[0]


def start_all(
    user: User,
    orchestration: Orchestration,
    inputs: Sequence[JSON],
    version_number: int | None = None,
    ids: Sequence[UUID] | None = None,
) -> list[OrchestrationInstance]:
    """Start a run for each of ``inputs``, together; raises as ``start`` does, and then none is started."""
    access.check(user, access.START, orchestration)
    number, pk = version_number_of(orchestration, version_number)
    version = versions.get(pk)
    for given in inputs:
        check_input(version.document.get("input"), given)
    ids = ids or [new_id() for _ in inputs]
    with transaction.atomic():  # one commit; where there are no transactions a crash may skip numbers
        first = next_numbers(orchestration, len(inputs))
        runs = OrchestrationInstance.objects.bulk_create(
            OrchestrationInstance(
                pk=one, orchestration=orchestration, version_id=pk, number=first + place, input=given,
                started_by=user,
            )
            for place, (one, given) in enumerate(zip(ids, inputs, strict=True))
        )  # fmt: skip
    dispatch.begin_all(version, [(run.pk, opening(run, number)) for run in runs])
    found = OrchestrationInstance.objects.in_bulk([run.pk for run in runs])
    return [found[run.pk] for run in runs]


def cancel(user: User, run: OrchestrationInstance, reason: str = "") -> None:
    """End the run: what runs or waits is cancelled at once. Raises Forbidden, Conflict ``not_running``."""
    access.check(user, access.EDIT, run)
    dispatch.act(run.pk, commands.Cancel(user.username, reason))


def items(run: OrchestrationInstance, step: str, status: str, page: int, size: int) -> dict[str, Any]:
    """A page of the items of a map: ``{count, results}``. Raises NotFound, Invalid."""
    return item_pages.page(state_of(run)[1], step, status, page, size)


def cancel_step(user: User, run: OrchestrationInstance, step: str, reason: str = "") -> None:
    """Give up one step that runs or waits. Raises Forbidden, Conflict where the state refuses it."""
    access.check(user, access.EDIT, run)
    dispatch.act(run.pk, commands.CancelStep(step, user.username, reason))


def retry(user: User, run: OrchestrationInstance, steps: Sequence[str] | None = None) -> None:
    """Try what failed or was cancelled again, all of it or ``steps``. Raises Forbidden, Conflict."""
    access.check(user, access.EDIT, run)
    families.refuse(run)
    named = None if steps is None else tuple(steps)
    dispatch.act(run.pk, commands.RetryRun(user.username, named))


def rollback(
    user: User, run: OrchestrationInstance, to: str | None = None, reason: str = "", dry_run: bool = False
) -> dict[str, Any] | None:
    """Roll back to the checkpoint ``to``, or undo the whole run; a dry run gives the preview instead.

    Raises Forbidden, and Conflict where the state refuses it (``rolling_back``, ``not_a_checkpoint``).
    """
    access.check(user, access.EDIT, run)
    if dry_run:
        return families.preview(run.pk, to, effect_of)
    families.refuse(run)
    dispatch.act(run.pk, commands.Rollback(to, user.username, reason))
    return None


def resolve(user: User, run: OrchestrationInstance, step: str, action: str, reason: str = "") -> None:
    """Say how a rollback goes on that is stuck at ``step``: retry, skip (with a reason) or give_up.

    Giving up leaves the run FAILED with nothing reset; a later rollback undoes what is left. Raises
    Forbidden, Conflict ``not_stuck``, Invalid.
    """
    access.check(user, access.EDIT, run)
    dispatch.act(run.pk, commands.Resolve(step, action, user.username, reason))


def effect_of(spec: StepSpec) -> str:
    """What a step leaves outside the run: ``reversible`` is nothing that has to be undone."""
    if spec.compensate is not None:
        return "compensatable"
    return step_type(spec.type).effect_of(spec.config)


def may_answer(user: User, approval: Approval, granted: Collection[UUID] | None = None) -> bool:
    """Whether ``user`` is asked: by name, by a role that they have or stand above, or by a grant to approve.

    ``granted`` is what ``approvable`` answers, for who asks about many.
    """
    if not user.is_active or (not approval.allow_self and approval.instance.started_by_id == user.pk):
        return False
    by_role = approval.role in ROLES and ROLES.index(user.role) >= ROLES.index(approval.role)
    if user.username in approval.assignees or by_role:
        return True
    if approval.kind != Approval.Kind.APPROVAL:
        return False
    return approval.instance.orchestration_id in (approvable(user) if granted is None else granted)


def waiting_for(user: User) -> QuerySet[Approval]:
    """The pending approvals that ``user`` may answer and has not voted on, oldest first."""
    pending = Approval.objects.filter(status=Approval.Status.PENDING)
    mine = list(pending.filter(recipients__who__in=addressees(user)).select_related("instance"))
    granted = approvable(user)
    if granted:
        mine += put_to(granted).filter(status=Approval.Status.PENDING).select_related("instance")
    keys = {one.pk for one in mine if may_answer(user, one, granted) and not _voted(user, one)}
    return Approval.objects.filter(pk__in=keys).order_by("requested_at")


def _voted(user: User, approval: Approval) -> bool:
    return any(vote["by"] == user.username for vote in approval.votes)


def decide_approval(
    user: User,
    approval: Approval,
    decision: str,
    comment: str = "",
    data: JSON = None,
    content_hash: str = "",
) -> Approval:
    """Answer ``approve`` or ``reject``, or ``submit`` a form; returns the approval as it stands then.

    Raises Invalid for another word or for ``data`` that the form refuses (``details.problems`` names each
    field), TooLarge for data over 1 MiB, Forbidden for who is not asked, Conflict ``already_decided`` (with
    who and when), ``already_voted``, or ``content_changed`` where ``content_hash``, of what was read, is not
    that of the question.
    """
    if decision not in DECISIONS[approval.kind]:
        raise Invalid(f"decision must be {' or '.join(DECISIONS[approval.kind])}.", field="decision")
    if len(comment) > COMMENT_LIMIT:
        raise Invalid(f"A comment has at most {COMMENT_LIMIT} characters.", field="comment")
    if not may_answer(user, approval):
        raise Forbidden("You are not asked to answer this.")
    if content_hash and content_hash != approval.content_hash:
        changed = _changed(approval, content_hash)
        raise Conflict(
            _read_again(changed), code="content_changed", content_hash=approval.content_hash, changed=changed
        )
    if decision == "submit":
        data = {} if data is None else data
    if len(orjson.dumps(data)) > ANSWER_BYTES:
        raise TooLarge("An answer has at most 1 MiB.")
    if decision != "reject" and approval.form:
        check(approval.form, {} if data is None else data, "data")
    approval.refresh_from_db()
    if approval.status == Approval.Status.PENDING and _voted(user, approval):
        raise Conflict("You have answered this already; others have not yet.", code="already_voted")
    payload = payloads.keep(approval.instance_id, data)[1] if decision == "submit" else None
    vote = commands.Vote(str(approval.pk), user.username, decision, comment, data, payload)
    dispatch.act(approval.instance_id, vote)
    approval.refresh_from_db()
    return approval


def _read_again(changed: list[str]) -> str:
    """Why an answer is refused that was given to another question."""
    words = [
        {"message": "the question", "evidence": "the evidence", "form": "the form"}[one] for one in changed
    ]
    what = f"{' and '.join(words)} changed" if words else "the question is not the one that you read"
    return f"Nothing was answered: {what} meanwhile. Read it again, then answer."


def _changed(approval: Approval, content_hash: str) -> list[str]:
    """What is shown otherwise than in the earlier question of the step that has this hash."""
    asked = Approval.objects.filter(instance_id=approval.instance_id, step=approval.step)
    earlier = asked.filter(content_hash=content_hash).first()
    if earlier is None:
        return []
    shown = ("message", "evidence", "form")
    return [name for name in shown if getattr(earlier, name) != getattr(approval, name)]


def events(run: OrchestrationInstance, since: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
    """The journal after ``since``, flat, as REST says it; ``limit`` events, but never part of an entry.

    The first entry comes whole, however many events it has.
    """
    found: list[dict[str, Any]] = []
    for seq, at, said in journal.entries(run.pk, since, limit):
        if limit is not None and found and len(found) + len(said) > limit:
            break
        moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found += [{"seq": seq, "at": moment, **event} for event in said]
    return found


def logs(
    run: OrchestrationInstance, step: str | None = None, level: str | None = None, since: str | None = None
) -> list[StepLog]:
    """Lines of the steps' logs, oldest first: of ``step``, of at least ``level``, after the line ``since``.

    Raises Invalid for an unknown level, and for a ``since`` that is no id.
    """
    step_logs.settle()
    rows = StepLog.objects.filter(instance_id=run.pk)
    if step:
        rows = rows.filter(step=step)
    if level:
        if level not in step_logs.LEVELS:
            raise Invalid(f"level must be one of {', '.join(step_logs.LEVELS)}.", field="level")
        rows = rows.filter(level__in=step_logs.LEVELS[step_logs.LEVELS.index(level) :])
    if since:
        try:
            rows = rows.filter(pk__gt=UUID(str(since)))
        except (ValueError, ValidationError) as error:
            raise Invalid("since must be the id of a log line.", field="since") from error
    return list(rows.order_by("pk"))


def state_of(run: OrchestrationInstance, at_seq: int | None = None) -> tuple[Graph, RunState]:
    """The run's graph and its state, now or as it was after entry ``at_seq``; the state is a copy."""
    graph, _, state = journal.load(run.pk)
    if at_seq is None or at_seq >= state.seq:
        return graph, state
    past = [
        (seq, at.isoformat(timespec="milliseconds"), said)
        for seq, at, said in journal.entries(run.pk, limit=max(0, at_seq))
    ]
    return graph, replay(graph, past)
