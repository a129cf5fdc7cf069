"""How a version is drawn: its cards, ports and edges. The same for every run of it, so it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import steps
from builder import cards
from builder.models import OrchestrationVersion

DRAWINGS = 64  # versions that are kept
STREAM = 92  # pixels below a step that writes: two lines of its text, and the edge
BACK_EDGES = {"failure": "fails", "rejected": "is rejected", "expired": "expires"}


@dataclass(frozen=True, slots=True)
class Drawing:
    """``steps`` in reading order; ``edges`` leave from ``port_shown``, or from the card where that is empty.

    ``backs`` are automatic rollbacks; ``labels`` names ports: ``(step key, port) -> label``.
    """

    steps: tuple[dict[str, Any], ...]
    edges: tuple[dict[str, str], ...]
    backs: tuple[dict[str, str], ...]
    labels: dict[tuple[str, str], str]

    @property
    def names(self) -> dict[str, str]:
        """Step key -> what the step is called."""
        return {step["key"]: step["title"] for step in self.steps}


@lru_cache(DRAWINGS)
def of(version: OrchestrationVersion) -> Drawing:
    """The drawing of a version; versions never change."""
    return draw(version.document)


def draw(document: dict[str, Any]) -> Drawing:
    """The drawing of a canonical document; steps that were never placed are laid out."""
    placed = all(step.get("position") for step in document["steps"])
    places = {} if placed else cards.tidy(document)
    sizes = cards.cards(document)
    labels = {key: label for step in document["steps"] for key, label in port_labels(step).items()}
    drawn = [_step(step, sizes[step["key"]], places.get(step["key"]), labels) for step in document["steps"]]
    _make_room(drawn)
    drawn.sort(key=lambda step: (step["y"], step["x"]))
    shown = {(step["key"], port["name"]) for step in drawn for port in step["ports"] if not step["plain"]}
    edges = tuple(_edge(edge, shown) for edge in document["edges"])
    backs = tuple(back for step in document["steps"] for back in _back(step, document, shown))
    return Drawing(tuple(drawn), edges, backs, labels)


def _make_room(drawn: list[dict[str, Any]]) -> None:
    """Move what stands close below a step that writes further down, so that its text hides nothing."""
    for step in sorted(drawn, key=lambda one: one["y"]):
        if step["type"] != "llm":
            continue
        left, right, bottom = step["x"], step["x"] + step["width"], step["y"] + step["height"]
        below = [
            one["y"]
            for one in drawn
            if one["y"] >= bottom and one["x"] < right and one["x"] + one["width"] > left
        ]
        short = STREAM - (min(below) - bottom) if below else 0
        if short > 0:
            for one in drawn:
                one["y"] += short if one["y"] >= min(below) else 0


def port_labels(step: dict[str, Any]) -> dict[tuple[str, str], str]:
    """What the ports of a step are called: a condition's cases by their labels."""
    config = step.get("config") or {}
    names = {
        case["port"]: case.get("label")
        for case in config.get("cases") or ()
        if isinstance(case, dict) and "port" in case
    }
    ports = steps.ports_of(step["type"], config) or ()
    return {(step["key"], port): str(names.get(port) or port.replace("_", " ")) for port in ports}


def _step(
    step: dict[str, Any], card: cards.Card, place: dict[str, int] | None, labels: dict[tuple[str, str], str]
) -> dict[str, Any]:
    at = place or step["position"]
    kind = steps.TYPES.get(step["type"])
    shown = sorted((port for port in card.ports if port.shown), key=lambda port: port.column)
    return {
        "key": step["key"],
        "type": step["type"],
        "title": cards.title(step),
        "label": cards.label(step),
        "icon": kind.icon if kind else f"t-{step['type']}",
        "x": at["x"],
        "y": at["y"],
        "width": card.width,
        "height": card.height,
        "plain": card.plain,
        "ports": [
            {
                "name": port.name,
                "label": labels[step["key"], port.name],
                "kind": port.kind,
                "column": port.column,
            }
            for port in shown
        ],
    }


def _edge(edge: dict[str, str], shown: set[tuple[str, str]]) -> dict[str, str]:
    port = edge.get("port", "success")
    return {
        "source": edge["source"],
        "port": port,
        "target": edge["target"],
        "port_shown": port if (edge["source"], port) in shown else "",
    }


def _back(
    step: dict[str, Any], document: dict[str, Any], shown: set[tuple[str, str]]
) -> list[dict[str, str]]:
    """The dashed edge of an automatic rollback; none where every bad end of the step has an edge."""
    connected = frozenset(
        edge.get("port", "success") for edge in document["edges"] if edge["source"] == step["key"]
    )
    port = cards.back_port(step, connected)
    if not port:
        return []
    return [
        {
            "source": step["key"],
            "port": port,
            "port_shown": port if (step["key"], port) in shown else "",
            "target": step["on_failure"].get("to") or step["key"],
            "says": f"rolls back if it {BACK_EDGES.get(port, 'fails')}",
        }
    ]
