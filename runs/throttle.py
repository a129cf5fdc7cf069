"""Counts the calls to models against the limits of who asks, of the orchestration and of the model.

A step that was let in has paid for its first call of each model; further ones (rounds of tools, models that
a template names) are counted here. Where a rate is reached they wait a moment, and longer as WAITING steps
that start again by themselves: no thread is kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from agents.errors import GatewayError
from runs import gates, gating
from runs.cache import Run
from runs.engine.commands import Command, Held, ItemHeld
from runs.executors.base import Assignment
from runs.limits_told import said
from runs.turnstile import Group, Hall
from steps.base import Throttled

PATIENCE_S = 2.0  # a longer wait is not worth a thread
LOOK_S = 0.2


class _Caller(threading.local):
    """Who asks in this thread."""

    group: Group | None = None
    paid: set[str]  # the models whose first call was counted when the step was let in


_caller = _Caller()


@contextmanager
def calling(run: Run, assignment: Assignment) -> Iterator[None]:
    """Until the end, calls to models in this thread are those of ``assignment``."""
    models = gating.gates(run).get(assignment.step, ())
    _caller.group, _caller.paid = gating.group_of(run, ()), set(models)
    if assignment.part.partition(":")[0] not in ("", "item"):
        _caller.paid = set()
    try:
        yield
    finally:
        _caller.group, _caller.paid = None, set()


class Throttle:
    """The gateway's keeper, see ``agents.admission``."""

    def enter(self, model: str, cancelled: Callable[[], bool]) -> None:
        """Count the request, waiting at most ``PATIENCE_S``."""
        subjects = self._to_pay(model)
        if not subjects:
            return
        give_up = time.monotonic() + PATIENCE_S
        while True:
            pause, limit = gates.change(partial(_call, subjects))
            if not limit:
                return
            if cancelled():
                raise GatewayError("The call was cancelled.", code="cancelled")
            if time.monotonic() + pause > give_up:
                raise _refusal(pause, limit)
            time.sleep(min(pause, LOOK_S))

    def spent(self, model: str, tokens: int) -> None:
        """Count the tokens of an answer."""
        known = gating.table
        if known is None:
            return
        rated = [subject for subject in _subjects(model) if (bound := known.bound(subject)) and bound.rated]

        def act(hall: Hall) -> None:
            for subject in rated:
                hall.spend(subject, time.time(), tokens=tokens)

        if rated and tokens:
            gates.change(act)

    def _to_pay(self, model: str) -> list[str]:
        """The subjects with a rate that have not paid for this call."""
        known = gating.table
        if known is None:
            return []
        paid = _caller.paid if _caller.group is not None else set()
        if model in paid:
            paid.discard(model)
            return []
        subjects = _subjects(model)
        if gating.UNKNOWN in paid:  # who asks and the orchestration have paid
            paid.discard(gating.UNKNOWN)
            subjects = [f"model:{model}"]
        return [subject for subject in subjects if (bound := known.bound(subject)) and bound.rated]


def _call(subjects: list[str], hall: Hall) -> tuple[float, dict[str, Any]]:
    known = gating.table
    return hall.call(subjects, known.bound, time.time()) if known is not None else (0.0, {})


def _refusal(pause: float, limit: dict[str, Any]) -> GatewayError:
    message = f"The limit of {said(limit)} is reached; try again in {round(pause) or 1} s."
    error = GatewayError(message, code="throttled", retryable=True, retry_after_s=pause, limit=limit)
    error.status = 429
    return error


def _subjects(model: str) -> list[str]:
    own = _caller.group.subjects if _caller.group is not None else ()
    return [*own, f"model:{model}"]


def held(assignment: Assignment, error: Throttled) -> Command | None:
    """The command for an attempt that has to come again later; None for what cannot wait (an undoing)."""
    due_at = datetime.now(UTC) + timedelta(seconds=error.retry_after_s)
    where = assignment.step, assignment.epoch, assignment.attempt
    kind, _, rest = assignment.part.partition(":")
    if kind == "item":
        index, tried = rest.split(":")
        return ItemHeld(*where, int(index), int(tried), due_at)
    return None if kind else Held(*where, due_at, error.details["limit"])
