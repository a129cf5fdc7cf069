"""Who may see and act on runs, approvals and limits.

A run is visible to who started it, to who is or was asked in it, to who may edit its orchestration, to
Admins who may view it, and to SuperAdmins. Who started it or may edit its orchestration may act on it.
A child run is started by who started its parent. It is also visible to who is asked in its parent, and who
may act on its parent may act on it.
Whoever was granted to approve an orchestration is asked in each approval of its runs (not in forms, which
are for one person). An approval is visible to who is asked and to who sees the run; the verb says who may
answer.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from builder.models import Orchestration
from orchestrator import access, audit
from orchestrator.db.among import among
from orchestrator.models import Grant, Role, User
from runs import limits
from runs.models import Approval, ApprovalRecipient, Limit, OrchestrationInstance

ORCHESTRATION = "builder.orchestration"
ROLES = (Role.USER, Role.ADMIN, Role.SUPERADMIN)  # each may what those before it may


def addressees(user: User) -> list[str]:
    """The ``who`` of recipients that mean this person."""
    return [f"user:{user.username}", f"role:{user.role}"]


def recipients(approval: dict[str, Any]) -> list[str]:
    """The ``who`` rows of an approval: its assignees, and its role with every role above."""
    people = [f"user:{name}" for name in approval.get("assignees") or []]
    role = approval.get("role") or ""
    roles = ROLES[ROLES.index(Role(role)) :] if role in ROLES else ()
    return list(dict.fromkeys([*people, *(f"role:{name.value}" for name in roles)]))


def approvable(user: User) -> list[UUID]:
    """The ids of the orchestrations whose approvals the person was granted to answer."""
    return access.granted(user, ORCHESTRATION, [access.APPROVE])


def put_to(granted: Collection[UUID]) -> QuerySet[Approval]:
    """The approvals of the orchestrations ``granted``, of which there is at least one."""
    runs = OrchestrationInstance.objects.filter(orchestration_id__in=granted).values_list("pk", flat=True)
    return Approval.objects.filter(kind=Approval.Kind.APPROVAL, instance_id__in=among(runs))


def approvers(run_id: UUID) -> list[str]:
    """As whom the inboxes listen of those who were granted to approve the run's orchestration."""
    run = OrchestrationInstance.objects.filter(pk=run_id).values_list("orchestration_id", flat=True)
    given = Grant.objects.filter(kind=ORCHESTRATION, object_id__in=list(run), right=access.APPROVE)
    return [f"grant:{who}" for who in given.values_list("who", flat=True)]


def listens_as(user: User) -> list[str]:
    """Every ``who`` by which an inbox of this person is told."""
    return [*addressees(user), *(f"grant:{who}" for who in access.identities(user))]


def _overseen(user: User) -> list[UUID] | None:
    """The ids of the orchestrations all of whose runs the person may see; None for all of them."""
    if user.governs:
        return None
    if not user.designs:
        return access.granted(user, ORCHESTRATION, [access.EDIT])
    found = list(access.visible(user, Orchestration).values_list("pk", flat=True))
    return None if len(found) == Orchestration.objects.count() else found


def _asked_in(user: User, column: str) -> Q:
    """Where the person is or was asked, of rows whose ``column`` is a run's id."""
    approvals = ApprovalRecipient.objects.filter(who__in=addressees(user)).values_list(
        "approval_id", flat=True
    )
    by_name = Approval.objects.filter(pk__in=among(approvals))
    found = Q(**{f"{column}__in": among(by_name.values_list("instance_id", flat=True))})
    if granted := approvable(user):
        found |= Q(**{f"{column}__in": among(put_to(granted).values_list("instance_id", flat=True))})
    return found


class RunPolicy:
    """See the module."""

    def visible(self, user: User) -> QuerySet[OrchestrationInstance]:
        """The runs that ``user`` may see."""
        runs, overseen = OrchestrationInstance.objects.all(), _overseen(user)
        if overseen is None:
            return runs
        mine = Q(started_by=user) | Q(orchestration_id__in=overseen)
        return runs.filter(mine | _asked_in(user, "pk") | _asked_in(user, "parent_id"))

    def allows(self, user: User, action: str, run: OrchestrationInstance | None) -> bool:
        """Acting on a run: who started it, and who may edit its orchestration."""
        if run is None or action != access.EDIT:
            return False
        if run.started_by_id == user.pk or access.allowed(user, access.EDIT, run.orchestration):
            return True
        return run.parent is not None and self.allows(user, action, run.parent)


class ApprovalPolicy:
    """See the module."""

    def visible(self, user: User) -> QuerySet[Approval]:
        """The approvals that ``user`` may see."""
        approvals, overseen = Approval.objects.all(), _overseen(user)
        if overseen is None:
            return approvals
        return approvals.filter(
            Q(instance__started_by=user)
            | Q(instance__orchestration_id__in=overseen)
            | _asked_in(user, "instance_id")
        )

    def allows(self, user: User, action: str, approval: Approval | None) -> bool:
        """Nothing beyond seeing: ``runs.verbs.decide_approval`` asks who may answer."""
        return False


class LimitPolicy:
    """Who designs sees every limit; ``runs.limits`` says who may set which."""

    def visible(self, user: User) -> QuerySet[Limit]:
        """All or nothing."""
        return Limit.objects.all() if user.designs else Limit.objects.none()

    def allows(self, user: User, action: str, limit: Limit | None) -> bool:
        """None asks whether there is any that the person may set."""
        if limit is None:
            return user.designs
        return action == access.EDIT and limits.may_set(user, limit.kind, limit.subject)


audit.watch(Limit)
access.register(Limit, LimitPolicy())
access.register(OrchestrationInstance, RunPolicy())
access.register(Approval, ApprovalPolicy())
