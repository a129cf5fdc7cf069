"""The steps of two runs beside each other: each with both its sides and the words for how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils import timezone

from runs import journal
from runs.engine.records import RunState
from runs.engine.states import StepStatus
from runs.engine.takeover import is_reused, is_taken_over
from runs.models import OrchestrationInstance
from runs.pages import drawing
from runs.pages.words import duration, moment

YET = (StepStatus.PENDING, StepStatus.RUNNING, StepStatus.WAITING)
SAID = {"approved": "approved", "rejected": "rejected", "expired": "not answered"}
SIDES = ("left", "right")
Step = Mapping[str, Any]  # of ``compare``: {key, name, type, left, right, same_status, same_output}


@dataclass(frozen=True)
class Pair:
    """Both runs, and the state of each."""

    left: OrchestrationInstance
    right: OrchestrationInstance
    states: Mapping[str, RunState]  # by side

    def number(self, side: str) -> int:
        """The run's number."""
        run: OrchestrationInstance = getattr(self, side)
        return run.number

    @cached_property
    def drawn(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The steps of both as they are drawn, in reading order, by key and type."""
        steps = (step for run in (self.left, self.right) for step in drawing.of(run.version).steps)
        return {(step["key"], step["type"]): step for step in steps}

    @cached_property
    def edited(self) -> frozenset[str]:
        """The steps whose output was set where one run was forked from the other."""
        said: set[str] = set()
        for run, other in ((self.left, self.right), (self.right, self.left)):
            if run.forked_from_id == other.pk:
                first = (event for _, _, events in journal.entries(run.pk, limit=1) for event in events)
                said.update(*(one["data"].get("edited", ()) for one in first if one["kind"] == "run_forked"))
        return frozenset(said)


def rows(pair: Pair, steps: list[Step]) -> list[dict[str, Any]]:
    """Each step with both its sides, in reading order."""
    place = {at: number for number, at in enumerate(pair.drawn)}
    steps = sorted(steps, key=lambda one: place.get((one["key"], one["type"]), len(place)))
    longest = max((_took(pair, one, side) or 0 for one in steps for side in SIDES), default=0)
    return [_row(pair, one, longest) for one in steps]


def ran(side: Mapping[str, Any] | None) -> bool:
    """Whether the step has started, or its result was taken over."""
    return side is not None and side["status"] not in ("PENDING", "SKIPPED")


def _row(pair: Pair, one: Step, longest: float) -> dict[str, Any]:
    words, differs = difference(pair, one)
    drawn = pair.drawn.get((one["key"], one["type"]), {})
    return {
        "key": one["key"],
        "title": drawn.get("title") or one["name"] or one["key"],
        "icon": drawn.get("icon", "file"),
        "words": words,
        "differs": differs,
        "sides": [_side(one[side] or {}, _took(pair, one, side), longest) for side in SIDES],
        "pair": one,
    }


def _side(data: Mapping[str, Any], took: float | None, longest: float) -> dict[str, Any]:
    return {
        "status": data.get("status", ""),
        "took": "" if took is None else duration(took, short=True),
        "bar": round(took / longest * 100) if took and longest else 0,
        "tokens": f"{data['tokens']:,}" if data.get("tokens") else "",
        "cost": f"{data['cost']:.3f}" if data.get("cost") else "",
    }


def _took(pair: Pair, one: Step, side: str) -> float | None:
    """Seconds from start to end, or to now while it lasts."""
    data = one[side]
    if data is None:
        return None
    if data["duration_s"] is not None:
        return float(data["duration_s"])
    step = pair.states[side].steps.get(one["key"])
    begun = moment(step.started_at) if step and step.status in YET else None
    return (timezone.now() - begun).total_seconds() if begun else None


def difference(pair: Pair, one: Step) -> tuple[str, bool]:
    """The words of the last column, and whether it is a difference."""
    left, right = one["left"], one["right"]
    for side, other in (SIDES, SIDES[::-1]):
        if ran(one[side]) and not ran(one[other]):
            later = one[other] is not None and one[other]["status"] in YET
            return (f"not yet in {pair.number(other)}" if later else f"only in {pair.number(side)}"), True
    if not ran(left):
        return "not run", False
    if left["status"] != right["status"]:
        failed = [side for side in SIDES if one[side]["status"] == StepStatus.FAILED]
        words = f"{left['status']} / {right['status']}".lower()
        return (f"failed in {pair.number(failed[0])}" if failed else words), True
    if not one["same_output"]:
        edited = "output edited" if one["key"] in pair.edited else "output differs"
        return _answers(one) or edited, True
    if (left["error"] or {}).get("message") != (right["error"] or {}).get("message"):
        return "failed otherwise", True
    return _alike(pair, one["key"]), False


def _answers(one: Step) -> str:
    """``approved / rejected`` of a question that was answered differently."""
    outputs = [one[side]["output"] for side in SIDES]
    said = [SAID.get(str(out.get("decision")), "") if isinstance(out, dict) else "" for out in outputs]
    told = one["type"] == "approval" and all(said) and said[0] != said[1]
    return " / ".join(said) if told else ""


def _alike(pair: Pair, key: str) -> str:
    """Why an output is the same, where there is a reason."""
    for side in ("right", "left"):
        state = pair.states[side]
        if key in state.steps and is_taken_over(state.steps[key]):
            return "taken over"
        if key in state.steps and is_reused(state, key):
            return "result reused"
    return "same output"
