"""Runs in a world where everything goes wrong: ``simulation`` says how, ``watch`` what holds all the same."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.engine import kin, overlay
from runs.engine.state import HANDLERS
from tests import simulate
from tests.unit.runs.engine.dags import random_dag
from tests.unit.runs.engine.simulation import World


@settings(max_examples=100)
@given(st.randoms(use_true_random=False), st.sampled_from((0, 20, 60)))
def test_whatever_happens_the_invariants_hold_and_the_run_ends(random, chaos):
    """semantics 1 to 9: any DAG, any history; hypothesis looks for the smallest that breaks a rule."""
    World(random_dag(random, 12), random, chaos=chaos).run()


@pytest.mark.parametrize("first", range(0, 2000, 100))
def test_two_thousand_histories(first):
    """semantics 1 to 9: a seed names a history, ``python -m tests.simulate --seed N`` tells it."""
    _, broken = simulate.play(first, 100)
    assert broken == {}


def test_a_history_is_told_the_same_again():
    told, again = [], []
    assert simulate.history(7, told.append) == simulate.history(7, again.append)
    assert told == again
    assert any("step_started" in line for line in told)


def test_the_layers_of_large_states_hold_them_too(monkeypatch):
    """What an overlay copies while a run is small is layered when it is large; both decide the same."""
    journals = []
    for small in (64, -1):
        monkeypatch.setattr(overlay, "SMALL", small)
        worlds = []
        for seed in range(30):
            random = Random(seed)
            worlds.append(World(random_dag(random, 15), random, chaos=80))
            worlds[-1].run()
            if fork := worlds[-1].forked(worlds[-1].graph, 30):
                worlds.append(fork)
                fork.run()
        journals.append([world.journal for world in worlds])
    assert journals[0] == journals[1]


def test_the_simulation_does_what_it_is_for():
    """It meets every kind of event that changes a state, refusals, crashes, and every way to end."""
    met, broken = simulate.play(5000, 400)
    assert broken == {}
    ends = ("COMPLETED", "FAILED", "CANCELLED", "ROLLED_BACK")
    elsewhere = set(kin.HANDLERS)  # child runs: test_children.py
    assert set(met) >= {*HANDLERS, "result_reused", *(f"run ends {status}" for status in ends)} - elsewhere
    assert min(met["refusals"], met["crashes"], met["compensation_started"]) > 200
    assert min(met["run_forked"], met["rollback_given_up"], met["compensation_skipped"]) > 5
