"""What the policies say of every role in every relation: read from them, never written down by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.models import Agent, Credential, LLMModel, Tool
from builder.models import Orchestration
from builder.policies import EXPORT
from knowledge.models import KnowledgeBase
from orchestrator import access
from orchestrator.models import User
from runs import verbs
from runs.models import Limit
from tests.integration.access.world import RELATIONS, ROLE_NAMES, ROLES, Place

YES, REFUSED, HIDDEN = "yes", "403", "404"
Probe = Callable[[Place], str]


def on(noun: str, action: str) -> Probe:
    """Ask the policy of an object."""

    def probe(place: Place) -> str:
        return of(place.person, action, place.objects[noun])

    return probe


def of(person: User, action: str, obj: Any) -> str:
    """``yes``, or how it is refused."""
    if not access.allowed(person, access.VIEW, obj):
        return HIDDEN
    return YES if access.allowed(person, action, obj) else REFUSED


def making(model: type[Any]) -> Probe:
    """Ask whether the person may make one."""
    return lambda place: YES if access.allowed(place.person, access.CREATE, model) else REFUSED


def fork(place: Place) -> str:
    """Forking is starting the orchestration of a run that one sees."""
    seen = on("run", access.VIEW)(place)
    if seen != YES:
        return seen
    return YES if access.allowed(place.person, access.START, place.objects["orchestration"]) else REFUSED


def answer(place: Place) -> str:
    """Answering is for who is asked; the verb says who that is."""
    seen = on("approval", access.VIEW)(place)
    if seen != YES:
        return seen
    return YES if verbs.may_answer(place.person, place.objects["approval"]) else REFUSED


def kept(noun: str, model: type[Any]) -> dict[str, Probe]:
    """The actions on rows that have no rights of their own."""
    return {"view": on(noun, access.VIEW), "edit": on(noun, access.EDIT), "create": making(model)}


@dataclass(frozen=True)
class Noun:
    """A noun with the relations that matter to it and what is done to it."""

    title: str
    actions: dict[str, Probe]
    relations: tuple[str, ...] = ("none",)


FLOW = ("none", "view", "start", "approve", "edit", "own")
NOUNS = {
    "orchestration": Noun(
        "Orchestrations",
        {
            "view": on("orchestration", access.VIEW),
            "read draft": on("orchestration", EXPORT),
            "start": on("orchestration", access.START),
            "edit": on("orchestration", access.EDIT),
            "create": making(Orchestration),
        },
        FLOW,
    ),
    "run": Noun(
        "Runs",
        {"view": on("run", access.VIEW), "act": on("run", access.EDIT), "fork": fork},
        (*FLOW, "started", "asked"),
    ),
    "approval": Noun(
        "Approvals", {"view": on("approval", access.VIEW), "answer": answer}, (*FLOW, "started", "asked")
    ),
    "knowledge base": Noun(
        "Knowledge bases",
        {
            "view": on("knowledge base", access.VIEW),
            "edit": on("knowledge base", access.EDIT),
            "create": making(KnowledgeBase),
        },
        ("none", "view", "edit", "own"),
    ),
    "document": Noun(
        "Documents",
        {"view": on("document", access.VIEW), "edit": on("document", access.EDIT)},
        ("none", "view", "edit", "own"),
    ),
    "limit": Noun(
        "Limits of an orchestration",
        {"view": on("limit", access.VIEW), "edit": on("limit", access.EDIT), "create": making(Limit)},
        ("none", "edit", "own"),
    ),
    "agent": Noun("Agents", kept("agent", Agent)),
    "model": Noun("Models", kept("model", LLMModel)),
    "tool": Noun("Tools", kept("tool", Tool)),
    "credential": Noun("Credentials", kept("credential", Credential)),
    "person": Noun("People", kept("person", User)),
    "audit": Noun("Audit log", {"view": on("audit", access.VIEW)}),
    "token": Noun(
        "Another person's API tokens",
        {"view": on("token", access.VIEW), "edit": on("token", access.EDIT)},
    ),
}


def table(noun: Noun, world: dict[tuple[str, str], Place]) -> list[str]:
    """The lines of the table of a noun; relations that make no difference to a role share a line."""
    lines = [f"| role | who | {' | '.join(noun.actions)} |", f"|---|---|{'---|' * len(noun.actions)}"]
    for role in ROLES:
        rows: dict[tuple[str, ...], list[str]] = {}
        for relation in noun.relations:
            cells = tuple(probe(world[role, relation]) for probe in noun.actions.values())
            rows.setdefault(cells, []).append(RELATIONS[relation])
        for cells, relations in rows.items():
            who = "everybody" if len(relations) == len(noun.relations) else ", ".join(relations)
            lines.append(f"| {ROLE_NAMES[role]} | {who} | {' | '.join(cells)} |")
    return lines
