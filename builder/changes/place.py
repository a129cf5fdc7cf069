"""Where a new step stands, and who makes room for it."""

from __future__ import annotations

from builder import cards, layout
from builder.draft import Draft, Recorder

Corner = dict[str, int]
Rect = tuple[float, float, float, float]  # x, y, width, height
PITCH = cards.WIDTH + layout.ACROSS


def corner(draft: Draft, key: str) -> Corner:
    """Where a step stands; the origin where it has not been placed."""
    return draft.steps[key].get("position") or {"x": 0, "y": 0}


def height(draft: Draft, key: str) -> int:
    """The height of a step's card as it is connected now."""
    return _card(draft, key).height


def below(draft: Draft, key: str, source: str | None) -> Corner:
    """Under ``source`` (else under everything), as far to the right as it takes to stand free."""
    others = [other for other in draft.steps if other != key and "position" in draft.steps[other]]
    if source is None or "position" not in draft.steps[source]:
        lowest = max(others, key=lambda other: corner(draft, other)["y"], default=None)
        if lowest is None:
            return {"x": -cards.WIDTH // 2 // layout.GRID * layout.GRID, "y": 0}
        source = lowest
    at = {"x": corner(draft, source)["x"], "y": _after(draft, source)}
    taken = [_rect(draft, other) for other in others]
    card = _card(draft, key)
    while any(_overlap((at["x"], at["y"], card.width, card.height), rect) for rect in taken):
        at["x"] += PITCH
    return at


def beside(draft: Draft, key: str, source: str, target: str) -> Corner:
    """Between two steps: where the target stands, which makes room."""
    del key
    return {"x": corner(draft, target)["x"], "y": _after(draft, source)}


def make_room(recorder: Recorder, key: str) -> None:
    """Move what follows ``key`` down, as one, where it would stand too close below."""
    draft = recorder.draft
    following = _descendants(draft, key)
    need = _after(draft, key)
    tops = [corner(draft, other)["y"] for other in following if "position" in draft.steps[other]]
    lift = need - min(tops, default=need)
    if lift <= 0:
        return
    for other in following:
        at = corner(draft, other)
        recorder.put(["steps", other, "position"], {"x": at["x"], "y": at["y"] + lift})


def _after(draft: Draft, key: str) -> int:
    """The first grid line at which a step below ``key`` may begin."""
    bottom = corner(draft, key)["y"] + height(draft, key) + layout.DOWN
    return -(-bottom // layout.GRID) * layout.GRID


def _descendants(draft: Draft, key: str) -> list[str]:
    targets: dict[str, list[str]] = {}
    for source, _, target in draft.edges:
        targets.setdefault(source, []).append(target)
    seen: dict[str, None] = {}
    todo = [key]
    while todo:
        fresh = [target for target in targets.get(todo.pop(), ()) if target not in seen and target != key]
        seen.update(dict.fromkeys(fresh))
        todo += fresh
    return list(seen)


def _rect(draft: Draft, key: str) -> Rect:
    at = corner(draft, key)
    card = _card(draft, key)
    return at["x"], at["y"], card.width, card.height


def _card(draft: Draft, key: str) -> cards.Card:
    ports = frozenset(port for source, port, _ in draft.edges if source == key)
    return cards.card(draft.steps[key], ports)


def _overlap(one: Rect, other: Rect) -> bool:
    ax, ay, aw, ah = one
    bx, by, bw, bh = other
    return ax < bx + bw and bx < ax + aw and ay < by + bh and by < ay + ah
