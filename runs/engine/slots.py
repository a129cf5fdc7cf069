"""Slots: a step that a limit bounds starts when it is admitted, not as soon as it could.

Until then it is PENDING and ready; what the run waits for is said once, however many steps wait.
"""

from __future__ import annotations

from itertools import islice

from runs.engine import maps
from runs.engine.commands import Admit, Await, Held
from runs.engine.ends import heard
from runs.engine.states import ACTIVE
from runs.engine.turn import Turn, iso


def admit(turn: Turn, command: Admit) -> None:
    """Start steps in the order in which they became ready, then items; fewer where the run has no more."""
    if not turn.may_begin():
        return
    most = command.most
    for key in list(islice((key for key in turn.state.ready if key in command.keys), max(most, 0))):
        if not turn.has_room():
            break
        turn.start(key)
        most -= 1
    for key in [key for key in turn.state.mapping if key in command.keys]:
        most -= maps.start_some(turn, key, most)


def awaited(turn: Turn, command: Await) -> None:
    """Say what the run waits for, unless that is said, or nothing waits any more."""
    state = turn.state
    if state.awaiting is None and state.status in ACTIVE and (state.ready or state.mapping):
        turn.say("slots_awaited", {"limits": [dict(limit) for limit in command.limits]})


def held(turn: Turn, report: Held) -> None:
    """The step waits until it may call its model."""
    if heard(turn, report) is not None:
        due_at, limit = iso(report.due_at), dict(report.limit)
        wait = {"kind": "slot", "due_at": due_at, "since": turn.at, "limit": limit}
        turn.say_step("step_waiting", report.step, {"wait": wait})
