"""An orchestration as a picture the size of a stamp, and its last runs as a sparkline. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 230, 100  # the miniature's viewBox
CARD_WIDTH, CARD_HEIGHT = 28, 8  # of a step, in the viewBox, where there is room
STEP_WIDTH = 216  # of a step's card on the canvas
COLUMN, ROW = 54 / 252, 22 / 116  # viewBox units per canvas pixel, where there is room
EACH_STEP = (
    80  # more steps than this are one path: a picture of 500 rectangles would weigh more than the page
)
BARS, PITCH, BAR_HEIGHT = 15, 8, 24
TONES = {
    "PENDING": "is-pending",
    "RUNNING": "is-running",
    "WAITING": "is-waiting",
    "COMPLETED": "is-completed",
    "FAILED": "is-failed",
    "CANCELLED": "is-cancelled",
    "ROLLING_BACK": "is-rolled",
    "ROLLED_BACK": "is-rolled",
}
WORDS = {
    "is-completed": "completed",
    "is-failed": "failed",
    "is-rolled": "rolled back",
    "is-waiting": "waiting",
    "is-running": "running",
    "is-cancelled": "cancelled",
    "is-pending": "not begun",
}
ONGOING = ("PENDING", "RUNNING", "WAITING", "ROLLING_BACK")
CAPS = {"is-failed": 6, "is-waiting": 4, "is-rolled": 4}  # px of the head: shape, not only colour
Point = tuple[float, float]


def miniature(document: Mapping[str, Any]) -> dict[str, Any]:
    """``{cards: [{x, y, w, h}], dots: path, edges: path, backs: path}`` within 230 x 100.

    ``cards`` is empty and ``dots`` draws them instead where there are more than 80 steps.
    """
    steps = document.get("steps") or []
    places, width, height = _places(steps)
    edges = [(edge.get("source"), edge.get("target")) for edge in document.get("edges") or []]
    drawn = "".join(_edge(places[a], places[b], height) for a, b in edges if a in places and b in places)
    corners = [(_short(x - width / 2), _short(y - height / 2)) for x, y in places.values()]
    few = len(places) <= EACH_STEP  # of many only the cards are drawn: their edges would be a grey block
    return {
        "cards": [{"x": x, "y": y, "w": _short(width), "h": _short(height)} for x, y in corners if few],
        "dots": ""
        if few
        else "".join(f"M{x} {y}h{_short(width)}v{_short(height)}h-{_short(width)}z" for x, y in corners),
        "edges": drawn if few else "",
        "backs": "".join(_backs(steps, places, width)),
    }


def _places(steps: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Point], float, float]:
    """The centre of each step, and the size of a card that fits between them."""
    if not steps:
        return {}, CARD_WIDTH, CARD_HEIGHT
    at = {step["key"]: step.get("position") or {} for step in steps}
    xs = {key: float(place.get("x") or 0) for key, place in at.items()}
    ys = {key: float(place.get("y") or 0) for key, place in at.items()}
    wide, high = max(xs.values()) - min(xs.values()), max(ys.values()) - min(ys.values())
    across = min(COLUMN, (WIDTH - CARD_WIDTH - 4) / wide) if wide else COLUMN
    down = min(ROW, (HEIGHT - CARD_HEIGHT - 4) / high) if high else ROW
    middle_x, middle_y = min(xs.values()) + wide / 2, min(ys.values()) + high / 2
    places = {
        key: (
            _short(WIDTH / 2 + (xs[key] - middle_x) * across),
            _short(HEIGHT / 2 + (ys[key] - middle_y) * down),
        )
        for key in xs
    }
    return places, max(2.0, min(CARD_WIDTH, STEP_WIDTH * across)), max(1.5, min(CARD_HEIGHT, 76 * down))


def _edge(start: Point, end: Point, height: float) -> str:
    """Down, across, down; straight where the two stand in line."""
    top, bottom = _short(start[1] + height / 2), _short(end[1] - height / 2)
    if abs(start[0] - end[0]) < 1:
        return f"M{start[0]} {top}V{bottom}"
    return f"M{start[0]} {top}V{_short((top + bottom) / 2)}H{end[0]}V{bottom}"


def _backs(steps: Sequence[Mapping[str, Any]], places: Mapping[str, Point], width: float) -> list[str]:
    """The automatic rollbacks, at the left of their cards."""
    paths = []
    for step in steps:
        failure = step.get("on_failure") or {}
        target = places.get(failure.get("to") or step["key"])
        if failure.get("action") != "rollback" or target is None:
            continue
        x, y = places[step["key"]]
        lane = _short(min(x, target[0]) - width / 2 - 6)
        paths.append(f"M{_short(x - width / 2)} {y}H{lane}V{target[1]}H{_short(target[0] - width / 2)}")
    return paths


def _short(value: float) -> float:
    """At most one decimal, so that pages stay small."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded


def sparkline(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``{bars: [{x, y, height, tone, cap, hollow}], label}`` of the last 15 runs, oldest first.

    Each run is ``{status, seconds}``; height is duration beside the longest that is over, and a failed run
    has full height.
    """
    shown = list(runs)[-BARS:]
    longest = max((run["seconds"] for run in shown if run["status"] not in ONGOING), default=0) or 1
    bars: list[dict[str, Any]] = []
    for index, run in enumerate(shown):
        tone = TONES[run["status"]]
        height = BAR_HEIGHT if tone == "is-failed" else round(6 + 10 * min(1, run["seconds"] / longest))
        hollow = tone in ("is-cancelled", "is-pending")
        bar = {"x": index * PITCH, "y": BAR_HEIGHT - height, "height": height}
        bars.append({**bar, "tone": tone, "cap": CAPS.get(tone, 0), "hollow": hollow})
    return {"bars": bars, "label": _label([TONES[run["status"]] for run in shown])}


def _label(tones: Sequence[str]) -> str:
    """What the bars say, for readers who do not see them."""
    counts = [f"{tones.count(tone)} {word}" for tone, word in WORDS.items() if tone in tones]
    many = "Last run" if len(tones) == 1 else f"Last {len(tones)} runs, newest at the right"
    return f"{many}: {', '.join(counts)}"
