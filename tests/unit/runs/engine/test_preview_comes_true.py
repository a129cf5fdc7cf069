"""Semantic 6: whatever has happened to a run, its rollback does what the preview has said, and nothing else."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import Conflict
from runs.engine.commands import Resolve, UndoFailed, Undone
from runs.engine.flight import in_flight
from tests.unit.runs.engine.acts import follow
from tests.unit.runs.engine.mishaps import dispatch_of, interrupt
from tests.unit.runs.engine.play import Play


def undo(random: Random, play: Play) -> None:
    """Let the rollback come to its end: what runs is stopped, each compensation works, or a person skips it."""
    while play.state.rollback:
        flights = [flight for flight in in_flight(play.state, "w1") if flight[0] in play.state.undoing]
        running = [flight for flight in flights if flight[3] != "undo"]
        if running:
            play.do(interrupt(dispatch_of(random.choice(running)), "w1"))
            continue
        (key, epoch), job = next(iter(play.state.undo.items()))
        if random.random() < 0.8:
            play.do(Undone(key, epoch, job["attempt"]))
        else:
            play.do(UndoFailed(key, epoch, job["attempt"], {"code": "boom", "message": "No."}))
            play.do(Resolve(key, random.choice(("retry", "skip")), "mary", "by hand"))


def asked(act: Any, to: str | None) -> Any:
    """What it gives, or the code with which it refuses."""
    try:
        return act(to)
    except Conflict as refusal:
        return refusal.code


def comes_true(random: Random, play: Play, to: str | None) -> None:
    """Preview, roll back, and compare."""
    told = asked(play.preview, to)
    if isinstance(told, str):
        assert asked(play.roll_back, to) == told
        return
    before = {key: (str(step.status), step.epoch) for key, step in play.state.steps.items()}
    cost = {key: step.cost for key, step in play.state.steps.items()}
    running, mark = list(play.state.running), len(play.journal)
    play.roll_back(to)
    undo(random, play)
    said = [event for _, _, events in play.journal[mark:] for event in events]
    undone = [one["step"] for one in told["steps"]]
    assert said[0]["data"]["steps"] == undone
    assert [(one["step"], one["status"]) for one in told["steps"]] == [
        (key, before[key][0]) for key in undone
    ]
    stopped = {one["step"] for one in told["steps"] if one["what"] == "stop"}
    assert {event["step"] for event in said if event["kind"] == "step_cancelled"} == stopped
    over = ("step_compensated", "compensation_skipped")
    settled = [event["step"] for event in said if event["kind"] in over]
    assert list(dict.fromkeys(settled)) == told["compensates"]
    items = {key: settled.count(key) for key in told["items"]}
    assert items == told["items"], "a map is undone item by item"
    assert told["waits_for"] == [key for key in running if key in undone]
    reset = {event["step"]: event["epoch"] for event in said if event["kind"] == "step_reset"}
    assert {key for key, epoch in reset.items() if epoch > before[key][1]} == set(undone)
    assert {key for key, epoch in reset.items() if epoch == before[key][1]} == set(told["retried"])
    for key in told["kept"]:
        assert (play.status(key), play.state.steps[key].epoch) == before[key] == ("COMPLETED", before[key][1])
    assert told["cost"] == sum(cost[key] for key in undone)
    started = {event["step"] for event in said if event["kind"] == "step_started"}
    waited = {key for key, (status, _) in before.items() if status == "PENDING"}
    assert started <= {*undone, *told["retried"]} | waited, "only these are executed again"


@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.integers(0, 60))
def test_a_rollback_does_what_its_preview_has_said(random, acts):
    """semantic 6: the order of undoing, what is compensated, kept, tried again, waited for; or the same refusal."""
    play = follow(random, 12, acts)
    for _ in range(3):
        comes_true(random, play, random.choice([*play.graph.steps, None]))


@pytest.mark.parametrize("first", range(0, 120, 60))
def test_it_does_on_large_graphs_after_long_histories(first):
    """semantic 6: graphs of up to 60 steps."""
    for seed in range(first, first + 60):
        random = Random(seed)
        play = follow(random, 60, 100)
        comes_true(random, play, random.choice([*play.graph.steps, None]))
