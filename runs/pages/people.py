"""The names of people, for sentences about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from orchestrator.models import User
from runs.models import Approval
from runs.pages.words import Voice


def display_names(usernames: Iterable[str | None]) -> dict[str, str]:
    """User name -> display name of those who exist."""
    wanted = sorted({name for name in usernames if name})
    if not wanted:
        return {}
    return {person.username: person.display_name for person in User.objects.filter(username__in=wanted)}


def of_document(document: dict[str, Any]) -> set[str]:
    """The user names that a document's approvals and forms name, templates left out."""
    configs = [step.get("config") or {} for step in document.get("steps", ())]
    named = [name for config in configs for name in config.get("assignees") or ()]
    named += [config.get("assignee") for config in configs]
    return {name for name in named if isinstance(name, str) and name and "{{" not in name}


def of_approvals(approvals: Iterable[Approval]) -> set[str]:
    """The user names that approvals ask and heard from."""
    names: set[str] = set()
    for approval in approvals:
        names.update(approval.assignees, [approval.decided_by])
        names.update(str(vote.get("by")) for vote in approval.votes)
    return names


def voice(user: User, usernames: Iterable[str | None] = (), names: dict[str, str] | None = None) -> Voice:
    """How to speak to ``user`` about people and steps (``names``: step key -> name)."""
    return Voice(timezone.now(), user.username, names or {}, display_names(usernames))


def step_names(document: dict[str, Any]) -> dict[str, str]:
    """Step key -> what the step is called."""
    return {step["key"]: step.get("name") or step["key"] for step in document.get("steps", ())}
