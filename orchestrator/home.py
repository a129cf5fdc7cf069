"""What the home page shows of one person's work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from builder.models import Orchestration, OrchestrationVersion
from builder.policies import Rights
from orchestrator import access
from orchestrator.models import User
from runs import verbs
from runs.engine.states import RunStatus, StepStatus
from runs.models import OrchestrationInstance, StepRun
from runs.pages.estimates import expect
from runs.pages.people import of_document, voice
from runs.pages.questions import question
from runs.pages.words import ago, capital, clock, count, duration, money

ACTIVE = [RunStatus.PENDING, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.ROLLING_BACK]
OVER = [RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.ROLLED_BACK]
SETTLED = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED)
FAILED_FOR = timedelta(days=7)  # a failed run stands under "waits for you" this long
SHOWN = 4  # of each kind


def page(user: User) -> dict[str, Any]:
    """Everything on the home page."""
    speak = voice(user)
    waiting = list(verbs.waiting_for(user).select_related("instance__orchestration", "instance__version"))
    mine = OrchestrationInstance.objects.filter(started_by=user, parent=None).select_related("orchestration")
    asking = {one.instance_id for one in waiting}
    running = [run for run in mine.filter(status__in=ACTIVE).order_by("-created_at") if run.pk not in asking]
    failed = mine.filter(status=RunStatus.FAILED, created_at__gte=speak.now - FAILED_FOR).order_by(
        "-created_at"
    )
    over = list(mine.filter(status__in=OVER).order_by("-created_at")[: 3 * SHOWN])
    shown = list(failed[:SHOWN])
    figures = {"waiting": len(waiting), "failed": failed.count(), "running": len(running)}
    startable = list(published(user))
    return {
        "hello": f"{_greeting(speak.now)}, {user.first_name or user.display_name}",
        "lead": _lead(figures),
        "asks": [question(user, one) for one in waiting[:SHOWN]],
        "asks_more": max(0, len(waiting) - SHOWN),
        "failed": [failure(run, speak.now) for run in shown],
        "running": [progress(run, speak.now) for run in running[:SHOWN]],
        "startable": [offer(user, one) for one in startable[:SHOWN]],
        "startable_count": len(startable),
        "finished": [finished(run, speak.now) for run in over if run not in shown][:SHOWN],
        "newcomer": not over and not figures["running"],
        "example": startable and min(startable, key=lambda one: one.created_at),
    }


def published(user: User) -> list[Orchestration]:
    """The published orchestrations that the person may start, by name."""
    rights = Rights(user)
    rows = access.visible(user, Orchestration).filter(published_number__gt=0).order_by("name")
    return [one for one in rows if rights.may_start(one)]


def offer(user: User, orchestration: Orchestration) -> dict[str, Any]:
    """An orchestration to start, with what to expect."""
    version = OrchestrationVersion.objects.get(
        orchestration=orchestration, number=orchestration.published_number
    )
    speak = voice(user, of_document(version.document))
    return {"orchestration": orchestration, "expect": expect(orchestration, version.document, speak).sentence}


def progress(run: OrchestrationInstance, now: Any) -> dict[str, Any]:
    """A run that goes on: how far it is, and which step is at work."""
    steps = list(StepRun.objects.filter(instance=run).order_by("position"))
    settled = sum(step.status in SETTLED for step in steps)
    at_work = next((step for step in steps if step.status == StepStatus.RUNNING), None)
    waits = next((step for step in steps if step.status == StepStatus.WAITING), None)
    begun = run.started_at or run.created_at
    verb = {RunStatus.WAITING: "Waiting", RunStatus.ROLLING_BACK: "Rolling back"}.get(
        RunStatus(run.status), "Running"
    )
    return {
        "run": run,
        "words": f"{verb} for {duration((now - begun).total_seconds())}",
        "settled": f"{settled} of {count(len(steps), 'step')} settled",
        "steps": [step.status for step in steps] if len(steps) <= 60 else [],
        "at": at_work or waits,
        "writes": at_work is not None and at_work.type == "llm",
    }


def failure(run: OrchestrationInstance, now: Any) -> dict[str, Any]:
    """A failed run: its sentence and which step it was."""
    error = run.error or {}
    step = StepRun.objects.filter(instance=run, key=error.get("step") or "").first()
    return {
        "run": run,
        "when": clock(run.finished_at, now),
        "sentence": capital(str(error.get("message") or "The run failed.")),
        "step": (step.name or step.key) if step else "",
    }


def finished(run: OrchestrationInstance, now: Any) -> dict[str, Any]:
    """A run that is over, in a line."""
    took = ""
    if run.started_at and run.finished_at:
        took = duration((run.finished_at - run.started_at).total_seconds())
    return {
        "run": run,
        "when": ago(run.finished_at or run.created_at, now),
        "took": took,
        "cost": money(run.cost),
    }


def _greeting(now: Any) -> str:
    hour = int(clock(now, now)[:2])
    return "Good morning" if 4 <= hour < 12 else "Good afternoon" if 12 <= hour < 18 else "Good evening"


def _lead(figures: dict[str, int]) -> str:
    """What is going on, in one sentence."""

    def said(number: int) -> str:
        return "one" if number == 1 else str(number)

    parts = []
    if number := figures["waiting"]:
        parts.append(f"{said(number)} question{'s wait' if number > 1 else ' waits'} for you")
    if number := figures["failed"]:
        parts.append(f"{said(number)} of your runs failed")
    if number := figures["running"]:
        of = "" if parts else " of your runs"
        parts.append(f"{said(number)}{of} {'is' if number == 1 else 'are'} under way")
    return f"{capital(', '.join(parts))}." if parts else "Nothing waits for you."
