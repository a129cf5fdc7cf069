"""What a started step runs with: its compiled config, and the context in which it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import steps
from runs import live, logs, payloads
from runs.cache import Run
from runs.executors.base import Assignment, Token
from runs.scope import scope
from steps import templates
from steps.base import StepContext, StepError, StepType


@dataclass(frozen=True, slots=True)
class Plan:
    """A step of a version, ready to run."""

    type: StepType
    config: templates.Compiled
    timeout_s: float
    reusable: bool = False  # its result may serve again


def compiled(kind: str, config: dict[str, Any], timeout_s: float | None) -> Plan:
    """A plan for a step type and its config; raises StepError for a type that cannot run here."""
    try:
        step_type = steps.get(kind)
    except KeyError as error:
        raise StepError(f"Steps of type {kind!r} cannot run here.", code="not_available") from error
    seconds = timeout_s or step_type.default_timeout_s
    return Plan(step_type, steps.compile_config(kind, config), seconds, step_type.reusable(config))


def plan_of(run: Run, key: str) -> Plan:
    """The compiled step; compiled once a version. Raises StepError where it cannot run."""
    plans = run.version.plans
    plan: Plan | None = plans.get(key)
    if plan is None:
        spec = run.version.graph.steps[key]
        plan = plans[key] = compiled(spec.type, spec.config, spec.timeout_s)
    return plan


def scope_of(run: Run, key: str) -> dict[str, Any]:
    """What templates of the step see now."""
    pk = run.pk
    return scope(str(pk), run.state, lambda stored: payloads.load(pk, stored), key)


def context_of(
    run: Run, assignment: Assignment, plan: Plan, token: Token, seen: dict[str, Any]
) -> StepContext:
    """The step's context, with its config rendered in the scope ``seen``; raises StepError (``template``)."""
    return StepContext(
        run_id=str(assignment.run_id),
        key=assignment.step,
        name=run.version.graph.steps[assignment.step].name,
        epoch=assignment.epoch,
        attempt=assignment.attempt,
        config=templates.render(plan.config, seen, token.deadline),
        scope=seen,
        user_id=run.state.user.get("id"),
        timeout_s=plan.timeout_s,
        log=logs.writer(assignment),
        emit=_emitter(assignment),
        cancelled=lambda: token.cancelled,
        remaining_s=token.remaining_s,
        on_cancel=token.on_cancel,
    )


def _emitter(assignment: Assignment) -> Callable[[str], None]:
    offset = 0

    def emit(text: str) -> None:
        nonlocal offset
        live.publish_text(
            assignment.run_id, assignment.step, assignment.epoch, assignment.attempt, offset=offset, text=text
        )
        offset += len(text)

    return emit
