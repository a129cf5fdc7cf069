"""What follows from each answer to a question, read from the document: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from runs.pages.words import Voice, listed

VERBS = {"approved": "Approving", "rejected": "Rejecting", "success": "Sending it"}
PORTS = {"approval": ["approved", "rejected"], "form": ["success"]}  # what people may answer
GOOD = ("approved", "success")  # these need no edge


@dataclass(frozen=True, slots=True)
class Way:
    """Where a port leads: on to ``where``, back to ``where``, or nowhere."""

    port: str
    kind: Literal["on", "back", "end", "fail"]
    where: str = ""

    @property
    def name(self) -> str:
        """What the port is called in a list of them."""
        return "filled in" if self.port == "success" else self.port

    @property
    def noun(self) -> str:
        """For a list of ports: what stands behind this one."""
        return {
            "on": self.where,
            "back": f"Rolls back to {self.where}",
            "end": "This branch ends",
            "fail": "The run fails",
        }[self.kind]

    @property
    def clause(self) -> str:
        """For a sentence: what taking it does."""
        return {
            "on": f"goes on with {self.where}",
            "back": f"rolls back to {self.where}",
            "end": "ends this branch",
            "fail": "fails the run",
        }[self.kind]

    @property
    def unanswered(self) -> str:
        """What happens when nobody answers."""
        subject = {"fail": "the run fails", "end": "this branch ends"}
        return f"If nobody answers, {subject.get(self.kind, f'the run {self.clause}')}."


def ways(document: Mapping[str, Any], key: str, speak: Voice) -> list[Way]:
    """Where the ports of the approval or form ``key`` lead; ``expired`` only where it can expire."""
    step: Mapping[str, Any] = next((one for one in document.get("steps", ()) if one["key"] == key), {})
    ports = [*PORTS["form" if step.get("type") == "form" else "approval"]]
    if (step.get("config") or {}).get("expires_s"):
        ports.append("expired")
    return [_way(document, step, port, speak) for port in ports]


def consequence(found: list[Way]) -> str:
    """What either button does, a sentence each."""
    return " ".join(f"{VERBS[way.port]} {way.clause}." for way in found if way.port in VERBS)


def _way(document: Mapping[str, Any], step: Mapping[str, Any], port: str, speak: Voice) -> Way:
    targets = [
        speak.step(edge["target"])
        for edge in document.get("edges", ())
        if edge["source"] == step.get("key") and edge.get("port", "success") == port
    ]
    if targets:
        return Way(port, "on", listed(targets))
    if port in GOOD:
        return Way(port, "end")
    plan = step.get("on_failure") or {}
    if plan.get("action") == "rollback":
        return Way(port, "back", speak.step(plan.get("to") or step.get("key")))
    if plan.get("action") == "continue" and port != "success" and step.get("type") == "form":
        return replace(_way(document, step, "success", speak), port=port)
    return Way(port, "fail")
