"""How long the pure engine takes for a step: decide and fold, nothing else. CPU time, best of five.

Run it with ``python -m benchmarks.bench_decide``; it prints a line for each shape and size.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from builder.graph import Graph, build
from runs.engine.commands import Command, Complete, Start
from runs.engine.decide import decide
from runs.engine.state import fold, new_state

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def shape(kind: str, size: int) -> Graph:
    """A chain, or a fan: one source, ``size - 2`` parallel steps, one join."""
    steps = [{"key": f"s{number}", "type": "none"} for number in range(size)]
    pairs = [(number, number + 1) for number in range(size - 1)]
    if kind == "fan":
        inner = range(1, size - 1)
        pairs = [(0, number) for number in inner] + [(number, size - 1) for number in inner]
    edges = [{"source": f"s{source}", "target": f"s{target}"} for source, target in pairs]
    return build({"steps": steps, "edges": edges}, lambda _type, _config: ("success", "failure"))


def run(graph: Graph) -> float:
    """Seconds of CPU for one run from its start to its end."""
    state, at, begin = new_state(graph), NOW.isoformat(), time.process_time()
    todo: list[Command] = [Start({}, {"id": "1", "username": "mary"}, 1)]
    while todo:
        events = decide(graph, state, todo.pop(), NOW, "worker")
        fold(graph, state, state.seq + 1, at, events)
        todo += [
            Complete(event["step"], event["epoch"], event["attempt"], output={"n": 1})
            for event in events
            if event["kind"] == "step_started"
        ]
    return time.process_time() - begin


def main() -> None:
    """Print the table."""
    for kind in ("chain", "fan"):
        for size in (200, 1000, 5000):
            graph = shape(kind, size)
            best = min(run(graph) for _ in range(5))
            print(f"{kind:5} {size:5}  {best / size * 1e6:5.1f} us a step")


if __name__ == "__main__":
    main()
