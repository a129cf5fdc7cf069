"""Graphs for tests: written in one line, or drawn at random."""

from __future__ import annotations

from random import Random
from typing import Any

from builder.graph import Graph, build

PORTS = {
    "task": ("success", "failure"),
    "approval": ("approved", "rejected", "expired", "failure"),
    "form": ("success", "expired", "failure"),
    "condition": ("a", "b", "else", "failure"),
    "delay": ("success",),
    "map": ("success", "failure"),
}


def ports_of(kind: str, config: dict[str, Any]) -> tuple[str, ...] | None:
    return PORTS.get(kind)


def dag(text: str, **options: dict[str, Any]) -> Graph:
    """``dag("a > b, a.failure > c, d", b={"join": "all"})``; steps in order of their first mention."""
    steps: dict[str, dict[str, Any]] = {}
    edges = []
    for part in text.split(","):
        ends = [end.strip() for end in part.split(">")]
        names = [end.split(".")[0] for end in ends]
        for name in names:
            steps.setdefault(name, {"key": name, "type": "task", **options.get(name, {})})
        for source, target in zip(ends, names[1:], strict=False):
            name, _, port = source.partition(".")
            edges.append({"source": name, "target": target, **({"port": port} if port else {})})
    return build({"steps": list(steps.values()), "edges": edges}, ports_of)


def random_dag(random: Random, most: int = 25, *, plain: bool = False) -> Graph:
    """Any DAG: all types, joins, ports, policies, some of them wrong; some steps are undone, or may serve again.

    ``plain``: no retries or rollbacks.
    """
    size = random.randint(1, most)
    keys = [f"s{number}" for number in range(size)]
    steps = [_random_step(random, keys, key, plain) for key in keys]
    edges: dict[tuple[str, str, str], None] = {}
    for number in range(1, size):
        for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3))):
            source = random.randrange(max(0, number - 6), number)
            ports = PORTS[steps[source]["type"]]
            port = ports[0] if random.random() < 0.6 else random.choice(ports)
            edges[keys[source], port, keys[number]] = None
    listed = [{"source": s, "port": p, "target": t} for s, p, t in edges]
    random.shuffle(steps)
    return build({"steps": steps, "edges": listed}, ports_of)


def _random_step(random: Random, keys: list[str], key: str, plain: bool) -> dict[str, Any]:
    kind = random.choice(("task", "task", "task", "approval", "form", "condition", "delay", "map"))
    step: dict[str, Any] = {"key": key, "type": kind, "join": random.choice(("any", "any", "all", "first"))}
    action = random.choice(("fail", "continue") if plain else ("fail", "continue", "rollback", "rollback"))
    if random.random() < 0.5:
        step["on_failure"] = {"action": action}
        if action == "rollback":  # any step, also ones that are not upstream
            step["on_failure"].update(to=random.choice([*keys, key]), max_times=random.randint(1, 2))
    if not plain and random.random() < 0.4:
        step["retry"] = {"max_attempts": random.randint(1, 3), "delay_s": random.choice((0, 1, 5))}
    if not plain and kind in ("task", "map", "condition"):
        step["config"] = {"calls": random.choice((0, 0, 1, 2))}
        if random.random() < 0.6:
            step["compensate"] = {"type": "task"}
            step.setdefault("retry", {"max_attempts": random.randint(1, 3)})
        elif random.random() < 0.4:
            step["config"]["serves_again"] = True
    return step
