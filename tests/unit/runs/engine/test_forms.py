"""Forms: what is filled in is the output, and their ports (semantics 3 and 4)."""

import pytest

from orchestrator.errors import Conflict, Invalid
from tests.unit.runs.engine.dags import PORTS, dag
from tests.unit.runs.engine.play import Play, kinds

END = "2026-01-05T09:00:10+00:00"


def asking(edges="q > yes", monkeypatch=None, **options):
    monkeypatch.setitem(PORTS, "form", ("success", "expired", "failure"))
    play = Play(dag(edges, q={"type": "form", **options}))
    return play, play.ask("q", kind="form", expires_at=END)


def test_what_is_filled_in_is_the_output(monkeypatch):
    """semantic 3: a form ends on success, with what was filled in as its output."""
    play, pk = asking(monkeypatch=monkeypatch)
    said = play.vote(pk, "submit", data={"n": 1})
    assert kinds(said) == ["approval_decided q", "step_completed q", "step_started yes"]
    assert play.state.steps["q"].output == {"n": 1}
    assert play.state.approvals[pk]["status"] == "submitted"
    with pytest.raises(Conflict) as refusal:
        play.vote(pk, "submit", by="john", data={"n": 2})
    assert refusal.value.details["decision"] == "submitted"


def test_a_large_answer_is_referred_to(monkeypatch):
    play, pk = asking(monkeypatch=monkeypatch)
    play.vote(pk, "submit", data={"n": 1}, payload={"sha256": "ab", "size": 70_000})
    step = play.state.steps["q"]
    assert (step.output, step.payload) == (None, {"sha256": "ab", "size": 70_000})


def test_a_form_is_not_approved_and_an_approval_not_submitted(monkeypatch):
    play, pk = asking(monkeypatch=monkeypatch)
    with pytest.raises(Invalid):
        play.vote(pk, "approve")
    other = Play(dag("q.approved > yes", q={"type": "approval"}))
    with pytest.raises(Invalid):
        other.vote(other.ask("q"), "submit")
    assert play.status("q") == other.status("q") == "WAITING"


@pytest.mark.parametrize(
    ("edges", "options", "statuses"),
    [
        ("q > yes, q.expired > late", {}, "q:COMPLETED yes:SKIPPED late:RUNNING"),
        ("q > yes", {}, "q:FAILED yes:PENDING"),
        ("q > yes", {"on_failure": {"action": "continue"}}, "q:FAILED yes:RUNNING"),
    ],
)
def test_a_form_that_nobody_fills_in_expires(monkeypatch, edges, options, statuses):
    """semantic 4: expired goes along its edge, else on_failure applies; continue is for types with success."""
    play, _ = asking(edges, monkeypatch, **options)
    play.wait(10)
    assert kinds(play.due("q", "expiry"))[0] == "approval_expired q"
    assert play.statuses == statuses
    assert play.state.steps["q"].output is None
