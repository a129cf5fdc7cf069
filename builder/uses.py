"""Which orchestrations use a knowledge base, agent, model, tool or credential: for who would delete it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from agents.models import Agent, Credential, LLMModel, Named, Tool
from agents.uses import Use as Usage
from builder.models import Orchestration, OrchestrationVersion, Step
from knowledge.models import KnowledgeBase
from knowledge.uses import Use
from orchestrator import access
from orchestrator.models import User

SEARCHING = ("retrieve", "llm")  # the step types that name a base, or an agent that does


FIELDS: dict[type[Named], str] = {
    Agent: "agent",
    LLMModel: "model",
    Tool: "tools",
    Credential: "credential",
}


def of_named(row: Named) -> list[Usage]:
    """The orchestrations whose draft or published version names ``row``, by name."""
    field = FIELDS[type(row)]
    drafts = Step.objects.values_list("orchestration_id", "config")
    using = {owner for owner, config in drafts if _mentions(config, field, row.slug)}
    every = Orchestration.objects.order_by("name").only("name", "published_number")
    return [
        Usage("orchestration", each.name)
        for each in every
        if each.pk in using or (each.published_number and _published_mentions(each, field, row.slug))
    ]


def _published_mentions(orchestration: Orchestration, field: str, slug: str) -> bool:
    rows = OrchestrationVersion.objects.filter(
        orchestration=orchestration, number=orchestration.published_number
    ).values_list("document", flat=True)
    return any(_mentions(document.get("steps"), field, slug) for document in rows)


def _mentions(value: Any, field: str, slug: str) -> bool:
    """Whether ``field`` names ``slug`` anywhere in ``value``."""
    if isinstance(value, list):
        return any(_mentions(part, field, slug) for part in value)
    if not isinstance(value, dict):
        return False
    named = value.get(field)
    if named == slug or (isinstance(named, list) and slug in named):
        return True
    return any(_mentions(part, field, slug) for part in value.values())


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
