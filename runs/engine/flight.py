"""What is under way: started by a worker, and not ended."""

from __future__ import annotations

from collections.abc import Iterator

from runs.engine.mapping import active
from runs.engine.records import RunState
from runs.engine.states import StepStatus

Flight = tuple[str, int, int, str]  # step, epoch, attempt, part


def in_flight(state: RunState, worker: str) -> Iterator[Flight]:
    """All that ``worker`` has started in this run; ``part`` is empty for a step itself."""
    for key in state.running:
        step = state.steps[key]
        found = active(state, key) if state.maps else None
        if found is not None and not found.finishing:
            for index in found.running:
                item = found.items[index]
                if item.worker == worker:
                    yield key, step.epoch, step.attempt, f"item:{index}:{item.attempt}"
            continue
        if step.status is StepStatus.RUNNING and step.worker == worker:
            yield key, step.epoch, step.attempt, "" if found is None else "gather"
    for (key, epoch), job in state.undo.items():
        if job["status"] == "running" and job["worker"] == worker:
            yield key, epoch, job["attempt"], "undo"
