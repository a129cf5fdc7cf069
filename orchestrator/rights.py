"""What follows from rights given on single objects: the rule that every noun that can be shared obeys.

SuperAdmin: everything. Admin: sees all, creates, edits (shares, deletes) what is their own or was granted for
editing. User: sees what was granted in any way; edits nothing.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import models

from orchestrator import access
from orchestrator.models import Grant, User

_rights: dict[type[models.Model], tuple[str, ...]] = {}


def share(model: type[models.Model], *rights: str) -> None:
    """Let ``rights`` be given on single rows of ``model``, which has a ``created_by``."""
    _rights[model] = rights


def rights_on(model: type[models.Model]) -> tuple[str, ...]:
    """The rights that can be given on rows of ``model``, weakest first."""
    return _rights[model]


def kind_of(model: type[models.Model]) -> str:
    """How grants name ``model``."""
    return model._meta.label_lower


class Rights:
    """What one person may do, for many rows of ``model``: the grants are read once."""

    model: type[models.Model]

    def __init__(self, user: User) -> None:
        self.user = user

    @cached_property
    def _held(self) -> dict[str, set[UUID]]:
        """Right -> the objects on which the person holds it."""
        found: dict[str, set[UUID]] = defaultdict(set)
        rows = Grant.objects.filter(who__in=access.identities(self.user), kind=kind_of(self.model))
        for right, pk in rows.values_list("right", "object_id"):
            found[right].add(pk)
        return found

    def holds(self, right: str, obj: Any) -> bool:
        """Whether the person was given ``right`` on it: by name, through a group, or with everyone."""
        return obj.pk in self._held[right]

    def may_edit(self, obj: Any) -> bool:
        """Whether the person, who sees it, may change, share and delete it."""
        if self.user.governs:
            return True
        own = obj.created_by_id == self.user.pk
        return self.user.designs and (own or self.holds(access.EDIT, obj))
