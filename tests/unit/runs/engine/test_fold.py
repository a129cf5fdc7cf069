"""State = fold(events): the same state from the same journal, whoever folds it and however often."""

import json
from dataclasses import fields

import pytest

from runs.engine import overlay
from runs.engine.overlay import Layer, Overlay
from runs.engine.records import RunState, StepState
from runs.engine.state import fold, new_state, replay
from runs.engine.states import IllegalTransition
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play

AT = "2026-01-05T09:00:00.000+00:00"


def eventful() -> Play:
    """A run in which about everything has happened."""
    graph = dag(
        "a > b > q, q.approved > c, x.failure > y, a.failure > s, d",
        q={"type": "approval"}, b={"retry": {"max_attempts": 2, "delay_s": 0}}, d={"type": "delay"},
        c={"on_failure": {"action": "rollback", "to": "a"}},
    )  # fmt: skip
    play = Play(graph)
    play.sleep("d", 60)
    play.complete("a", output={"n": 1}, usage={"input_tokens": 2}, cost=0.1)
    play.fail("b", retryable=True)
    play.due("b", "retry")
    play.interrupt("b")
    play.complete("b")
    play.vote(play.ask("q", quorum=2))
    play.vote("q-1-1", by="john")
    play.fail("x")
    play.fail("c")
    return play


def test_a_journal_is_json_and_says_the_same_again():
    play = eventful()
    journal = json.loads(json.dumps(play.journal))
    assert replay(play.graph, journal) == play.state


def test_kinds_that_are_not_known_are_ignored():
    graph = dag("a")
    state = new_state(graph)
    fold(graph, state, 1, AT, [{"kind": "moon_phase_changed", "step": "a", "data": {"phase": "full"}}])
    assert state == replay(graph, [(1, AT, [])])


def test_a_journal_that_cannot_be_is_refused():
    graph = dag("a")
    completed = {
        "kind": "step_completed",
        "step": "a",
        "epoch": 1,
        "attempt": 1,
        "data": {"ports": ["success"]},
    }
    with pytest.raises(IllegalTransition, match="PENDING to COMPLETED"):
        fold(graph, new_state(graph), 1, AT, [completed])


@pytest.mark.parametrize("small", [-1, 64])
def test_an_overlay_reads_as_its_base_and_leaves_it_alone(monkeypatch, small):
    """Both ways of laying over, the copy and the layer, behave the same."""
    monkeypatch.setattr(overlay, "SMALL", small)
    play = eventful()
    over, before = Overlay(play.state), replay(play.graph, play.journal)
    for field in fields(RunState):
        mine, base = getattr(over, field.name), getattr(play.state, field.name)
        assert (dict(mine), list(mine)) == (dict(base), list(base)) if hasattr(base, "keys") else mine == base
    said = [
        {"kind": "step_cancelled", "step": key, "epoch": 2, "attempt": 1, "data": {"reason": ""}}
        for key in "a"
    ]
    fold(play.graph, over, 99, AT, said)
    assert over.steps["a"].status == "CANCELLED"
    assert play.state == before


@pytest.mark.parametrize("small", [-1, 64])
def test_decisions_are_the_same_over_copies_and_over_layers(monkeypatch, small):
    monkeypatch.setattr(overlay, "SMALL", small)
    assert eventful().journal == JOURNAL


def test_a_layer_is_ordered_as_a_dict_would_be():
    base = {"a": 1, "b": 2, "c": 3}
    layer, plain = Layer(base), dict(base)
    for mapping in (layer, plain):
        mapping["b"] = 5
        del mapping["a"]
        mapping["d"] = 4
        mapping["a"] = 9
        del mapping["c"]
        mapping.pop("d")
        mapping.pop("nothing", None)
    assert (list(layer.items()), len(layer), bool(layer)) == (list(plain.items()), 2, True)
    assert ("c" in layer, "a" in layer, layer.get("c")) == (False, True, None)
    with pytest.raises(KeyError):
        del layer["c"]
    assert base == {"a": 1, "b": 2, "c": 3}
    layer.clear()
    assert (len(layer), bool(layer)) == (0, False)


def test_a_step_is_copied_with_all_its_fields():
    step = StepState(attempt=3, line="x", cost=1.5, left=2, live=1)
    copy = step.clone()
    assert copy == step
    assert copy is not step


JOURNAL = eventful().journal
