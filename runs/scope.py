"""What templates see of a run: built as they ask for it, so a step costs what it reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from builder.graph import Graph
from runs.engine.state import RunState
from runs.engine.states import StepStatus
from runs.payloads import Reference
from steps import templates
from steps.base import JSON

LoadPayload = Callable[[Reference], JSON]
OUTPUT_S = 2.0  # for rendering a run's output mapping


class Steps(Mapping[str, JSON]):
    """``steps`` in templates: ``{output, status, error, citations}`` by key; payloads load when read.

    A step that has not completed reads as null output.
    """

    __slots__ = ("_load", "_made", "_state")

    def __init__(self, state: RunState, load: LoadPayload) -> None:
        self._state, self._load = state, load
        self._made: dict[str, JSON] = {}

    def __getitem__(self, key: str) -> JSON:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(key)
        return made

    def _make(self, key: str) -> JSON:
        step = self._state.steps[key]
        return {
            "output": output_of(self._state, key, self._load),
            "status": str(step.status),
            "error": step.error,
            "citations": step.citations,
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.steps)

    def __len__(self) -> int:
        return len(self._state.steps)


def output_of(state: RunState, key: str, load: LoadPayload) -> JSON:
    """The output of a step: also that of a validation that failed; null while it has none."""
    step = state.steps[key]
    if step.status not in (StepStatus.COMPLETED, StepStatus.FAILED):
        return None
    return step.output if step.payload is None else load(step.payload)


def scope(run_id: str, state: RunState, load: LoadPayload, step: str | None = None) -> dict[str, Any]:
    """The names that templates of ``step`` may read; without a step, those of the run's output."""
    why = state.reasons.get(step) if step else None
    return {
        "input": state.input,
        "steps": Steps(state, load),
        "run": {"id": run_id, "user": state.user.get("username"), "started_at": state.started_at},
        "rollback": why or {"reason": "", "count": 0},
    }


def run_output(
    graph: Graph, document: dict[str, Any], state: RunState, load: LoadPayload, run_id: str = ""
) -> JSON:
    """The run's output: its document's mapping, else the outputs of its last steps that completed, by key.

    Raises StepError (``template``) where the mapping cannot be worked out.
    """
    mapping = document.get("output")
    if mapping is None:
        done = [key for key in graph.last if state.steps[key].status == StepStatus.COMPLETED]
        return {key: output_of(state, key, load) for key in done}
    compiled = templates.compile_value(mapping, "output")
    return templates.render(compiled, scope(run_id, state, load), time.monotonic() + OUTPUT_S)
