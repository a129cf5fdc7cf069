"""The list of runs: filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils import timezone

from builder.models import Orchestration
from orchestrator import access
from orchestrator.models import User
from orchestrator.templatetags.chrome import STATUSES
from runs.engine.states import RunStatus
from runs.models import OrchestrationInstance
from runs.pages.words import ago, capital, clock, duration, money

PAGE = 25


def page(user: User, query: Mapping[str, str]) -> dict[str, Any]:
    """The runs that ``user`` may see and ``query`` (status, orchestration, mine, parts, page) asks for.

    Child runs are left out unless ``parts`` or their orchestration is asked for: one map may have thousands.
    """
    orchestrations = list(access.visible(user, Orchestration).order_by("name"))
    filters = {
        "status": status if (status := query.get("status", "")) in list(RunStatus) else "",
        "orchestration": query.get("orchestration", ""),
        "mine": "1" if query.get("mine") else "",
        "parts": "1" if query.get("parts") else "",
    }
    runs = _filtered(user, access.visible(user, OrchestrationInstance), filters)
    if filters["orchestration"]:
        slug = filters["orchestration"]
        runs = runs.filter(orchestration_id__in=[one.pk for one in orchestrations if one.slug == slug])
    shown = Paginator(runs.select_related("orchestration", "started_by"), PAGE).get_page(query.get("page"))
    kept = {name: value for name, value in filters.items() if value}
    now = timezone.now()
    return {
        "page": shown,
        "rows": [row(one, user, now) for one in shown.object_list],
        "filters": filters,
        "filtered": bool(kept),
        "statuses": [(status.value, STATUSES[status.value][2]) for status in RunStatus],
        "orchestrations": orchestrations,
        "query": f"{urlencode(kept)}&" if kept else "",
    }


def _filtered(
    user: User, runs: QuerySet[OrchestrationInstance], filters: Mapping[str, str]
) -> QuerySet[OrchestrationInstance]:
    if filters["status"]:
        runs = runs.filter(status=filters["status"])
    if filters["mine"]:
        runs = runs.filter(started_by=user)
    if not filters["parts"] and not filters["orchestration"]:
        runs = runs.filter(parent=None)
    return runs.order_by("-created_at")


def row(run: OrchestrationInstance, user: User, now: Any) -> dict[str, Any]:
    """One run in the table."""
    took = ""
    if run.started_at:
        took = duration(((run.finished_at or now) - run.started_at).total_seconds())
    by = run.started_by
    return {
        "run": run,
        "by": "you" if by == user else by.display_name if by else "",
        "started": capital(ago(run.created_at, now)),
        "exact": clock(run.created_at, now, seconds=True),
        "took": took,
        "tokens": f"{run.tokens:,}",
        "cost": money(run.cost),
        "note": str((run.error or {}).get("message") or "") if run.status == RunStatus.FAILED else "",
    }
