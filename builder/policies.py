"""Who may see, start and change orchestrations; the one place that says so.

SuperAdmin: everything.
Admin: sees all and exports all drafts, creates; edits (publishes, shares, deletes) what is their own or was
granted for editing; starts what they may edit or was granted for starting.
User: sees what is published and was granted in any way; starts what was granted for starting or editing.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from builder.models import Orchestration, OrchestrationVersion
from orchestrator import access, audit
from orchestrator.models import User

KIND = "builder.orchestration"
EVERY_RIGHT = (access.VIEW, access.START, access.EDIT)


EXPORT = "export"


class Rights:
    """What one person may do, for many orchestrations: the grants are read once."""

    def __init__(self, user: User) -> None:
        self.user = user

    @cached_property
    def _editable(self) -> frozenset[UUID]:
        return frozenset(access.granted(self.user, KIND, [access.EDIT]))

    @cached_property
    def _startable(self) -> frozenset[UUID]:
        return frozenset(access.granted(self.user, KIND, [access.START, access.EDIT]))

    def may_edit(self, orchestration: Orchestration) -> bool:
        """Whether the person, who sees it, may change, publish, share and delete it."""
        if self.user.governs:
            return True
        own = orchestration.created_by_id == self.user.pk
        return self.user.designs and (own or orchestration.pk in self._editable)

    def may_start(self, orchestration: Orchestration) -> bool:
        """Whether the person, who sees it, may start runs of it."""
        return self.may_edit(orchestration) or orchestration.pk in self._startable

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
        rights = Rights(user)
        if action == access.EDIT:
            return rights.may_edit(orchestration)
        if action == access.START:
            return rights.may_start(orchestration)
        return action == access.VIEW or (action == EXPORT and rights.may_export())


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


access.register(Orchestration, OrchestrationPolicy())
access.register(OrchestrationVersion, VersionPolicy())
audit.watch(OrchestrationVersion, hidden=("document",))
