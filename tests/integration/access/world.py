"""People of every role in every relation to a set of objects of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from django.utils import timezone

from agents.models import Agent, Credential, LLMModel, Tool
from builder.models import Orchestration, OrchestrationVersion
from knowledge.models import Document, KnowledgeBase
from orchestrator import grants, tokens
from orchestrator.ids import new_id
from orchestrator.models import AuditEntry, User
from runs.models import Approval, ApprovalRecipient, Limit, OrchestrationInstance

ROLES = ("user", "admin", "superadmin")
# how a person stands to an orchestration with its run, or to a knowledge base
RELATIONS = {
    "none": "nothing",
    "view": "was granted `view`",
    "start": "was granted `start`",
    "approve": "was granted `approve`",
    "edit": "was granted `edit`",
    "own": "made it",
    "started": "started the run",
    "asked": "is asked by name",
}
ROLE_NAMES = {"user": "User", "admin": "Admin", "superadmin": "SuperAdmin"}
DOCUMENT = {
    "schema": 1,
    "name": "Asking",
    "steps": [{"key": "ask", "type": "approval", "config": {"message": "Go on?", "assignees": ["owner"]}}],
    "edges": [],
}
numbers = count(1)


@dataclass
class Place:
    """A person, and objects to which they stand in a relation. ``kwargs`` are those of addresses, by noun."""

    role: str
    relation: str
    person: User
    objects: dict[str, Any] = field(default_factory=dict)
    kwargs: dict[str, dict[str, Any]] = field(default_factory=dict)


def person(role: str, name: str = "") -> User:
    """A person of a role."""
    return User.objects.create(username=name or f"{role}-{next(numbers)}", role=role, password="!")


def build() -> dict[tuple[str, str], Place]:
    """A place for each role and relation; whoever made what is not one's own is another Admin."""
    owner = person("admin", "owner")
    shared = _shared(owner)
    return {
        (role, relation): _place(role, relation, owner, shared) for role in ROLES for relation in RELATIONS
    }


def _shared(owner: User) -> dict[str, Any]:
    """What there is once: rows that belong to nobody, and another person's."""
    model = LLMModel.objects.create(name="Model", slug="model")
    return {
        "model": model,
        "agent": Agent.objects.create(name="Agent", slug="agent", model=model),
        "tool": Tool.objects.create(name="Tool", slug="tool"),
        "credential": Credential.objects.create(name="Key", slug="key", kind=Credential.Kind.API_KEY),
        "person": owner,
        "audit": AuditEntry.objects.create(action="created", kind="x", object_id="1", object_name="findme"),
        "token": tokens.make_api_token(owner, "nightly")[0],
    }


def _place(role: str, relation: str, owner: User, shared: dict[str, Any]) -> Place:
    place = Place(role, relation, person(role))
    maker = place.person if relation == "own" else owner
    it = SimpleNamespace(**_flow(place, maker, owner), **_base(place, maker))
    place.objects = {**vars(it), **shared}
    kinds = {"model": "models", "agent": "agents", "tool": "tools", "credential": "credentials"}
    place.kwargs = {
        "orchestration": {"slug": it.orchestration.slug, "pk": it.orchestration.pk, "number": 1},
        "run": {"pk": it.run.pk, "key": "ask"},
        "approval": {"pk": it.approval.pk},
        "limit": {"pk": it.limit.pk, "kind": "orchestration", "subject": it.orchestration.slug},
        "knowledge base": {"slug": it.base.slug, "pk": it.base.pk, "base": it.base.pk},
        "document": {"slug": it.base.slug, "base": it.base.pk, "pk": it.document.pk},
        **{
            noun: {"kind": kind, "slug": shared[noun].slug, "pk": shared[noun].pk}
            for noun, kind in kinds.items()
        },
        **{noun: {"pk": shared[noun].pk} for noun in ("person", "audit", "token")},
    }
    return place


def _flow(place: Place, maker: User, owner: User) -> dict[str, Any]:
    """A published orchestration, a run of it and its question, a limit."""
    pk = new_id()  # by which the list is filtered
    made = Orchestration.objects.create(
        id=pk, name=str(pk), slug=f"asking-{pk.hex}", draft=DOCUMENT, published_number=1, run_count=1,
        created_by=maker,
    )  # fmt: skip
    _grant(place, made)
    version = OrchestrationVersion.objects.create(
        orchestration=made, number=1, document=DOCUMENT, sha256="0" * 64
    )
    starter = place.person if place.relation == "started" else owner
    run = OrchestrationInstance.objects.create(
        orchestration=made, version=version, number=1, started_by=starter, status="COMPLETED"
    )
    asked = place.person.username if place.relation == "asked" else "nobody"
    approval = Approval.objects.create(
        instance=run, step="ask", epoch=0, attempt=1, message="Go on?", assignees=[asked],
        requested_at=timezone.now(),
    )  # fmt: skip
    ApprovalRecipient.objects.create(approval=approval, who=f"user:{asked}")
    limit = Limit.objects.create(kind=Limit.Kind.ORCHESTRATION, subject=made.slug, concurrency=1)
    return {"orchestration": made, "run": run, "approval": approval, "limit": limit}


def _base(place: Place, maker: User) -> dict[str, Any]:
    """A knowledge base with a document that could not be indexed."""
    base = KnowledgeBase.objects.create(name="Handbook", slug=f"handbook-{uuid4().hex}", created_by=maker)
    _grant(place, base)
    document = Document.objects.create(
        base=base, name="a.md", media_type="text/markdown", size=1, sha256="0" * 64, file="gone",
        state=Document.State.FAILED,
    )  # fmt: skip
    return {"base": base, "knowledge base": base, "document": document}


def _grant(place: Place, obj: Any) -> None:
    if place.relation in grants.rights_on(type(obj)):
        right = {"who": f"user:{place.person.username}", "right": place.relation}
        grants.set_access(place.person, obj, [right])
