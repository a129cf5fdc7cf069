"""Move steps, or let the layout do it."""

from __future__ import annotations

from typing import Any

from builder import cards
from builder.changes import read
from builder.draft import Recorder


def move(recorder: Recorder, edit: dict[str, Any]) -> str:
    """``{positions: {key: {x, y}}}``: corners in pixels."""
    positions = read.mapping(edit, "positions")
    for key, at in positions.items():
        recorder.step(key)
        recorder.put(["steps", key, "position"], read.corner(at))
    return f"move {read.titles(recorder, list(positions))}"


def tidy(recorder: Recorder, edit: dict[str, Any]) -> str:
    """Place every step anew."""
    for key, at in cards.tidy(recorder.draft.document()).items():
        recorder.put(["steps", key, "position"], at)
    return "tidy up"
