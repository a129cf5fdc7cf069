"""The Gantt of a run: bars per step out of its journal, on an axis that shortens long waits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["work", "wait"]
WAITS = frozenset({"step_waiting", "approval_requested", "retry_scheduled"})
ENDS = frozenset({"step_completed", "step_failed", "step_cancelled", "step_interrupted", "step_skipped"})
FATES: dict[str, Literal["failed", "stopped"]] = {
    "step_failed": "failed",
    "retry_scheduled": "failed",
    "step_cancelled": "stopped",
    "step_interrupted": "stopped",
}
CUT_WIDTH = 0.34  # of the lane, for a wait that was shortened
LABEL_GAP = 0.2  # of the lane: two labels closer than this would touch


@dataclass(slots=True)
class Bar:
    """A stretch of one step's time, in seconds since the run's start; ``end`` None: it still lasts."""

    kind: Kind
    start: float
    end: float | None
    epoch: int
    attempt: int
    undone: bool = False  # the step was set back afterwards
    fate: Literal["", "failed", "stopped"] = ""


@dataclass(slots=True)
class Track:
    """All bars of one step, and the one that still lasts."""

    bars: list[Bar] = field(default_factory=list)
    open: Bar | None = None

    def begin(self, kind: Kind, at: float, epoch: int, attempt: int) -> None:
        """Start a bar; what lasted until now ends here. A second notice of one wait is the same wait."""
        last = self.open
        if last is not None and (last.kind, last.epoch, last.attempt) == (kind, epoch, attempt):
            return
        self.close(at)
        self.open = Bar(kind, at, None, epoch, attempt)
        self.bars.append(self.open)

    def close(self, at: float, fate: Literal["", "failed", "stopped"] = "") -> None:
        """End the bar that lasts, if one does."""
        if self.open is not None:
            self.open.end = at
            self.open.fate = fate
            self.open = None

    def undo(self, at: float, epoch: int) -> None:
        """The step was set back: what it did before ``epoch`` is undone; a mere retry undoes nothing."""
        self.close(at)
        for bar in self.bars:
            bar.undone = bar.undone or bar.epoch < epoch


def tracks(entries: Iterable[tuple[int, datetime, Sequence[dict[str, Any]]]]) -> dict[str, Track]:
    """The bars of each step from journal entries ``(seq, at, events)`` in their order."""
    found: dict[str, Track] = {}
    origin: datetime | None = None
    for _seq, at, events in entries:
        origin = origin or at
        now = (at - origin).total_seconds()
        for event in events:
            if "step" in event:
                _apply(found.setdefault(event["step"], Track()), event, now)
    return found


def _apply(track: Track, event: dict[str, Any], now: float) -> None:
    kind, epoch, attempt = event["kind"], event.get("epoch", 1), event.get("attempt", 1)
    if kind == "step_started":
        track.begin("work", now, epoch, attempt)
    elif kind in WAITS:
        if kind in FATES:
            track.close(now, FATES[kind])
        track.begin("wait", now, epoch, attempt)
    elif kind in ENDS:
        track.close(now, FATES.get(kind, ""))
    elif kind == "step_reset":
        track.undo(now, epoch)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps seconds to the lane's width (0 to 1); ``cuts`` are the stretches that were shortened."""

    end: float
    cuts: tuple[tuple[float, float], ...] = ()

    def at(self, second: float) -> float:
        """Where ``second`` lies, from 0 to 1."""
        second = min(max(second, 0.0), self.end)
        cut = sum(min(second, stop) - start for start, stop in self.cuts if second > start)
        plain = self.end - sum(stop - start for start, stop in self.cuts)
        room = 1 - CUT_WIDTH if self.cuts else 1.0
        placed = room * (second - cut) / plain if plain > 0 else 0.0
        return placed + sum(self._share(start, stop, second) for start, stop in self.cuts)

    def _share(self, start: float, stop: float, second: float) -> float:
        """How much of the width of one cut lies before ``second``."""
        passed = min(max((second - start) / (stop - start), 0.0), 1.0)
        return CUT_WIDTH / len(self.cuts) * passed

    def labels(self) -> list[float]:
        """The seconds to name on the axis: both ends and those of the cuts, none touching another."""
        kept: list[float] = [0.0]
        for second in sorted({edge for cut in self.cuts for edge in cut} | {self.end}):
            if self.at(second) - self.at(kept[-1]) >= LABEL_GAP:
                kept.append(second)
        return kept


def scale(found: dict[str, Track], end: float) -> Scale:
    """The axis of a run that lasted ``end`` seconds so far.

    A stretch in which nothing worked is shortened when it takes over half of what is left to show.
    """
    end = max(end, 0.001)
    quiet = _quiet(found, end)
    cuts: list[tuple[float, float]] = []
    left = end
    for start, stop in sorted(quiet, key=lambda gap: gap[0] - gap[1]):
        if stop - start <= left / 2 or stop - start < 2:
            break
        cuts.append((start, stop))
        left -= stop - start
    return Scale(end, tuple(sorted(cuts)))


def _quiet(found: dict[str, Track], end: float) -> list[tuple[float, float]]:
    """The stretches in which no step worked."""
    worked = sorted(
        (bar.start, end if bar.end is None else bar.end)
        for track in found.values()
        for bar in track.bars
        if bar.kind == "work"
    )
    gaps, reached = [], 0.0
    for start, stop in worked:
        if start > reached:
            gaps.append((reached, start))
        reached = max(reached, stop)
    if end > reached:
        gaps.append((reached, end))
    return gaps
