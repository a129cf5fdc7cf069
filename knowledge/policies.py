"""Who may see and change what is known: those who design orchestrations. Runs read it on their behalf."""

from __future__ import annotations

from typing import Any

from django.db import models

from knowledge.models import Document, KnowledgeBase
from orchestrator import access, audit
from orchestrator.models import User


class Designers:
    """Admin and above see and do everything; for a User none of it exists."""

    def __init__(self, model: type[models.Model]) -> None:
        self._model = model

    def visible(self, user: User) -> models.QuerySet[Any]:
        """All or nothing."""
        every = self._model._default_manager.all()
        return every if user.designs else every.none()

    def allows(self, user: User, action: str, obj: Any) -> bool:
        """All or nothing."""
        return user.designs


for model in (KnowledgeBase, Document):
    access.register(model, Designers(model))
audit.watch(KnowledgeBase)
