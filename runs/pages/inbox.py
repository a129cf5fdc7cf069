"""The inbox of one person: what waits, oldest first, and what became of the rest."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from orchestrator import access
from orchestrator.models import User
from runs import verbs
from runs.models import Approval, ApprovalRecipient
from runs.pages.people import of_approvals, voice
from runs.pages.questions import fate, question
from runs.policies import addressees, approvable, put_to

ANSWERED = 20  # questions shown below the open ones


def page(
    user: User, chosen: uuid.UUID | None = None, sent: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The inbox with ``chosen`` opened, else the oldest question. Raises NotFound."""
    waiting = list(verbs.waiting_for(user).select_related("instance__orchestration").order_by("requested_at"))
    answered = _answered(user, {one.pk for one in waiting})
    opened = _opened(user, chosen, waiting)
    speak = voice(user, of_approvals([*waiting, *answered]))
    rows = [
        {
            "approval": one,
            "fate": fate(user, one, speak),
            "where": f"{one.instance.orchestration.name}, run {one.instance.number}",
            "yes": sum(vote.get("decision") == "approve" for vote in one.votes),
        }
        for one in [*waiting, *answered]
    ]
    return {
        "waiting": rows[: len(waiting)],
        "answered": rows[len(waiting) :],
        "asked": question(user, opened, sent) if opened else None,
        "stamp": f"{len(waiting)}-{waiting[-1].pk if waiting else ''}",
        "keys": True,
    }


def _opened(user: User, chosen: uuid.UUID | None, waiting: list[Approval]) -> Approval | None:
    if chosen is None and not waiting:
        return None
    pk = chosen or waiting[0].pk
    access.get(user, access.VIEW, Approval, pk=pk)
    return Approval.objects.select_related("instance__orchestration", "instance__version").get(pk=pk)


def _answered(user: User, waiting: set[uuid.UUID]) -> list[Approval]:
    """What asked this person and is settled for them, newest first."""
    # ids first: a join would show a question twice, and MongoDB ignores a slice in a subquery
    asked = ApprovalRecipient.objects.filter(who__in=addressees(user)).order_by("-id")
    ids = dict.fromkeys(asked.values_list("approval_id", flat=True)[: 4 * ANSWERED])
    if granted := approvable(user):
        newest = put_to(granted).order_by("-requested_at").values_list("pk", flat=True)
        ids |= dict.fromkeys(newest[: 4 * ANSWERED])
    rows = Approval.objects.filter(pk__in=[pk for pk in ids if pk not in waiting]).select_related(
        "instance__orchestration"
    )
    settled = sorted(rows, key=lambda one: one.decided_at or one.requested_at, reverse=True)
    return settled[:ANSWERED]
