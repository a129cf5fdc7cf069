"""Giving an earlier result again, in a later epoch or in a fork (semantic 8)."""

from __future__ import annotations

from typing import Any

from runs.engine.commands import Reuse
from runs.engine.ends import end, heard
from runs.engine.takeover import RESULT
from runs.engine.turn import Turn


def reuse(turn: Turn, command: Reuse) -> None:
    """The step ends as it did then.

    Nothing is said where no such result is known: who asks has read further than this state reaches, and
    is heard, or is late, when it has caught up.
    """
    earlier = turn.state.results.get(command.step)
    if heard(turn, command) is None or earlier is None or earlier["hash"] != command.hash:
        return
    whence: dict[str, Any] = {name: earlier[name] for name in ("epoch", "run", "number") if name in earlier}
    turn.say_step("result_reused", command.step, {"hash": command.hash, **whence})
    data = {name: earlier[name] for name in RESULT if name in earlier}
    end(turn, command.step, tuple(data.pop("ports")), {**data, "reused": True})
