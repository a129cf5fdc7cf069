"""The engine against an interpreter that was written from the semantics alone."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.graph import Graph
from tests.unit.runs.engine.dags import dag, random_dag
from tests.unit.runs.engine.play import Play
from tests.unit.runs.engine.reference import interpret


def chosen_ends(random: Random, graph: Graph) -> dict[str, tuple[str, ...]]:
    """The ports on which each step ends when it runs."""
    ends = {}
    for key, spec in graph.steps.items():
        ports = [port for port in spec.ports if port != "failure"]
        taken = random.sample(ports, random.randint(1, len(ports))) if spec.type == "condition" else ports[:1]
        if spec.type == "approval":
            taken = [random.choice(ports)]
        if "failure" in spec.ports and random.random() < 0.25:
            taken = ["failure"]
        ends[key] = tuple(taken)
    return ends


def play_to_the_end(random: Random, graph: Graph, ends: dict[str, tuple[str, ...]]) -> Play:
    """Let each running step end as it is meant to, in any order."""
    play = Play(graph, careful=False)
    while play.state.running:
        key = random.choice(list(play.state.running))
        port = ends[key][0]
        if graph.steps[key].type != "approval" or port == "failure":
            play.complete(key, *ends[key])
        elif port == "expired":
            if play.state.failing:
                play.ask(key)
            else:
                play.ask(key, expires_at=play.now.isoformat())
                play.due(key, "expiry")
        else:
            pk = play.ask(key)
            if play.status(key) == "WAITING":
                play.vote(pk, "approve" if port == "approved" else "reject")
    return play


@settings(max_examples=150)
@given(st.randoms(use_true_random=False))
def test_the_engine_agrees_with_the_reference_on_what_runs_fails_and_is_skipped(random):
    """semantics 1 to 5 and 9: the same steps run, fail and are skipped, in whatever order they end."""
    graph = random_dag(random, 25, plain=True)
    ends = chosen_ends(random, graph)
    expected = interpret(graph, ends)
    play = play_to_the_end(random, graph, ends)
    failed = "UNHANDLED" in expected.values()
    assert play.state.status == ("FAILED" if failed else "COMPLETED")
    for key, step in play.state.steps.items():
        wanted = "FAILED" if expected[key] == "UNHANDLED" else expected[key]
        if not failed:
            assert step.status == wanted
        elif step.status == "CANCELLED":
            assert wanted not in ("SKIPPED", "blocked"), "what runs when the run fails may be stopped"
        elif step.status != "PENDING":
            assert step.status == wanted


@pytest.mark.parametrize(
    ("text", "options", "ends", "expected"),
    [
        ("a > b", {}, {"a": "failure", "b": "success"}, "UNHANDLED blocked"),
        ("a > b, a.failure > c", {}, {"a": "failure", "b": "success", "c": "success"},
         "FAILED SKIPPED COMPLETED"),
        ("a > c, b > c", {"c": {"join": "first"}}, {"a": "failure", "b": "success", "c": "success"},
         "UNHANDLED COMPLETED COMPLETED"),
        ("a.failure > c, b > c", {"c": {"join": "all"}}, {"a": "success", "b": "success", "c": "success"},
         "COMPLETED SKIPPED COMPLETED"),
    ],
)  # fmt: skip
def test_the_reference_says_what_a_reader_would(text, options, ends, expected):
    """semantics 1 to 5: examples worked out by hand."""
    graph = dag(text, **options)
    result = interpret(graph, {key: (port,) for key, port in ends.items()})
    assert " ".join(result[key] for key in graph.steps) == expected
