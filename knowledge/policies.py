"""Who may see, search and change what is known; the rule is that of ``orchestrator.rights``.

SuperAdmin: everything.
Admin: sees and searches all, creates; edits (documents, name, rights, deletion) what is their own or was
granted for editing.
User: sees and searches what was granted in any way, and changes nothing.
Runs read on behalf of who designed them: a step searches its base whoever started the run.
"""

from __future__ import annotations

from uuid import UUID

from django.db import models

from knowledge.models import Document, KnowledgeBase
from orchestrator import access, audit, rights
from orchestrator.models import User

EVERY_RIGHT = (access.VIEW, access.EDIT)


class Rights(rights.Rights):
    """What one person may do, for many bases: the grants are read once."""

    model = KnowledgeBase


class BasePolicy:
    """See the module."""

    def visible(self, user: User) -> models.QuerySet[KnowledgeBase]:
        """The bases that ``user`` may see and search."""
        rows = KnowledgeBase.objects.all()
        return rows if user.designs else rows.filter(pk__in=_granted(user))

    def allows(self, user: User, action: str, base: KnowledgeBase | None) -> bool:
        """Whether ``user``, who sees it, may also edit it; None asks about creating one."""
        if base is None:
            return action == access.CREATE and user.designs
        return action == access.VIEW or (action == access.EDIT and Rights(user).may_edit(base))


class DocumentPolicy:
    """A document is seen and edited by who sees and edits its base."""

    def visible(self, user: User) -> models.QuerySet[Document]:
        """The documents of the bases that ``user`` may see."""
        rows = Document.objects.all()
        return rows if user.designs else rows.filter(base_id__in=_granted(user))

    def allows(self, user: User, action: str, document: Document | None) -> bool:
        """As its base says."""
        if document is None:
            return False
        return action == access.VIEW or (action == access.EDIT and Rights(user).may_edit(document.base))


def _granted(user: User) -> list[UUID]:
    return access.granted(user, rights.kind_of(KnowledgeBase), EVERY_RIGHT)


rights.share(KnowledgeBase, *EVERY_RIGHT)
access.register(KnowledgeBase, BasePolicy())
access.register(Document, DocumentPolicy())
audit.watch(KnowledgeBase)
