"""What a step's card is: its size and its port strip. Pure but for the registry of types."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

import steps
from builder import layout

WIDTH = 216
TOP = 52  # the name and the line
STRIP = 24  # the row of ports, with a hairline of 1 px above it
COLUMNS = (
    3  # of the strip; a step with more ways out gets a wider card, so that no edge crosses a port's name
)
COLUMN = WIDTH // COLUMNS
ENDS = ("failure", "rejected", "expired")  # ends that on_failure answers where they have no edge

Step = dict[str, Any]
Kind = Literal["usual", "other", "failure", "back"]


@dataclass(frozen=True, slots=True)
class Port:
    """A port where it is drawn: ``x, y`` is its centre from the card's corner, ``column`` counts from 1."""

    name: str
    kind: Kind
    column: int
    x: float
    y: float
    connected: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A card's size and ports. ``plain``: no strip, the one way out leaves from the card itself."""

    width: int
    height: int
    plain: bool
    ports: tuple[Port, ...]


def card(step: Step, connected: frozenset[str]) -> Card:
    """The card of ``step``, of whose ports ``connected`` have edges.

    A ``failure`` port is shown once it leads somewhere; the usual way out stands in the middle column.
    """
    ports = steps.ports_of(step["type"], step.get("config") or {}) or ()
    back = back_port(step, connected)
    shown = [port for port in ports if port != "failure" or port in connected or port == back]
    plain = shown == ["success"]
    cells = dict.fromkeys(shown, 2) if plain else _cells(shown)
    height = TOP if plain or not cells else TOP + 1 + STRIP
    spare = _spare(cells)
    drawn = []
    for port in ports:
        column = cells.get(port, spare)
        drawn.append(
            Port(
                name=port,
                kind=_kind(port, back, ports),
                column=ceil(column),
                x=COLUMN * (column - 0.5),
                y=height,
                connected=port in connected,
                shown=port in cells,
            )
        )
    return Card(COLUMN * max(COLUMNS, *cells.values(), 0), height, plain, tuple(drawn))


def back_port(step: Step, connected: frozenset[str]) -> str:
    """The port from which an automatic rollback is drawn: the first unhandled bad end; empty without one."""
    if (step.get("on_failure") or {}).get("action") != "rollback":
        return ""
    ports = steps.ports_of(step["type"], step.get("config") or {}) or ()
    order = ("rejected", "failure", "expired")
    return next((port for port in order if port in ports and port not in connected), "")


def connected_ports(document: dict[str, Any]) -> dict[str, frozenset[str]]:
    """For each step the ports that have an edge."""
    found: dict[str, set[str]] = {step["key"]: set() for step in document["steps"]}
    for edge in document["edges"]:
        found[edge["source"]].add(edge.get("port", "success"))
    return {key: frozenset(ports) for key, ports in found.items()}


def cards(document: dict[str, Any]) -> dict[str, Card]:
    """The card of every step of a canonical document."""
    connected = connected_ports(document)
    return {step["key"]: card(step, connected[step["key"]]) for step in document["steps"]}


def tidy(document: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Where ``layout.arrange`` puts every step."""
    boxes = [
        layout.Box(key, one.width, one.height, {port.name: port.x for port in one.ports})
        for key, one in cards(document).items()
    ]
    edges = [(edge["source"], edge.get("port", "success"), edge["target"]) for edge in document["edges"]]
    return {key: {"x": x, "y": y} for key, (x, y) in layout.arrange(boxes, edges).items()}


def usual_port(type: str, config: Any) -> str:  # noqa: A002
    """The way out that a step is connected by when nobody names one."""
    ports = steps.ports_of(type, config) or ()
    return "success" if "success" in ports else next(iter(ports), "success")


def label(step: Step) -> str:
    """What its type is called."""
    known = steps.TYPES.get(step["type"])
    return known.label if known else step["type"].replace("_", " ").capitalize()


def title(step: Step) -> str:
    """What people call the step: its name, else its type."""
    return step.get("name") or label(step)


def _cells(shown: list[str]) -> dict[str, int]:
    """The column of each shown port: of up to three the usual way out in the middle, failure at the left."""
    order = [port for port in shown if port != "failure"]
    if order and order[0] == "approved" and len(order) > 1:
        order[:2] = [order[1], order[0]]
    if "failure" in shown:
        order = ["failure", *order] if len(order) < COLUMNS else [*order, "failure"]
    elif len(order) == 2:
        return {order[0]: 2, order[1]: 3}
    if len(order) == 1:
        return {order[0]: 2}
    return {port: column for column, port in enumerate(order, 1)}


def _spare(cells: dict[str, int]) -> float:
    """A free column for a port that shows on hover; at the card's right end where none is free."""
    last = max(COLUMNS, *cells.values(), 0)
    return next((column for column in (1, 3) if column not in cells.values()), last + 0.4)


def _kind(port: str, back: str, ports: tuple[str, ...]) -> Kind:
    if port == back:
        return "back"
    if port == "failure":
        return "failure"
    return "usual" if port in ("success", "approved") or len(ports) == 1 else "other"


def port_label(step: Step, port: str) -> str:
    """What a port is called on the card: a condition's cases have labels of their own."""
    config = step.get("config")
    cases = config.get("cases") if isinstance(config, dict) and step["type"] == "condition" else None
    for case in cases if isinstance(cases, list) else ():
        if isinstance(case, dict) and case.get("port") == port and isinstance(case.get("label"), str):
            return str(case["label"]) or port.replace("_", " ")
    return port.replace("_", " ")
