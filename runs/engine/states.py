"""Statuses and the transitions between them, as data: code, tests and docs read these tables."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.errors import ProductError


class StepStatus(StrEnum):
    """WAITING: for a person, a timer, a child run, or the next attempt."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


class RunStatus(StrEnum):
    """WAITING: nothing runs and something waits."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"


class IllegalTransition(ProductError):
    """500: a journal that says what cannot be: written by other hands, or by a defect of the engine."""

    status = 500
    code = "illegal_transition"


# A step goes back to PENDING when it is interrupted, queued for its next attempt, retried by a person, or
# reset by a rollback; a rollback also resets the PENDING ones, which gives them their new epoch. One that
# waits for a child run which fails may go on waiting, for its next attempt.
STEP_TRANSITIONS: dict[StepStatus, tuple[StepStatus, ...]] = {
    StepStatus.PENDING: (StepStatus.RUNNING, StepStatus.SKIPPED, StepStatus.PENDING),
    StepStatus.RUNNING: (
        StepStatus.COMPLETED,
        StepStatus.WAITING,
        StepStatus.FAILED,
        StepStatus.CANCELLED,
        StepStatus.PENDING,
    ),
    StepStatus.WAITING: (
        StepStatus.COMPLETED,
        StepStatus.RUNNING,
        StepStatus.WAITING,
        StepStatus.FAILED,
        StepStatus.CANCELLED,
        StepStatus.PENDING,
    ),
    StepStatus.COMPLETED: (StepStatus.PENDING,),
    StepStatus.FAILED: (StepStatus.PENDING,),
    StepStatus.SKIPPED: (StepStatus.PENDING,),
    StepStatus.CANCELLED: (StepStatus.PENDING,),
}

RUN_TRANSITIONS: dict[RunStatus, tuple[RunStatus, ...]] = {
    RunStatus.PENDING: (RunStatus.RUNNING, RunStatus.CANCELLED),
    RunStatus.RUNNING: (
        RunStatus.WAITING,
        RunStatus.COMPLETED,
        RunStatus.FAILED,
        RunStatus.CANCELLED,
        RunStatus.ROLLING_BACK,
    ),
    RunStatus.WAITING: (
        RunStatus.RUNNING,
        RunStatus.COMPLETED,
        RunStatus.FAILED,
        RunStatus.CANCELLED,
        RunStatus.ROLLING_BACK,
    ),
    RunStatus.COMPLETED: (RunStatus.ROLLING_BACK,),
    RunStatus.FAILED: (RunStatus.RUNNING, RunStatus.ROLLING_BACK),
    RunStatus.CANCELLED: (RunStatus.RUNNING, RunStatus.ROLLING_BACK),
    RunStatus.ROLLING_BACK: (RunStatus.RUNNING, RunStatus.ROLLED_BACK),
    RunStatus.ROLLED_BACK: (),
}

# Resolved: it took its ports, if any (semantic 1).
RESOLVED = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED)
# Where a person may take a run back to: a step that started and ended (semantic 6).
CHECKPOINTS = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.CANCELLED)
# How a step that a fork takes over has ended; it goes there from PENDING, without having started.
TAKEN_OVER = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)
# The run has ended; what changes it then is a person's retry or rollback (semantic 9).
ENDED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.ROLLED_BACK)
# The run goes forward: results and answers count, steps may start.
ACTIVE = (RunStatus.RUNNING, RunStatus.WAITING)


def check_step(old: StepStatus, new: StepStatus) -> None:
    """Raise IllegalTransition unless a step may go from ``old`` to ``new``."""
    if new not in STEP_TRANSITIONS[old]:
        raise IllegalTransition(f"A step cannot go from {old} to {new}.")


def check_run(old: RunStatus, new: RunStatus) -> None:
    """Raise IllegalTransition unless a run may go from ``old`` to ``new``."""
    if new not in RUN_TRANSITIONS[old]:
        raise IllegalTransition(f"A run cannot go from {old} to {new}.")
