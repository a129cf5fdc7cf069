"""What every page's frame needs: style sheets, navigation, who is signed in, and how they like it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from knowledge.models import KnowledgeBase
from orchestrator import access
from orchestrator.models import User
from runs import verbs

SHEETS = ("css/tokens.css", "css/base.css", "css/components.css", "css/canvas.css")
# (url name, label, short label on the phone, icon, what the reader must be: see _fits);
# what not everybody sees stands behind the profile on a phone
ENTRIES = (
    ("home", "Home", "", "home", ""),
    ("orchestrations", "Orchestrations", "Flows", "flows", ""),
    ("runs", "Runs", "", "runs", ""),
    ("inbox", "Inbox", "", "inbox", ""),
    ("knowledge", "Knowledge", "", "knowledge", "reads"),
    ("agents", "Agents", "", "agents", "designs"),
    ("admin:index", "Admin site", "", "settings", "governs"),
)

ALSO = {
    "agents": ("/models/", "/tools/", "/credentials/")
}  # what stands under an entry beside its own address


def chrome(request: HttpRequest) -> dict[str, Any]:
    """``chrome`` in every template; computed only by templates that draw the frame."""
    return {"chrome": SimpleLazyObject(lambda: _frame(request))}


def _frame(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    person = user if isinstance(user, User) and user.is_active else None
    return {
        "sheets": SHEETS,
        "nav": _navigation(request, person) if person else [],
        "initials": _initials(person) if person else "",
        "theme": theme if (theme := request.COOKIES.get("theme")) in ("light", "dark") else "",
        "keys": request.COOKIES.get("keys", "on"),
    }


def _navigation(request: HttpRequest, user: User) -> list[dict[str, Any]]:
    here = request.path
    entries = []
    for name, label, short, icon, wanted in ENTRIES:
        if not _fits(user, wanted):
            continue
        url = reverse("agent_rows", args=[name]) if name == "agents" else reverse(name)
        current = here == url if name == "home" else here.startswith((url, *ALSO.get(name, ())))
        count = verbs.waiting_for(user).count() if name == "inbox" else 0
        entries.append(
            {
                "url": url,
                "label": label,
                "short": short,
                "icon": icon,
                "count": count,
                "current": current,
                "rare": bool(wanted),
                "name": name,
            }
        )
    return entries


def _fits(user: User, wanted: str) -> bool:
    """Whether the person ``designs``, ``governs``, or ``reads`` at least one knowledge base."""
    if wanted == "reads":
        return user.designs or access.visible(user, KnowledgeBase).exists()
    return not wanted or bool(getattr(user, wanted))


def _initials(user: User) -> str:
    words = user.display_name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()
