"""The engine against a naive account of the semantics, over whole histories: retries, rollbacks, people."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.runs.engine.acts import follow, fork, go_on
from tests.unit.runs.engine.dags import random_dag
from tests.unit.runs.engine.play import Play
from tests.unit.runs.engine.reference_history import Reference


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


@pytest.mark.parametrize("first", range(0, 120, 60))
def test_they_agree_on_forks_of_any_history(first):
    """semantic 8: what a fork takes over, what runs in it, and whatever happens to it then."""
    forks = 0
    for seed in range(first, first + 60):
        random = Random(seed)
        play = Play(random_dag(random, 20), careful=False, window=1000)
        told = Reference(play.graph)
        go_on(random, play, told, 60)
        forks += fork(random, play, told, 60)
    assert forks > 10
