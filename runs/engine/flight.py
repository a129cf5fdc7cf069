"""What is under way: started by a worker, and not ended."""

from __future__ import annotations

from collections.abc import Iterator

from runs.engine.records import RunState
from runs.engine.states import StepStatus

Flight = tuple[str, int, int, str]  # step, epoch, attempt, part


def in_flight(state: RunState, worker: str) -> Iterator[Flight]:
    """All that ``worker`` has started in this run; ``part`` is empty for a step itself."""
    for key in state.running:
        step = state.steps[key]
        if step.status is StepStatus.RUNNING and step.worker == worker:
            yield key, step.epoch, step.attempt, ""
