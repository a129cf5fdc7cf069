"""Which drafts search a knowledge base: for its page, and for who is about to delete it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from agents.models import Agent
from builder.models import Orchestration, Step
from knowledge.models import KnowledgeBase
from knowledge.uses import Use
from orchestrator import access
from orchestrator.models import User

SEARCHING = ("retrieve", "llm")  # the step types that name a base, or an agent that does


def of_base(user: User, base: KnowledgeBase) -> list[Use]:
    """The orchestrations that ``user`` may see and whose draft searches ``base``, by name."""
    rows = Agent.objects.values_list("slug", "knowledge")
    agents = {slug for slug, known in rows if base.slug in (known or [])}
    steps = Step.objects.filter(type__in=SEARCHING).values_list("orchestration_id", "config")
    using = {owner for owner, config in steps if _names(config, base.slug, agents)}
    found = access.visible(user, Orchestration).filter(pk__in=using).order_by("name")
    return [Use(each.name, reverse("builder", args=[each.slug])) for each in found]


def _names(config: Any, slug: str, agents: set[str]) -> bool:
    if not isinstance(config, dict):
        return False
    own = config.get("knowledge")
    bases = [row.get("base") for row in own if isinstance(row, dict)] if isinstance(own, list) else []
    return slug in (config.get("base"), *bases) or config.get("agent") in agents
