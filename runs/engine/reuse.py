"""Giving an earlier result again, in a later epoch or in a fork (semantic 8)."""

from __future__ import annotations

from typing import Any

from runs.engine.commands import Reuse
from runs.engine.ends import end, heard
from runs.engine.takeover import RESULT
from runs.engine.turn import Turn


def reuse(turn: Turn, command: Reuse) -> None:
    """The step ends as it did then.

    The state holds a result with this ``hash``: only the step's own end and a rollback change that, and
    after either nobody hears this command.
    """
    if heard(turn, command) is None:
        return
    earlier = turn.state.results[command.step]
    whence: dict[str, Any] = {name: earlier[name] for name in ("epoch", "run", "number") if name in earlier}
    turn.say_step("result_reused", command.step, {"hash": command.hash, **whence})
    data = {name: earlier[name] for name in RESULT if name in earlier}
    end(turn, command.step, tuple(data.pop("ports")), {**data, "reused": True})
