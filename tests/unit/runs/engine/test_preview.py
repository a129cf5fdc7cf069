"""Semantic 6: a preview says what a rollback would do, and does nothing."""

import pytest

from orchestrator.errors import Conflict
from runs.engine.overlay import Overlay
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play


def played() -> Play:
    play = Play(dag("a > b > c, a > w, a.failure > s, x > y"))
    play.complete("a", cost=1.0, usage={"input_tokens": 10, "output_tokens": 1})
    play.complete("x", cost=8.0)
    play.fail("y")
    play.complete("b", cost=0.5, usage={"input_tokens": 4})
    return play


def test_a_preview_lists_what_would_be_undone_in_order_and_what_it_has_cost():
    """semantic 6: a preview lists what would be undone in which order, what is kept, and what it has cost."""
    play = played()
    assert play.preview("a") == {
        "to": "a",
        "steps": [
            {"step": "w", "status": "RUNNING", "what": "stop"},
            {"step": "b", "status": "COMPLETED", "what": "undo"},
            {"step": "a", "status": "COMPLETED", "what": "undo"},
            {"step": "s", "status": "SKIPPED", "what": "reset"},
            {"step": "c", "status": "PENDING", "what": "reset"},
        ],
        "compensates": [],
        "items": {},
        "unknown": [],
        "cannot": [],
        "kept": ["x"],
        "retried": ["y"],
        "waits_for": ["w"],
        "cost": 1.5,
        "tokens": 15,
    }


def test_a_preview_names_what_cannot_be_undone():
    """semantic 6: and what cannot be."""
    play = played()
    preview = play.preview("a", effect_of=lambda spec: "irreversible" if spec.key in "bcw" else "reversible")
    assert preview["cannot"] == ["w", "b"], "what never started has nothing to undo"


def test_a_preview_of_the_whole_run_keeps_nothing():
    """semantic 6: rolling back the whole run undoes everything."""
    preview = played().preview(None)
    assert (len(preview["steps"]), preview["kept"], preview["retried"], preview["cost"]) == (7, [], [], 9.5)


@pytest.mark.parametrize("to", ["a", "b", "x", None])
def test_a_preview_changes_nothing_and_is_what_then_happens(to):
    """semantic 6: the preview's order is the rollback's."""
    play = played()
    before = Overlay(play.state)
    preview = play.preview(to)
    assert all(getattr(before, name) == getattr(play.state, name) for name in ("status", "ready", "seq"))
    said = play.roll_back(to)
    assert said[0]["data"]["steps"] == [step["step"] for step in preview["steps"]]


@pytest.mark.parametrize(("to", "code"), [("c", "not_a_checkpoint"), ("nobody", "unknown_step")])
def test_a_preview_is_refused_as_the_rollback_would_be(to, code):
    play = played()
    with pytest.raises(Conflict) as refusal:
        play.preview(to)
    assert refusal.value.code == code
