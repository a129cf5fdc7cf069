"""What documents refer to by name: asked for all at once, so that 500 steps cost six queries."""

from __future__ import annotations

from functools import cached_property

from agents.models import Agent, Credential, LLMModel, Tool
from builder.models import Orchestration, OrchestrationVersion
from builder.policies import Rights
from builder.shapes import Option
from knowledge.models import KnowledgeBase
from orchestrator.models import User
from steps.base import Kind


class Directory:
    """Answers whether a name exists (a ``steps.base.Lookup``), and lists the names. For one request.

    Of orchestrations those that ``user`` may start: who may start what names one may start that one too.
    """

    def __init__(self, user: User | None = None) -> None:
        self._user_who_asks = user

    def __call__(self, kind: Kind, slug: str) -> bool:
        """Whether there is (still) a ``kind`` called ``slug``."""
        if kind == "orchestration" and "@" in slug:
            of, _, number = slug.partition("@")
            found = OrchestrationVersion.objects.filter(orchestration__slug=of, number=int(number))
            return of in self.names(kind) and found.exists()
        return slug in self.names(kind)

    def names(self, kind: Kind) -> dict[str, str]:
        """Slug -> what people call it, by name."""
        found: dict[str, str] = getattr(self, f"_{kind}")
        return found

    def options(self, kind: Kind, chosen: str | list[str] = "") -> list[Option]:
        """The choices of a form, with what is chosen and not there any more marked."""
        names = self.names(kind)
        wanted = [chosen] if isinstance(chosen, str) else chosen
        lost = [slug for slug in wanted if slug and slug not in names and "{{" not in slug]
        return [Option(value=slug, label=name, missing=False) for slug, name in names.items()] + [
            Option(value=slug, label=slug, missing=True) for slug in lost
        ]

    @cached_property
    def _model(self) -> dict[str, str]:
        rows = LLMModel.objects.filter(is_active=True).order_by("name")
        return dict(rows.values_list("slug", "name"))

    @cached_property
    def _agent(self) -> dict[str, str]:
        return dict(Agent.objects.filter(is_active=True).order_by("name").values_list("slug", "name"))

    @cached_property
    def _base(self) -> dict[str, str]:
        return dict(KnowledgeBase.objects.order_by("name").values_list("slug", "name"))

    @cached_property
    def _tool(self) -> dict[str, str]:
        return dict(Tool.objects.filter(is_active=True).order_by("name").values_list("slug", "name"))

    @cached_property
    def _credential(self) -> dict[str, str]:
        return dict(Credential.objects.order_by("name").values_list("slug", "name"))

    @cached_property
    def _orchestration(self) -> dict[str, str]:
        published = Orchestration.objects.filter(published_number__gt=0).order_by("name").defer("draft")
        rights = Rights(self._user_who_asks) if self._user_who_asks else None
        return {one.slug: one.name for one in published if rights is None or rights.may_start(one)}

    @cached_property
    def _user(self) -> dict[str, str]:
        people = User.objects.filter(is_active=True).order_by("username")
        return {person.username: person.display_name for person in people}
