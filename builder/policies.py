"""Who may see, start and change orchestrations, and answer for them; the one place that says so.

SuperAdmin: everything.
Admin: sees all and exports all drafts, creates; edits (publishes, shares, deletes) what is their own or was
granted for editing; starts what they may edit or was granted for starting.
User: sees what is published and was granted in any way; starts what was granted for starting or editing.
Whoever was granted approving answers every approval of its runs (``runs.policies``).
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from builder.models import Orchestration, OrchestrationVersion
from orchestrator import access, audit, rights
from orchestrator.models import User

KIND = rights.kind_of(Orchestration)
EVERY_RIGHT = (access.VIEW, access.START, access.APPROVE, access.EDIT)


EXPORT = "export"


class Rights(rights.Rights):
    """What one person may do, for many orchestrations: the grants are read once."""

    model = Orchestration

    def may_start(self, orchestration: Orchestration) -> bool:
        """Whether the person, who sees it, may start runs of it."""
        held = (access.START, access.EDIT)
        return self.may_edit(orchestration) or any(self.holds(right, orchestration) for right in held)

    def may_export(self) -> bool:
        """Whether the person may read drafts."""
        return self.user.designs


class OrchestrationPolicy:
    """See the module."""

    def visible(self, user: User) -> QuerySet[Orchestration]:
        """The orchestrations that ``user`` may see."""
        rows = Orchestration.objects.all()
        if user.designs:
            return rows
        return rows.filter(published_number__gt=0, pk__in=access.granted(user, KIND, EVERY_RIGHT))

    def allows(self, user: User, action: str, orchestration: Orchestration | None) -> bool:
        """Whether ``user``, who sees it, may also start or edit it; None asks about creating one."""
        if orchestration is None:
            return action == access.CREATE and user.designs
        held = Rights(user)
        if action == access.EDIT:
            return held.may_edit(orchestration)
        if action == access.START:
            return held.may_start(orchestration)
        if action == access.APPROVE:
            return held.holds(access.APPROVE, orchestration)
        return action == access.VIEW or (action == EXPORT and held.may_export())


class VersionPolicy:
    """A version is seen by who sees its orchestration; nobody changes one."""

    def visible(self, user: User) -> QuerySet[OrchestrationVersion]:
        """The versions of the orchestrations that ``user`` may see."""
        rows = OrchestrationVersion.objects.all()
        if user.designs:
            return rows
        granted = access.granted(user, KIND, EVERY_RIGHT)
        return rows.filter(orchestration_id__in=granted)

    def allows(self, user: User, action: str, version: Any) -> bool:
        """Only looking."""
        return action == access.VIEW


rights.share(Orchestration, *EVERY_RIGHT)
access.register(Orchestration, OrchestrationPolicy())
access.register(OrchestrationVersion, VersionPolicy())
audit.watch(OrchestrationVersion, hidden=("document",))
