"""The outline: the accessible equal of the canvas. Its order, and one sentence for each step. Pure."""

from __future__ import annotations

from typing import Any

from builder import cards
from builder.graph import Graph

TIMES = {1: "once", 2: "twice"}


def reading_order(document: dict[str, Any], graph: Graph) -> list[str]:
    """The keys from top to bottom as the cards stand; in the order of running where some never were."""
    at = {step["key"]: step.get("position") for step in document["steps"]}
    if not all(at.values()):
        return list(graph.order)
    return sorted(at, key=lambda key: (at[key]["y"], at[key]["x"], graph.steps[key].position))


def via(step: dict[str, Any], card: cards.Card, graph: Graph) -> str:
    """How the run comes here and goes on: "After A and B", "approved → Pay · rejected → Explain"."""
    key = step["key"]
    sources = list(dict.fromkeys(edge.source for edge in graph.incoming[key]))
    said = []
    if not sources:
        said.append("Starts with the run")
    elif len(sources) > 1:
        said.append(f"After {_all(graph, sources)}")
    if not card.plain and graph.outgoing[key]:
        said.append(" · ".join(_branches(step, graph)))
    if back := _back(step, graph):
        said.append(back)
    if not graph.outgoing[key]:
        said.append("Last step")
    elif not said:
        said.append(f"Then {_all(graph, [edge.target for edge in graph.outgoing[key]])}")
    return " · ".join(said)


def _branches(step: dict[str, Any], graph: Graph) -> list[str]:
    """One phrase for each target, with the ports that lead there."""
    ports: dict[str, list[str]] = {}
    for edge in graph.outgoing[step["key"]]:
        ports.setdefault(edge.target, []).append(cards.port_label(step, edge.port))
    return [f"{', '.join(names)} → {graph.steps[target].name}" for target, names in ports.items()]


def _back(step: dict[str, Any], graph: Graph) -> str:
    wish = step.get("on_failure") or {}
    to = graph.steps.get(wish.get("to") or "")
    if wish.get("action") != "rollback" or to is None:
        return ""
    times = wish.get("max_times", 1)
    return f"On failure: roll back to {to.name}, at most {TIMES.get(times, f'{times} times')}"


def _all(graph: Graph, keys: list[str]) -> str:
    names = [graph.steps[key].name for key in dict.fromkeys(keys)]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
