"""Who may see and change models, agents, tools and credentials: those who design, and nobody else."""

from __future__ import annotations

from typing import Any

from django.db import models

from agents.models import Agent, Credential, LLMModel, Tool
from orchestrator import access, audit
from orchestrator.models import User


class DesignersOnly:
    """Admin and above see and edit everything; for a User it does not exist."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model

    def visible(self, user: User) -> models.QuerySet[Any]:
        """All or nothing."""
        rows = self.model._default_manager
        return rows.all() if user.designs else rows.none()

    def allows(self, user: User, action: str, obj: Any) -> bool:
        """Whatever it is, designers may."""
        return user.designs


for model in (LLMModel, Agent, Tool, Credential):
    access.register(model, DesignersOnly(model))
    audit.watch(model, hidden=("secret_encrypted",))
