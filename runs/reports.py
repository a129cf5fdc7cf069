"""What a step came to, as the command that is said of it to the journal."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

import orjson

from runs import payloads
from runs.cache import Run
from runs.engine.commands import Asked, Command, Complete, Fail, Listed, Slept
from runs.executors.base import Assignment
from steps.base import Ask, Each, Outcome, Sleep, StepError, StepResult

APPROVAL_BYTES = 1024 * 1024


def ended(assignment: Assignment, outcome: Outcome, run: Run) -> Command:
    """The command for what a step returned; raises StepError for what cannot be journaled."""
    where = (assignment.step, assignment.epoch, assignment.attempt)
    if isinstance(outcome, StepResult):
        unknown = set(outcome.ports) - set(run.version.graph.steps[assignment.step].ports)
        if unknown:
            raise StepError(f"The step ended on {sorted(unknown)}, which it has not.", code="unknown_port")
        output, payload = payloads.keep(assignment.run_id, outcome.output)
        return Complete(
            *where, outcome.ports, output, payload, outcome.usage, outcome.cost, outcome.citations,
            outcome.line, outcome.reason,
        )  # fmt: skip
    if isinstance(outcome, Ask):
        return Asked(*where, _approval(assignment, outcome))
    if isinstance(outcome, Sleep):
        return Slept(*where, _in(outcome.seconds), outcome.output)
    if isinstance(outcome, Each):
        raw = payloads.encode(outcome.items)
        items, payload = payloads.keep(assignment.run_id, outcome.items)
        digest = sha256(raw).hexdigest()
        return Listed(*where, len(outcome.items), digest, outcome.concurrency, outcome.skip, items, payload)
    raise StepError(f"The step gave {type(outcome).__name__}, which is no result.", code="bad_result")


def _approval(assignment: Assignment, ask: Ask) -> dict[str, Any]:
    shown = orjson.dumps([ask.message, ask.evidence, ask.form], option=orjson.OPT_SORT_KEYS, default=str)
    if len(shown) > APPROVAL_BYTES:
        raise StepError("The question and its evidence are over 1 MiB; show less.", code="approval_too_large")
    return {
        "id": str(approval_id(assignment)),
        "kind": ask.kind,
        "message": ask.message,
        "evidence": ask.evidence,
        "assignees": ask.assignees,
        "role": ask.role,
        "quorum": ask.quorum,
        "form": ask.form,
        "allow_self": ask.allow_self,
        "channels": ask.channels,
        "expires_at": _in(ask.expires_s).isoformat(timespec="milliseconds") if ask.expires_s else None,
        "content_hash": sha256(shown).hexdigest(),
    }


def approval_id(assignment: Assignment) -> UUID:
    """The id of the approval that an attempt asks for; a repeated delivery gives the same."""
    return uuid5(assignment.run_id, f"{assignment.step}:{assignment.epoch}:{assignment.attempt}")


def _in(seconds: float) -> datetime:
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    return due.replace(microsecond=due.microsecond // 1000 * 1000)


def failed(assignment: Assignment, error: StepError) -> Fail:
    """The command for an attempt that raised."""
    details = error.details
    with suppress(StepError):
        payloads.encode(details)
        return Fail(assignment.step, assignment.epoch, assignment.attempt, said(error, details))
    return Fail(assignment.step, assignment.epoch, assignment.attempt, said(error, {}))


def said(error: StepError, details: dict[str, Any]) -> dict[str, Any]:
    """An error as the journal keeps it."""
    refused = {"refused": True} if error.refused else {}
    return refused | {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
        "details": details,
        "sent": error.sent,
        "received": error.received,
    }


def unexpected(error: Exception) -> StepError:
    """A defect or a broken connection, in one sentence: type and message, never locals."""
    message = f"The step stopped on an unexpected error, {type(error).__name__}: {str(error)[:500]}"
    return StepError(message, code="unexpected", retryable=isinstance(error, OSError))
