"""Every pair of statuses: what the tables allow passes, and nothing else does."""

from itertools import product

import pytest

from runs.engine.state import fold, new_state
from runs.engine.states import (
    ACTIVE,
    CHECKPOINTS,
    ENDED,
    RESOLVED,
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
    IllegalTransition,
    RunStatus,
    StepStatus,
    check_run,
    check_step,
)
from tests.unit.runs.engine.dags import dag

STEPS = {
    "PENDING": "PENDING RUNNING SKIPPED",
    "RUNNING": "PENDING WAITING COMPLETED FAILED CANCELLED",
    "WAITING": "PENDING RUNNING WAITING COMPLETED FAILED CANCELLED",
    "COMPLETED": "PENDING",
    "FAILED": "PENDING",
    "SKIPPED": "PENDING",
    "CANCELLED": "PENDING",
}
RUNS = {
    "PENDING": "RUNNING CANCELLED",
    "RUNNING": "WAITING COMPLETED FAILED CANCELLED ROLLING_BACK",
    "WAITING": "RUNNING COMPLETED FAILED CANCELLED ROLLING_BACK",
    "COMPLETED": "ROLLING_BACK",
    "FAILED": "RUNNING ROLLING_BACK",
    "CANCELLED": "RUNNING ROLLING_BACK",
    "ROLLING_BACK": "RUNNING ROLLED_BACK",
    "ROLLED_BACK": "",
}
RUN_EVENTS = {
    RunStatus.COMPLETED: "run_completed",
    RunStatus.FAILED: "run_failed",
    RunStatus.CANCELLED: "run_cancelled",
    RunStatus.ROLLED_BACK: "run_rolled_back",
}


@pytest.mark.parametrize(("old", "new"), list(product(StepStatus, StepStatus)))
def test_a_step_changes_only_as_the_table_says(old, new):
    if new in STEPS[old].split():
        check_step(old, new)
    else:
        with pytest.raises(IllegalTransition, match=f"from {old} to {new}"):
            check_step(old, new)


@pytest.mark.parametrize(("old", "new"), list(product(RunStatus, RunStatus)))
def test_a_run_changes_only_as_the_table_says(old, new):
    if new in RUNS[old].split():
        check_run(old, new)
    else:
        with pytest.raises(IllegalTransition, match=f"from {old} to {new}"):
            check_run(old, new)


@pytest.mark.parametrize(("old", "kind"), list(product(RunStatus, RUN_EVENTS)))
def test_a_terminal_status_changes_only_by_a_retry_or_a_rollback(old, kind):
    """semantic 9: the fold refuses an entry that ends a run which cannot end so."""
    graph = dag("a")
    state = new_state(graph)
    state.status = old
    event = {"kind": RUN_EVENTS[kind], "data": {}}
    if kind in RUN_TRANSITIONS[old]:
        fold(graph, state, 1, "2026-01-05T09:00:00.000+00:00", [event])
        assert state.status == kind
    else:
        with pytest.raises(IllegalTransition):
            fold(graph, state, 1, "2026-01-05T09:00:00.000+00:00", [event])


def test_every_status_has_its_row():
    assert set(STEP_TRANSITIONS) == set(StepStatus)
    assert set(RUN_TRANSITIONS) == set(RunStatus)


def test_ended_runs_go_on_only_as_running_or_rolling_back():
    """semantic 9: what follows a terminal status is a retry or a rollback."""
    for status in ENDED:
        assert set(RUN_TRANSITIONS[status]) <= {RunStatus.RUNNING, RunStatus.ROLLING_BACK}
    assert not set(ENDED) & set(ACTIVE)


def test_checkpoints_are_resolved_steps_that_ran():
    """semantic 6: a step that was skipped has nothing to go back to."""
    assert set(CHECKPOINTS) == set(RESOLVED) - {StepStatus.SKIPPED}
