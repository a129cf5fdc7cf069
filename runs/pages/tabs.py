"""The tabs of the run page: Timeline, Log, Data, Journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from orchestrator.templatetags.chrome import STATUSES
from runs import verbs
from runs.engine.states import StepStatus
from runs.models import OrchestrationInstance, StepLog
from runs.pages import retold
from runs.pages.drawing import Drawing
from runs.pages.look import Look
from runs.pages.sentences import ACTIVE, Scene, part
from runs.pages.timeline import LABEL_GAP, Bar, Scale, Track, scale, tracks
from runs.pages.undoing import shown_status
from runs.pages.words import clock, duration

Entries = Sequence[tuple[int, datetime, list[dict[str, Any]]]]
LINES = 500  # of the log
SHOWN = 200  # entries of the journal
ENDS = 90  # percent: a label beyond that ends at its place
THINNEST = 0.6  # percent of the lane: a bar is never invisible
LONG = {"approval_requested": "is-waiting", "step_waiting": "is-waiting", "retry_scheduled": "is-waiting",
        "slots_awaited": "is-waiting",
        "step_failed": "is-failed", "run_failed": "is-failed", "rollback_started": "is-rolled",
        "run_cancelled": "is-cancelled"}  # fmt: skip
TONES = {"": "is-completed", "failed": "is-failed", "stopped": "is-cancelled"}
TICKS = 160  # beyond that only the long ones are drawn


def timeline(scene: Scene, drawing: Drawing, entries: Entries, *, over: bool) -> dict[str, Any]:
    """The Gantt: a row for each step in the canvas's order, percentages of the lane's width."""
    if not entries:
        return {"rows": [], "labels": []}
    begun, last = entries[0][1], entries[-1][1]
    end = ((last if over else max(last, scene.voice.now)) - begun).total_seconds()
    found = tracks(entries)
    axis = scale(found, end)
    rows = []
    for step in drawing.steps:
        one = part(scene, step["key"])
        settled = one.step.started_at and one.step.status != StepStatus.SKIPPED
        track = found.get(step["key"], Track())
        rows.append(
            {
                "key": step["key"],
                "title": step["title"],
                "status": shown_status(scene, step["key"]),
                "bars": [_bar(bar, axis, str(one.step.status)) for bar in track.bars],
                "cuts": [_middle(axis, cut) for cut in axis.cuts if _covers(track, cut)],
                "took": duration(one.took, short=True) if settled and one.took is not None else "",
                "since": one.step.started_at if one.step.status in ACTIVE and scene.live else "",
            }
        )
    return {
        "rows": rows,
        "labels": _labels(axis, begun, scene),
        "now": None if over else 100,
        "cut": bool(axis.cuts),
    }


def _labels(axis: Scale, begun: datetime, scene: Scene) -> list[dict[str, Any]]:
    """The times on the axis; of two that read the same the first."""
    found: dict[str, float] = {}
    for second in axis.labels():
        at = begun + timedelta(seconds=second)
        found.setdefault(clock(at, scene.voice.now, seconds=axis.end < 3600), _percent(axis.at(second)))
    last = max(found.values())
    free = last - 200 * LABEL_GAP if last > ENDS else last  # the last one is written before its place
    return [{"x": x, "text": text} for text, x in found.items() if x <= free or x == last]


def _bar(bar: Bar, axis: Scale, status: str) -> dict[str, Any]:
    start, end = axis.at(bar.start), axis.at(axis.end if bar.end is None else bar.end)
    tone = STATUSES[status][0] if bar.end is None else TONES[bar.fate]
    return {
        "css": "ghost" if bar.undone else "wait" if bar.kind == "wait" else f"bar1 {tone}",
        "x": _percent(min(start, 1 - THINNEST / 100)),
        "width": max(THINNEST, _percent(end - start)),
    }


def _covers(track: Track, cut: tuple[float, float]) -> bool:
    return any(bar.start <= cut[0] and (bar.end is None or bar.end >= cut[1]) for bar in track.bars)


def _middle(axis: Scale, cut: tuple[float, float]) -> float:
    return _percent((axis.at(cut[0]) + axis.at(cut[1])) / 2)


def _percent(share: float) -> float:
    return round(share * 100, 2)


def log(run: OrchestrationInstance, scene: Scene, look: Look) -> dict[str, Any]:
    """The newest lines of the steps' logs, oldest first, as the filters ask."""
    rows: Sequence[StepLog] = list(verbs.logs(run, look.step or None, look.level or None))
    return {
        "lines": [
            {
                "row": row,
                "at": scene.voice.clock(row.at, seconds=True),
                "step": scene.voice.step(row.step),
                "tone": {"error": "is-failed", "warning": "is-waiting"}.get(row.level, ""),
            }
            for row in rows[-LINES:]
        ],
        "earlier": max(0, len(rows) - LINES),
    }


def journal(scene: Scene, entries: Entries, look: Look) -> dict[str, Any]:
    """The entries, newest first, each event as a sentence; those of one step where one is chosen."""
    rows = []
    for seq, at, events in entries:
        told = [event for event in events if not look.step or event.get("step") == look.step]
        if not told:
            continue
        rows.append(
            {
                "seq": seq,
                "at": scene.voice.clock(at, seconds=True),
                "url": look.to(at=seq),
                "events": retold.entry(scene, told),
            }
        )
    rows.reverse()
    return {"entries": rows[:SHOWN], "earlier": max(0, len(rows) - SHOWN)}


def data(scene: Scene, run: OrchestrationInstance, drawing: Drawing) -> dict[str, Any]:
    """Input, output, and the steps that have one to look at."""
    ended = (StepStatus.COMPLETED, StepStatus.FAILED)
    return {
        "input": scene.state.input if scene.state.input is not None else run.input,
        "steps": [step for step in drawing.steps if scene.state.steps[step["key"]].status in ended],
    }


def slider(entries: Entries, at: int | None) -> dict[str, Any]:
    """The ticks of the time slider: one an entry, long for waits, failures and rollbacks."""
    last = entries[-1][0] if entries else 0
    ticks = []
    for seq, _at, events in entries:
        css = next((LONG[event["kind"]] for event in events if event["kind"] in LONG), "")
        if css or last <= TICKS:
            x = 50.0 if last < 2 else round((seq - 1) / (last - 1) * 100, 2)
            ticks.append({"x": x, "css": css or "is-completed", "long": bool(css)})
    return {"last": last, "at": at or last, "ticks": ticks}


def counts(run: OrchestrationInstance, last: int) -> Mapping[str, int]:
    """The figures beside the tabs' names."""
    return {"log": StepLog.objects.filter(instance=run).count(), "journal": last}
