"""What waits for a free slot, for people and programs: of which limits, since when, and the place in line."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from runs import gates, gating
from runs.cache import runs
from runs.engine import awaiting
from runs.engine.records import RunState
from runs.turnstile import Hall


def waiting(run_id: UUID, state: RunState, *, live: bool = True) -> dict[str, dict[str, Any]]:
    """By step: ``{limits, since, position, until}``; ``until`` where it starts again at a time.

    One query, and none for a run that waits for no slot. Not ``live``: it was so, and no place is known.
    """
    found = {
        key: {"limits": [step.wait["limit"]], "since": step.wait["since"], "position": None,
              "until": step.wait["due_at"]}
        for key in state.waiting
        if (step := state.steps[key]).wait and step.wait["kind"] == "slot"
    }  # fmt: skip
    if state.awaiting is None:
        return found
    hall = gates.look() if live else Hall()
    known = gating.gates(runs.get(run_id))
    for key in (*state.ready, *state.mapping):
        if awaiting.waits(state, key):
            position = hall.position(str(run_id), known[key]) if key in known else None
            found[key] = {**state.awaiting, "position": position, "until": None}
    return found
