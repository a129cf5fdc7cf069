"""The DAG of an orchestration, pure: what may follow what. Refuses what has no meaning (semantic 10).

``build`` is the only way to a ``Graph``. A graph never changes, so everything derived from it is computed
once, and may be shared by threads.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from orchestrator.errors import Invalid

KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
PORT = re.compile(r"[a-z][a-z0-9_]{0,31}")
JOINS = ("any", "all", "first")
ACTIONS = ("fail", "continue", "rollback")
DEFAULT_PORT = "success"
NAMED = 20  # steps of a cycle that its message names
COUNT = "a whole number from 1 to 100"
MOST_SECONDS = 604_800

PortsOf = Callable[[str, dict[str, Any]], tuple[str, ...] | None]


class GraphError(Invalid):
    """400: a document that is no DAG of known steps. ``details`` hold ``step`` and ``field`` where known.

    ``code``: cycle, dangling_edge, duplicate_key, duplicate_edge, unknown_type, unknown_port,
    missing_port, bad_key, bad_shape.
    """


@dataclass(frozen=True, slots=True)
class EdgeSpec:
    """``target`` follows ``source`` where that ends on ``port``."""

    source: str
    port: str
    target: str


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a step is tried, and its pauses: ``delay_s * backoff ** (n - 1)`` seconds, capped."""

    max_attempts: int = 1
    delay_s: float = 1
    backoff: float = 2
    max_delay_s: float = 60


@dataclass(frozen=True, slots=True)
class OnFailure:
    """What an unhandled failure does: ``fail``, ``continue``, or ``rollback`` to ``to``, ``max_times`` a run.

    ``to`` is taken as the document says it: None or a step that is no ``rollback_targets`` is a Problem of
    the draft.
    """

    action: str = "fail"
    to: str | None = None
    max_times: int = 1


@dataclass(frozen=True, slots=True)
class Compensation:
    """What undoes the effects of a step: an action of another type, run as the step's ``retry`` says."""

    type: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepSpec:
    """A step as published. ``ports`` are in drawing order, ``position`` counts from 0 in the document."""

    key: str
    type: str
    name: str
    ports: tuple[str, ...]
    join: str = "any"
    config: dict[str, Any] = field(default_factory=dict)
    retry: Retry = Retry()
    timeout_s: float | None = None
    on_failure: OnFailure = OnFailure()
    position: int = 0
    compensate: Compensation | None = None


class Graph:
    """Steps and edges. ``steps`` in document order; ``order`` topological, ties in document order."""

    def __init__(self, steps: dict[str, StepSpec], edges: tuple[EdgeSpec, ...]) -> None:
        self.steps = steps
        self.edges = edges
        self.incoming: dict[str, tuple[EdgeSpec, ...]] = _grouped(steps, edges, lambda edge: edge.target)
        self.outgoing: dict[str, tuple[EdgeSpec, ...]] = _grouped(steps, edges, lambda edge: edge.source)
        self.wired: frozenset[tuple[str, str]] = frozenset((edge.source, edge.port) for edge in edges)
        self.order: tuple[str, ...] = _topological(self)
        self.roots: tuple[str, ...] = tuple(key for key in steps if not self.incoming[key])
        self.last: tuple[str, ...] = tuple(key for key in steps if not self.outgoing[key])
        self._descendants: dict[str, frozenset[str]] = {}
        self._ancestors: dict[str, frozenset[str]] = {}

    def descendants(self, key: str) -> frozenset[str]:
        """Every step that can be reached from ``key``, without it."""
        if key not in self._descendants:
            following = self.outgoing
            self._descendants[key] = _reached(key, lambda at: (edge.target for edge in following[at]))
        return self._descendants[key]

    def ancestors(self, key: str) -> frozenset[str]:
        """Every step from which ``key`` can be reached, without it: what is upstream of it."""
        if key not in self._ancestors:
            before = self.incoming
            self._ancestors[key] = _reached(key, lambda at: (edge.source for edge in before[at]))
        return self._ancestors[key]

    def is_upstream(self, key: str, of: str) -> bool:
        """Whether ``key`` is an ancestor of ``of``; False for keys that are no steps. O(1) for all pairs."""
        if key not in self.steps or of not in self.steps:
            return False
        return bool(self._upstream[of] >> self.steps[key].position & 1)

    @cached_property
    def _upstream(self) -> dict[str, int]:
        """The ancestors of each step as a set of bits, by position: a chain of 1,000 takes 130 kB."""
        found: dict[str, int] = {}
        for key in self.order:
            bits = 0
            for edge in self.incoming[key]:
                bits |= found[edge.source] | 1 << self.steps[edge.source].position
            found[key] = bits
        return found


def build(document: Any, ports_of: PortsOf) -> Graph:
    """The graph of a document. Raises GraphError where its structure is refused as a whole.

    ``ports_of(type, config)`` are the ports of a step, None for a type that is not known.
    """
    check_shape(document)
    steps: dict[str, StepSpec] = {}
    for position, step in enumerate(document.get("steps") or ()):
        key = step["key"]
        if key in steps:
            raise GraphError(f"Two steps have the key {key}.", code="duplicate_key", step=key, field="key")
        steps[key] = _spec(step, position, ports_of)
    edges: dict[EdgeSpec, None] = {}
    for edge in document.get("edges") or ():
        spec = _edge(edge, steps)
        if spec in edges:
            message = f"There are two edges from {spec.source} ({spec.port}) to {spec.target}."
            raise GraphError(message, code="duplicate_edge", step=spec.source, field="edges")
        edges[spec] = None
    return Graph(steps, tuple(edges))


def rollback_targets(graph: Graph, key: str) -> tuple[str, ...]:
    """The steps that ``on_failure.to`` of ``key`` may name: those upstream of it, and itself, in order."""
    upstream = graph.ancestors(key)
    return tuple(at for at in graph.order if at in upstream or at == key)


def check_shape(document: Any) -> None:
    """Raise GraphError unless everything that ``build`` reads has the type that CONTRACT gives it."""
    if not isinstance(document, dict):
        raise GraphError("An orchestration document must be an object.", code="bad_shape")
    for number, step in enumerate(_items(document, "steps"), 1):
        if not isinstance(step, dict):
            raise GraphError(f"Step number {number} must be an object.", code="bad_shape", field="steps")
        _check_key(step.get("key"), number)
        _check_step(step)
    for number, edge in enumerate(_items(document, "edges"), 1):
        if not isinstance(edge, dict):
            raise GraphError(f"Edge number {number} must be an object.", code="bad_shape", field="edges")
        for end in ("source", "target", "port"):
            if not isinstance(edge.get(end, "" if end == "port" else None), str):
                message = f"Edge number {number}: its {end} must be text."
                raise GraphError(message, code="bad_shape", field=f"edges.{number - 1}.{end}")


def _items(document: dict[str, Any], name: str) -> list[Any]:
    items = document.get(name)
    if items is None:
        return []
    if not isinstance(items, list):
        raise GraphError(f"The {name} must be a list.", code="bad_shape", field=name)
    return items


def _check_key(key: Any, number: int) -> None:
    if isinstance(key, str) and KEY.fullmatch(key):
        return
    shown = "nothing" if key is None else repr(key)[:80]
    raise GraphError(
        f"Step number {number}: its key is {shown}; a key is lower-case letters, digits and _, begins with a "
        "letter, and has at most 64 characters.",
        code="bad_key",
        field="key",
        **({"step": key[:80]} if isinstance(key, str) else {}),
    )


def _check_step(step: dict[str, Any]) -> None:
    _require(step, "type", isinstance(step.get("type"), str), "text")
    _require(step, "name", isinstance(step.get("name", ""), str), "text")
    _require(step, "config", isinstance(step.get("config", {}), dict), "an object")
    _require(step, "join", _one_of(step.get("join", "any"), JOINS), f"one of {', '.join(JOINS)}")
    timeout = step.get("timeout_s")
    timed = timeout is None or (_amount(timeout, 0, MOST_SECONDS) and timeout > 0)
    _require(step, "timeout_s", timed, f"a number above 0, at most {MOST_SECONDS}")
    retry = step.get("retry", {})
    _require(step, "retry", isinstance(retry, dict), "an object")
    _require(step, "retry.max_attempts", _count(retry.get("max_attempts", 1)), COUNT)
    for name, most in (("delay_s", MOST_SECONDS), ("backoff", 100), ("max_delay_s", MOST_SECONDS)):
        given = _amount(retry.get(name, 1), 0, most)
        _require(step, f"retry.{name}", given, f"a number from 0 to {most}")
    failure = step.get("on_failure", {})
    _require(step, "on_failure", isinstance(failure, dict), "an object")
    action, to = failure.get("action", "fail"), failure.get("to")
    _require(step, "on_failure.action", _one_of(action, ACTIONS), f"one of {', '.join(ACTIONS)}")
    _require(step, "on_failure.to", to is None or isinstance(to, str), "the key of a step")
    times = failure.get("max_times", 1)
    _require(step, "on_failure.max_times", _count(times), COUNT)
    undo = step.get("compensate", {})
    _require(step, "compensate", isinstance(undo, dict), "an object")
    _require(step, "compensate.type", isinstance(undo.get("type", ""), str), "text")
    _require(step, "compensate.config", isinstance(undo.get("config", {}), dict), "an object")


def _require(step: dict[str, Any], name: str, holds: bool, wanted: str) -> None:
    if not holds:
        message = f"Step {step['key']}: {name} must be {wanted}."
        raise GraphError(message, code="bad_shape", step=step["key"], field=name)


def _one_of(value: Any, options: tuple[str, ...]) -> bool:
    return isinstance(value, str) and value in options


def _amount(value: Any, least: float, most: float) -> bool:
    """A number within limits; True and False are none, though Python counts with them."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def _count(value: Any) -> bool:
    return _amount(value, 1, 100) and value == int(value)


def _spec(step: dict[str, Any], position: int, ports_of: PortsOf) -> StepSpec:
    config = step.get("config", {})
    ports = ports_of(step["type"], config)
    if ports is None:
        message = f"Step {step['key']}: there is no step type {step['type'][:80]!r}."
        raise GraphError(message, code="unknown_type", step=step["key"], field="type")
    retry, failure = step.get("retry", {}), step.get("on_failure", {})
    undo = step.get("compensate")
    return StepSpec(
        key=step["key"],
        type=step["type"],
        name=step.get("name") or step["key"],
        ports=ports,
        join=step.get("join", "any"),
        config=config,
        retry=Retry(
            max_attempts=int(retry.get("max_attempts", 1)),
            delay_s=retry.get("delay_s", 1),
            backoff=retry.get("backoff", 2),
            max_delay_s=retry.get("max_delay_s", 60),
        ),
        timeout_s=step.get("timeout_s"),
        on_failure=OnFailure(
            failure.get("action", "fail"), failure.get("to"), int(failure.get("max_times", 1))
        ),
        position=position,
        compensate=Compensation(undo.get("type", ""), undo.get("config", {})) if undo else None,
    )


def _edge(edge: dict[str, str], steps: dict[str, StepSpec]) -> EdgeSpec:
    source, target = edge["source"], edge["target"]
    for end, key in (("source", source), ("target", target)):
        if key not in steps:
            message = f"An edge from {source[:80]!r} to {target[:80]!r}: its {end} is no step."
            raise GraphError(message, code="dangling_edge", step=key[:80], field="edges")
    ports = steps[source].ports
    port = edge.get("port", DEFAULT_PORT)
    if port in ports:
        return EdgeSpec(source, port, target)
    if "port" not in edge:
        message = f"The edge from {source} to {target} must name its port: {', '.join(ports)}."
        raise GraphError(message, code="missing_port", step=source, field="edges")
    message = f"Step {source} has no port {port[:80]!r}; it has {', '.join(ports)}."
    raise GraphError(message, code="unknown_port", step=source, field="edges")


def _grouped(
    steps: Iterable[str], edges: Iterable[EdgeSpec], end: Callable[[EdgeSpec], str]
) -> dict[str, tuple[EdgeSpec, ...]]:
    lists: dict[str, list[EdgeSpec]] = {key: [] for key in steps}
    for edge in edges:
        lists[end(edge)].append(edge)
    return {key: tuple(found) for key, found in lists.items()}


def _reached(start: str, following: Callable[[str], Iterator[str]]) -> frozenset[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        for key in following(todo.pop()):
            if key not in found:
                found.add(key)
                todo.append(key)
    return frozenset(found)


def _topological(graph: Graph) -> tuple[str, ...]:
    """Kahn's algorithm with a heap: of the steps that may come next, the first in the document does."""
    left = {key: len(edges) for key, edges in graph.incoming.items()}
    ready = [(spec.position, key) for key, spec in graph.steps.items() if not left[key]]
    order: list[str] = []
    while ready:
        _, key = heapq.heappop(ready)
        order.append(key)
        for edge in graph.outgoing[key]:
            left[edge.target] -= 1
            if not left[edge.target]:
                heapq.heappush(ready, (graph.steps[edge.target].position, edge.target))
    if len(order) < len(graph.steps):
        raise _cycle(graph, {key for key, count in left.items() if count})
    return tuple(order)


def _cycle(graph: Graph, stuck: set[str]) -> GraphError:
    """Each stuck step has one before it that is stuck too; going back from any of them ends in a cycle."""
    at = min(stuck, key=lambda key: graph.steps[key].position)
    seen: dict[str, int] = {}
    back: list[str] = []
    while at not in seen:
        seen[at] = len(back)
        back.append(at)
        at = next(edge.source for edge in graph.incoming[at] if edge.source in stuck)
    path = back[seen[at] :][::-1]
    first = path.index(min(path, key=lambda key: graph.steps[key].position))
    path = path[first:] + path[:first]
    shown = path[:NAMED] + (["..."] if len(path) > NAMED else []) + path[:1]
    message = f"The steps {' -> '.join(shown)} go round in a circle."
    return GraphError(message, code="cycle", step=path[0], field="edges", steps=path)
