"""Which steps run, are skipped or fail, straight from semantics 1 to 5: one pass in topological order.

Written from the text alone, for runs without retries, rollbacks and people who interfere. A step after an
unhandled failure is ``blocked``: whether it runs is not decided.
"""

from __future__ import annotations

from collections.abc import Mapping

from builder.graph import Graph

GIVES_WAY = ("failure", "rejected", "expired")


def interpret(graph: Graph, ends: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """``ends`` are the ports on which each step would end; the result is a status for each step."""
    result: dict[str, str] = {}
    taken: dict[str, set[str]] = {}
    wired = {(edge.source, edge.port) for edge in graph.edges}
    todo = list(graph.steps)
    while todo:
        key = next(k for k in todo if all(e.source in result for e in graph.edges if e.target == k))
        todo.remove(key)
        result[key] = _starts(graph, key, result, taken)
        taken[key] = set()
        if result[key] == "runs":
            result[key], taken[key] = _ends(graph, key, ends[key], wired)
    return result


def _starts(graph: Graph, key: str, result: dict[str, str], taken: dict[str, set[str]]) -> str:
    live = dead = open_ = 0
    for edge in (e for e in graph.edges if e.target == key):
        if result[edge.source] in ("blocked", "UNHANDLED"):
            open_ += 1
        elif edge.port in taken[edge.source]:
            live += 1
        else:
            dead += 1
    if live + dead + open_ == 0:
        return "runs"
    join = graph.steps[key].join
    if join == "first":
        return "runs" if live else "blocked" if open_ else "SKIPPED"
    if join == "all":
        return "SKIPPED" if dead else "blocked" if open_ else "runs"
    return "blocked" if open_ else "runs" if live else "SKIPPED"


def _ends(
    graph: Graph, key: str, ports: tuple[str, ...], wired: set[tuple[str, str]]
) -> tuple[str, set[str]]:
    port = ports[0]
    if port not in GIVES_WAY:
        return "COMPLETED", set(ports)
    if (key, port) in wired:
        return ("FAILED" if port == "failure" else "COMPLETED"), {port}
    if graph.steps[key].on_failure.action == "continue" and "success" in graph.steps[key].ports:
        return "FAILED", {"success"}
    return "UNHANDLED", set()
