"""Tidy: places cards so that everything reads downwards. Pure: sizes and edges in, corners out.

Layers by the longest way from a root, dummies where an edge passes a layer, barycenter sweeps for the order
within a layer (Sugiyama, Tagawa, Toda 1981), then coordinates that minimise the squared sideways way of the
edges, layer by layer (pool adjacent violators). A way out is counted from its port, so ports keep their order
and the card below the middle port stands straight below it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor

GRID = 24
ACROSS = 72  # pixels between two cards side by side
BESIDE = 24  # pixels between a card and an edge that passes it
DOWN = 40  # pixels between two layers, at least
SWEEPS = 8
TURNS = 6
MAX_DUMMIES = 4_000  # the longest edges are ignored beyond that
LOOSE_IN_A_ROW = 5  # steps without any edge

Edge = tuple[str, str, str]  # source, port, target


@dataclass(frozen=True, slots=True)
class Box:
    """A card: its size in pixels, and where its ports are from its left side."""

    key: str
    width: float
    height: float
    ports: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Node:
    """A card or a dummy while it is being placed; ``x`` is its centre."""

    key: str
    width: float
    height: float
    layer: int = 0
    order: int = 0
    x: float = 0
    above: list[tuple[_Node, float]] = field(
        default_factory=list
    )  # neighbour, its port's way from its centre
    below: list[tuple[_Node, float]] = field(
        default_factory=list
    )  # neighbour, own port's way from own centre
    dummy: bool = False
    pulls_up: list[tuple[_Node, float, float]] = field(default_factory=list)  # neighbour, way aside, weight
    pulls_down: list[tuple[_Node, float, float]] = field(default_factory=list)


def arrange(boxes: Sequence[Box], edges: Sequence[Edge]) -> dict[str, tuple[int, int]]:
    """The upper left corner of every box, in pixels on the 24 px grid, around x = 0.

    Boxes never overlap and every edge goes down. Edges that name no box, and those that would close a cycle,
    count for nothing.
    """
    by_key = {box.key: box for box in boxes}
    known = [edge for edge in edges if edge[0] in by_key and edge[2] in by_key and edge[0] != edge[2]]
    corners: dict[str, tuple[int, int]] = {}
    left = 0
    groups = _components(list(by_key), known)
    for group in (group for group in groups if len(group) > 1):
        members = set(group)
        placed = _place([by_key[key] for key in group], [edge for edge in known if edge[0] in members])
        start = min(x for x, _ in placed.values())
        corners |= {key: (x - start + left, y) for key, (x, y) in placed.items()}
        left = max(corners[key][0] + _up(by_key[key].width) for key in group) + ACROSS
    loose = [by_key[group[0]] for group in groups if len(group) == 1]
    bottom = max((y + _up(by_key[key].height + DOWN) for key, (_, y) in corners.items()), default=0)
    corners |= _rows(loose, bottom)
    return _centred(corners, by_key)


def _components(keys: list[str], edges: list[Edge]) -> list[list[str]]:
    """The keys of each connected part, in the order of the document."""
    beside: dict[str, list[str]] = defaultdict(list)
    for source, _, target in edges:
        beside[source].append(target)
        beside[target].append(source)
    seen: set[str] = set()
    groups = []
    rank = {key: place for place, key in enumerate(keys)}
    for key in keys:
        if key in seen:
            continue
        group, todo = [], [key]
        seen.add(key)
        while todo:
            one = todo.pop()
            group.append(one)
            fresh = [other for other in beside[one] if other not in seen]
            todo += dict.fromkeys(fresh)
            seen.update(fresh)
        groups.append(sorted(group, key=rank.__getitem__))
    return groups


def _place(boxes: list[Box], edges: list[Edge]) -> dict[str, tuple[int, int]]:
    """One connected part."""
    nodes = {box.key: _Node(box.key, box.width, box.height) for box in boxes}
    edges = _layer(nodes, edges)
    ports = {box.key: box.ports for box in boxes}
    layers = _join(nodes, edges, ports)
    _order(layers)
    _spread(layers)
    tops = _tops(layers)
    return {node.key: (_snap(node.x - node.width / 2), tops[node.layer]) for node in nodes.values()}


def _layer(nodes: dict[str, _Node], edges: list[Edge]) -> list[Edge]:
    """Set each node's layer; answer the edges that lead down."""
    outgoing: dict[str, list[str]] = defaultdict(list)
    waiting = dict.fromkeys(nodes, 0)
    for source, _, target in edges:
        outgoing[source].append(target)
        waiting[target] += 1
    ready = [key for key, count in waiting.items() if not count]
    order = []
    while ready:
        key = ready.pop()
        order.append(key)
        for target in outgoing[key]:
            nodes[target].layer = max(nodes[target].layer, nodes[key].layer + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    reached = {key: place for place, key in enumerate(order)}
    down = [
        edge for edge in edges if reached.get(edge[0], -1) < reached.get(edge[2], -1) and edge[0] in reached
    ]
    _sink(nodes, order, down)
    return down


def _sink(nodes: dict[str, _Node], order: list[str], edges: list[Edge]) -> None:
    """Bring what has nothing above it close to what it leads to."""
    targets: dict[str, list[str]] = defaultdict(list)
    fed = {target for _, _, target in edges}
    for source, _, target in edges:
        targets[source].append(target)
    for key in order:
        if key not in fed and targets[key]:
            nodes[key].layer = min(nodes[target].layer for target in targets[key]) - 1


def _join(
    nodes: dict[str, _Node], edges: list[Edge], ports: Mapping[str, Mapping[str, float]]
) -> list[list[_Node]]:
    """Link neighbours, with dummies on the way, and answer the layers in a first order."""
    layers: list[list[_Node]] = [[] for _ in range(max(node.layer for node in nodes.values()) + 1)]
    for node in nodes.values():
        layers[node.layer].append(node)
    dummies = 0
    for source, port, target in sorted(edges, key=lambda e: nodes[e[2]].layer - nodes[e[0]].layer):
        start, end = nodes[source], nodes[target]
        dummies += end.layer - start.layer - 1
        if dummies > MAX_DUMMIES:
            break
        aside = ports[source].get(port, start.width / 2) - start.width / 2
        upper = start
        for number in range(start.layer + 1, end.layer):
            dummy = _Node("", 0, 0, layer=number, dummy=True)
            layers[number].append(dummy)
            _link(upper, dummy, aside)
            upper, aside = dummy, 0
        _link(upper, end, aside)
    return layers


def _link(upper: _Node, lower: _Node, aside: float) -> None:
    upper.below.append((lower, aside))
    lower.above.append((upper, aside))


def _order(layers: list[list[_Node]]) -> None:
    """Order each layer so that few edges cross: down and up, keeping the best that was seen."""
    _number(layers)
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        downward = sweep % 2 == 0
        for layer in layers[1:] if downward else layers[-2::-1]:
            layer.sort(key=_from_above if downward else _from_below)
            for place, node in enumerate(layer):
                node.order = place
        if (crossings := _crossings(layers)) < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best
    _number(layers)


def _number(layers: list[list[_Node]]) -> None:
    for layer in layers:
        for place, node in enumerate(layer):
            node.order = place


def _out(node: _Node, aside: float) -> float:
    """Where a way out leaves, in steps of the layer's order."""
    return node.order + (aside / node.width * 0.9 if node.width else 0)


def _from_above(node: _Node) -> float:
    if not node.above:
        return node.order
    return sum(_out(upper, aside) for upper, aside in node.above) / len(node.above)


def _from_below(node: _Node) -> float:
    if not node.below:
        return node.order
    return sum(lower.order - _out(node, aside) + node.order for lower, aside in node.below) / len(node.below)


def _crossings(layers: list[list[_Node]]) -> int:
    total = 0
    for layer in layers:
        ways = sorted((_out(node, aside), lower.order) for node in layer for lower, aside in node.below)
        seen: list[int] = []
        for _, place in ways:
            total += len(seen) - bisect_right(seen, place)
            insort(seen, place)
    return total


def _spread(layers: list[list[_Node]]) -> None:
    """Give every node its x: as straight below and above its neighbours as its layer leaves room for."""
    rooms = [_room(layer) for layer in layers]
    for layer, room in zip(layers, rooms, strict=True):
        for node, x in zip(layer, room, strict=True):
            node.x = x
            node.pulls_up = [
                (upper, aside, _pull(node, upper) / len(upper.below)) for upper, aside in node.above
            ]
            node.pulls_down = [
                (lower, -aside, _pull(node, lower) / len(lower.above)) for lower, aside in node.below
            ]
    pairs = list(zip(layers, rooms, strict=True))
    for turn in range(TURNS):
        for layer, room in pairs[1:]:
            _settle(layer, room, up=True, down=False)
        for layer, room in reversed(pairs):
            _settle(layer, room, up=turn > TURNS // 2, down=True)
    for layer, room in pairs:
        _settle(layer, room, up=True, down=True, straight=True)


def _room(layer: list[_Node]) -> list[float]:
    """How far each centre is from the first one's where the layer is packed."""
    room = [0.0]
    for one, other in pairwise(layer):
        between = BESIDE if one.dummy or other.dummy else ACROSS
        room.append(room[-1] + (_up(one.width) + _up(other.width)) / 2 + between)
    return room


def _settle(layer: list[_Node], room: list[float], *, up: bool, down: bool, straight: bool = False) -> None:
    """Move one layer's nodes to where their neighbours want them, keeping order and distance.

    Pool adjacent violators: the least squared distance to the wishes under ``x[i+1] - x[i] >= apart``.
    ``straight`` puts what follows a middle port right below it before all other wishes.
    """
    blocks: list[tuple[float, float, int]] = []  # mean of the wishes less the room before, weight, count
    for node, before in zip(layer, room, strict=True):
        wish, weight = (straight and _straight(node)) or _wish(node, up, down)
        mean, count = wish - before, 1
        while blocks and blocks[-1][0] > mean:
            other, heavy, many = blocks.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, count = weight + heavy, count + many
        blocks.append((mean, weight, count))
    place = 0
    for mean, _, count in blocks:
        for _ in range(count):
            layer[place].x = mean + room[place]
            place += 1


def _wish(node: _Node, up: bool, down: bool) -> tuple[float, float]:
    """Where the neighbours want a node, and how much."""
    total = weight = 0.0
    if up:
        for other, aside, pull in node.pulls_up:
            total += (other.x + aside) * pull
            weight += pull
    if down:
        for other, aside, pull in node.pulls_down:
            total += (other.x + aside) * pull
            weight += pull
    return (total / weight, weight) if weight else (node.x, 0.01)


def _straight(node: _Node) -> tuple[float, float] | None:
    """Below the middle ports that lead to this node alone, or nearly straight to it; None without one."""
    over = [
        upper
        for upper, aside in node.above
        if not aside and (_alone(node, upper) or abs(upper.x - node.x) <= 1.5 * GRID)
    ]
    cards = [upper for upper in over if not upper.dummy]
    if cards:
        return sum(upper.x for upper in cards) / len(cards), 1000.0 * len(cards)
    return (over[0].x, 10.0) if over else None


def _alone(node: _Node, upper: _Node) -> bool:
    return all(lower is node for lower, aside in upper.below if not aside)


def _pull(one: _Node, other: _Node) -> float:
    """Long edges want to be straight most."""
    return 8.0 if one.dummy and other.dummy else 2.0 if one.dummy or other.dummy else 1.0


def _tops(layers: list[list[_Node]]) -> list[int]:
    """The y of each layer; where many edges change sides between two layers there is more room."""
    tops, top = [], 0
    for layer in layers:
        tops.append(top)
        turning = sum(abs(node.x + aside - lower.x) > 1 for node in layer for lower, aside in node.below)
        room = DOWN + min(80, 4 * max(0, turning - 6))
        top = _up(top + max(node.height for node in layer) + room)
    return tops


def _rows(boxes: list[Box], top: int) -> dict[str, tuple[int, int]]:
    """Boxes without edges, in short rows below everything else."""
    corners = {}
    for start in range(0, len(boxes), LOOSE_IN_A_ROW):
        row = boxes[start : start + LOOSE_IN_A_ROW]
        x = 0
        for box in row:
            corners[box.key] = (x, top)
            x += _up(box.width) + ACROSS
        top = _up(top + max(box.height for box in row) + DOWN)
    return corners


def _centred(corners: dict[str, tuple[int, int]], boxes: Mapping[str, Box]) -> dict[str, tuple[int, int]]:
    if not corners:
        return {}
    left = min(x for x, _ in corners.values())
    right = max(x + boxes[key].width for key, (x, _) in corners.items())
    shift = round((left + right) / 2 / GRID) * GRID
    return {key: (x - shift, y) for key, (x, y) in corners.items()}


def _snap(x: float) -> int:
    """The nearest grid line; a hair of float error must not bring two cards a line closer."""
    return floor(x / GRID + 0.5 + 1e-6) * GRID


def _up(length: float) -> int:
    """``length`` rounded up to the grid."""
    return -int(-length // GRID) * GRID
