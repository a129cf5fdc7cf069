"""What the list of orchestrations shows of each: miniature, last runs, how it stands, what one may do."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from builder.miniature import BARS, miniature, sparkline
from builder.models import Orchestration
from builder.problems import problems
from orchestrator import access
from orchestrator.models import User


def found(user: User, query: str) -> QuerySet[Orchestration]:
    """What ``user`` may see whose name holds ``query``, by name."""
    everything = access.visible(user, Orchestration).order_by("name", "id")
    return everything.filter(name__icontains=query) if query else everything


def card(user: User, orchestration: Orchestration) -> dict[str, Any]:
    """Everything on the card of one orchestration."""
    may_edit = access.allowed(user, access.EDIT, orchestration)
    may_start = access.allowed(user, access.START, orchestration)
    edit = reverse("builder", args=[orchestration.slug])
    start = reverse("start", args=[orchestration.slug])
    runs = _runs(orchestration)
    document = orchestration.draft if may_edit else _published(orchestration)
    steps = len(document.get("steps") or [])
    ready = orchestration.published_number > 0
    return {
        "name": orchestration.name,
        "description": orchestration.description,
        "version": orchestration.published_number,
        "size": f"{steps} step{'' if steps == 1 else 's'}",
        "picture": miniature(document),
        "spark": sparkline(runs),
        "usual": _usual([run for run in runs if run["status"] == "COMPLETED"]),
        "chip": _chip(orchestration) if may_edit else "",
        "may_edit": may_edit,
        "may_start": may_start,
        "edit": edit,
        "start": start,
        "href": start if ready and may_start and not may_edit else edit,
    }


def _published(orchestration: Orchestration) -> dict[str, Any]:
    """What runs use, for those who do not see the draft's changes; the draft before it was ever published."""
    rows = orchestration.versions.filter(number=orchestration.published_number)
    document: dict[str, Any] | None = rows.values_list("document", flat=True).first()
    return document or orchestration.draft


def _runs(orchestration: Orchestration) -> list[dict[str, Any]]:
    """The last runs, oldest first: ``{status, seconds, cost}``; one that goes on counts until now."""
    rows = orchestration.runs.order_by(
        "-number"
    ).values(  # of the room above
        "status", "started_at", "finished_at", "cost"
    )[:BARS]
    now = timezone.now()
    return [
        {
            "status": row["status"],
            "cost": row["cost"],
            "seconds": ((row["finished_at"] or now) - row["started_at"]).total_seconds()
            if row["started_at"]
            else 0.0,
        }
        for row in reversed(rows)
    ]


def _chip(orchestration: Orchestration) -> str:
    """How the draft stands beside what runs use; empty where they are the same."""
    if orchestration.published_revision == orchestration.revision:
        return ""
    count = len(problems(orchestration.draft))
    if count:
        return f"Draft has {count} problem{'' if count == 1 else 's'}"
    return "Draft changed" if orchestration.published_number else "Draft"


def _usual(completed: list[dict[str, Any]]) -> str:
    """What a run takes and costs on average: ``4 min · 0.03 €``; empty before one completed."""
    if not completed:
        return ""
    seconds = sum(run["seconds"] for run in completed) / len(completed)
    cost = sum(run["cost"] for run in completed) / len(completed)
    return " · ".join(part for part in (_about(seconds), _money(cost)) if part)


def _about(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size * 0.95:
            count = max(1, round(seconds / size))
            return f"{count} {name}{'s' if name == 'day' and count > 1 else ''}"
    return f"{max(1, round(seconds))} s"


def _money(cost: float) -> str:
    return "" if cost < 0.005 else f"{cost:.2f} €"
