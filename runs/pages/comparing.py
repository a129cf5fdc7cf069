"""The page that shows two runs of an orchestration beside each other, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from orchestrator import access
from orchestrator.errors import NotFound
from orchestrator.models import User
from runs import verbs
from runs.compare import compare
from runs.models import OrchestrationInstance
from runs.pages.compared import Pair, ran, rows
from runs.pages.differing import Difference, differences
from runs.pages.words import clock, count, duration, listed, money

CHOICES = 50  # runs to choose from, newest first
SHORT = 12  # steps; a longer table begins with those that differ only


def page(user: User, query: Mapping[str, str]) -> dict[str, Any]:
    """The comparison that ``query`` (left, right, step) asks for. Raises NotFound."""
    left = _run(user, query.get("left", ""))
    choices = _choices(user, left)
    right = _run(user, query["right"]) if query.get("right") else _other(left, choices)
    shown: dict[str, Any] = {"left": left, "right": right}
    if right is None:
        return shown
    now = timezone.now()
    everyone = {one.pk: one for one in (*choices, left, right)}
    listing = sorted(everyone.values(), key=lambda one: one.created_at, reverse=True)
    states = {"left": verbs.state_of(left)[1], "right": verbs.state_of(right)[1]}
    pair = Pair(left, right, states)
    found = compare(left, right)
    table = rows(pair, found["steps"])
    differ = [row for row in table if row["differs"]]
    chosen = next((row for row in table if row["key"] == query.get("step")), None) or _first(differ)
    return {
        **shown,
        "choices": [(one, f"Run {one.number}, {_when(one, now)}") for one in listing],
        "lead": _lead(pair, found),
        "parts_at": differ[0] if differ else None,
        "stats": _stats(pair, found, len(differ), len(table)),
        "rows": table,
        "equal": len(table) - len(differ),
        "hide": bool(differ) and len(table) > SHORT,
        "chosen": chosen,
        "output": _output(chosen) if chosen else None,
        "input": None if found["same_input"] else differences(left.input, right.input),
    }


def _run(user: User, pk: str) -> OrchestrationInstance:
    try:
        found = access.get(user, access.VIEW, OrchestrationInstance, pk=UUID(pk))
    except ValueError as error:
        raise NotFound("There is no such run.") from error
    return OrchestrationInstance.objects.select_related("orchestration", "version").get(pk=found.pk)


def _choices(user: User, run: OrchestrationInstance) -> list[OrchestrationInstance]:
    """The newest runs of the orchestration, and those that the run is related to."""
    runs = access.visible(user, OrchestrationInstance).filter(orchestration=run.orchestration)
    runs = runs.select_related("orchestration", "version").order_by("-created_at")
    kin = Q(forked_from=run) | Q(pk=run.forked_from_id) if run.forked_from_id else Q(forked_from=run)
    return list({one.pk: one for one in (*runs[:CHOICES], *runs.filter(kin)[:CHOICES])}.values())


def _other(run: OrchestrationInstance, choices: list[OrchestrationInstance]) -> OrchestrationInstance | None:
    """Where it comes from, its newest fork, the one before it, or any other."""
    others = [one for one in choices if one.pk != run.pk]
    kin = [one for one in others if one.pk == run.forked_from_id or one.forked_from_id == run.pk]
    before = [one for one in others if one.number < run.number]
    return next(iter((*kin, *before, *others)), None)


def _when(run: OrchestrationInstance, now: Any) -> str:
    text = clock(run.created_at, now)
    return text if " " in text else f"today {text}"


def _first(differ: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The first step whose outputs can be told apart, else the first that differs."""
    both = (row for row in differ if ran(row["pair"]["left"]) and ran(row["pair"]["right"]))
    return next(both, differ[0] if differ else None)


def _output(row: Mapping[str, Any]) -> Difference:
    sides = [_shown(row["pair"][side]) for side in ("left", "right")]
    return differences(*sides)


def _shown(side: Mapping[str, Any] | None) -> Any:
    """The output of a step with, where it failed, what it said."""
    if side is None:
        return {}
    output = {} if side["output"] is None else side["output"]
    message = (side["error"] or {}).get("message") if side["status"] == "FAILED" else ""
    if not message:
        return output
    return {**(output if isinstance(output, dict) else {"output": output}), "error": message}


def _lead(pair: Pair, found: Mapping[str, Any]) -> str:
    """What the two runs have in common, in one sentence."""
    numbers = sorted({pair.left.version.number, pair.right.version.number})
    same = "same version" if found["same_version"] else "versions"
    version = f"{same} {listed([str(number) for number in numbers])}"
    text = "Same input" if found["same_input"] else "Different input"
    related = ""
    for run, other in ((pair.right, pair.left), (pair.left, pair.right)):
        if run.forked_from_id == other.pk:
            related = f"Run {run.number} was run again with changes from run {other.number}. "
    return f"{related}{text}, {version}."


def _stats(pair: Pair, found: Mapping[str, Any], differ: int, steps: int) -> list[tuple[str, str, str]]:
    """Name, what the left run has, and how the right one differs from it."""
    left, right = found["left"], found["right"]
    lasted = [_lasted(run, side) for run, side in ((pair.left, left), (pair.right, right))]
    return [
        ("Duration", lasted[0], f"→ {lasted[1]}"),
        ("Tokens", f"{left['tokens']:,}", f"→ {right['tokens']:,}{_share(left['tokens'], right['tokens'])}"),
        (
            "Cost",
            money(left["cost"]) or "nothing",
            f"→ {money(right['cost']) or 'nothing'}{_share(left['cost'], right['cost'])}",
        ),
        ("Steps that differ", str(differ), f"of {count(steps, 'step')}"),
    ]


def _lasted(run: OrchestrationInstance, side: Mapping[str, Any]) -> str:
    if side["duration_s"] is not None:
        return duration(side["duration_s"], short=True)
    if run.started_at is None:
        return "not started"
    so_far = duration((timezone.now() - run.started_at).total_seconds(), short=True)
    return f"{so_far}, still {run.status.replace('_', ' ').lower()}"


def _share(before: float, after: float) -> str:
    """``, 42 % more``; nothing where there is nothing to compare with."""
    if not before or before == after:
        return ""
    share = round(abs(after - before) / before * 100)
    return f", {share} % {'more' if after > before else 'less'}" if share else ""
