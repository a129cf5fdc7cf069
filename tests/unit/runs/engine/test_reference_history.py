"""The engine against a naive account of the semantics, over whole histories: retries, rollbacks, people."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import Conflict
from tests.unit.runs.engine.dags import random_dag
from tests.unit.runs.engine.play import Play
from tests.unit.runs.engine.reference_history import ENDED, Reference, Refused


def step_acts(random: Random, play: Play, told: Reference) -> None:
    """A step that runs or waits does something that its type may."""
    key = random.choice([*play.state.running, *play.state.waiting])
    spec, wait = play.graph.steps[key], play.state.steps[key].wait
    if wait is None:
        _run_on(random, play, told, key)
    elif wait["kind"] == "retry":
        play.now = max(play.now, play.now.fromisoformat(wait["due_at"]))
        play.due(key, "retry")
        told.again(key)
    elif wait["kind"] == "delay":
        play.wait(10)
        play.due(key, "delay")
        told.ends(key, ("success",))
    else:
        port = random.choice(("approved", "rejected", "expired"))
        if port == "expired":
            play.wait(10)
            play.due(key, "expiry")
        else:
            play.vote(wait["approval"], "approve" if port == "approved" else "reject")
        told.ends(key, (port,))
    assert spec.key == key


def _run_on(random: Random, play: Play, told: Reference, key: str) -> None:
    spec = play.graph.steps[key]
    if random.random() < 0.25:
        retryable = random.random() < 0.6
        play.fail(key, retryable=retryable)
        told.raises(key, retryable)
    elif spec.type == "delay":
        play.sleep(key, 5)
        told.waits(key)
    elif spec.type == "approval":
        play.ask(key, expires_at=play.now.isoformat())
        told.waits(key)
    else:
        ports = [port for port in spec.ports if port != "failure"]
        taken = tuple(random.sample(ports, random.randint(1, len(ports))))
        taken = ("failure",) if random.random() < 0.15 else taken
        play.complete(key, *taken)
        told.ends(key, taken)


def person_acts(random: Random, play: Play, told: Reference) -> None:
    """A person interferes; both refuse it, or neither."""
    to = random.choice([*play.graph.steps, *play.graph.steps, None])
    act = random.choice(("retry", "roll_back", "roll_back", "cancel"))
    given = (to,) if act == "roll_back" else ()
    try:
        getattr(told, act)(*given)
    except Refused:
        with pytest.raises(Conflict):
            getattr(play, act)(*given)
    else:
        getattr(play, act)(*given)


def agree(play: Play, told: Reference) -> None:
    """The same steps run, wait, are skipped, have failed, in the same epochs, and the run stands the same."""
    assert {key: str(step.status) for key, step in play.state.steps.items()} == told.status
    assert {key: step.epoch for key, step in play.state.steps.items()} == told.epoch
    assert str(play.state.status).replace("WAITING", "RUNNING") == told.run


def follow(random: Random, most: int, acts: int) -> Play:
    """Play one history, comparing after every act."""
    play = Play(random_dag(random, most), careful=False, window=1000)
    told = Reference(play.graph)
    agree(play, told)
    for _ in range(acts):
        idle = not play.state.running and not play.state.waiting
        if idle and told.run in ENDED and random.random() < 0.5:
            break
        if idle or random.random() < 0.08:
            person_acts(random, play, told)
        else:
            step_acts(random, play, told)
        agree(play, told)
    return play


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_the_engine_agrees_with_the_reference_over_any_history(random):
    """semantics 1 to 7, 9: hypothesis looks for the smallest history on which they differ."""
    follow(random, 12, 40)


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_they_agree_on_large_graphs_and_long_histories(first):
    """semantics 1 to 7, 9: graphs of up to 60 steps."""
    for seed in range(first, first + 100):
        follow(Random(seed), 60, 150)
