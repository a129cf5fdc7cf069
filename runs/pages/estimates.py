"""What a run of an orchestration will likely take, cost and ask, from what its last runs did."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from builder.models import Orchestration
from runs.engine.states import RunStatus
from runs.models import OrchestrationInstance
from runs.pages.words import ROLES, Voice, about, listed, money

LAST = 20  # runs that are looked at


@dataclass(frozen=True, slots=True)
class Expectation:
    """``seconds`` is the median and ``cost`` the mean of the last completed ``runs``.

    ``asks`` names who will be asked.
    """

    runs: int
    seconds: float
    cost: float
    asks: str

    @property
    def sentence(self) -> str:
        """All of it: ``About 4 min, 0.030 €. Asks Mary.``."""
        known = ", ".join(text for text in (f"About {about(self.seconds)}", money(self.cost)) if text)
        asks = f"Asks {self.asks or 'nobody'}."
        return f"{known}. {asks}" if self.runs else f"Not run yet. {asks}"


def expect(orchestration: Orchestration, document: dict[str, Any], voice: Voice) -> Expectation:
    """What to expect of a run of ``document``."""
    rows = OrchestrationInstance.objects.filter(
        orchestration=orchestration,
        status=RunStatus.COMPLETED,
    ).order_by("-created_at")[:LAST]
    known = [
        ((end - start).total_seconds(), cost)
        for start, end, cost in rows.values_list("started_at", "finished_at", "cost")
        if start and end
    ]
    return Expectation(
        len(known),
        median(seconds for seconds, _ in known) if known else 0.0,
        fmean(cost for _, cost in known) if known else 0.0,
        asked_by(document, voice),
    )


def asked_by(document: dict[str, Any], voice: Voice) -> str:
    """Everybody whom the approvals and forms of a document ask, the reader as who starts the run.

    ``Mary and an Admin``; empty where nobody is.
    """
    people: dict[str, None] = {}
    for step in document.get("steps", ()):
        config = step.get("config") or {}
        if step.get("type") == "form":
            config = {"assignees": [config.get("assignee") or voice.me]}
        elif step.get("type") != "approval":
            continue
        for name in config.get("assignees") or ():
            people["whoever the run names" if "{{" in str(name) else voice.who(str(name))] = None
        if config.get("role"):
            people[ROLES.get(config["role"], str(config["role"]))] = None
    return listed(sorted(people, key=lambda name: name != "you"), "or")
