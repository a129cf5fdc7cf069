"""Semantics 1 and 2: which edges are live, and when a step starts or is skipped."""

import pytest

from runs.engine.commands import Kick
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds


def test_steps_without_incoming_edges_start_with_the_run():
    """semantic 2: a step without incoming edges starts with the run."""
    play = Play(dag("a > b, c", c={"join": "all"}))
    assert play.statuses == "a:RUNNING b:PENDING c:RUNNING"


def test_the_end_of_a_step_and_the_start_that_it_frees_are_one_entry():
    play = Play(dag("a > b > c"))
    assert kinds(play.complete("a")) == ["step_completed a", "step_started b"]
    assert kinds(play.complete("b")) == ["step_completed b", "step_started c"]
    assert kinds(play.complete("c")) == ["step_completed c", "run_completed"]
    assert len(play.journal) == 4


def test_an_edge_is_live_when_its_source_took_its_port():
    """semantic 1: an edge is live when its source took that edge's port, else dead."""
    play = Play(dag("a.a > b, a.b > c", a={"type": "condition"}))
    play.complete("a", "a")
    assert play.statuses == "a:COMPLETED b:RUNNING c:SKIPPED"


def test_a_skipped_step_makes_all_its_edges_dead():
    """semantic 2: a step that can no longer start is SKIPPED, and its outgoing edges are dead."""
    play = Play(dag("a.a > b > c > d, a.b > e", a={"type": "condition"}))
    assert kinds(play.complete("a", "b"))[1:4] == ["step_skipped b", "step_skipped c", "step_skipped d"]
    assert play.complete("e")[-1]["kind"] == "run_completed"


def test_join_any_waits_until_every_edge_is_resolved():
    """semantic 2: join any starts once every incoming edge is resolved and at least one is live."""
    play = Play(dag("a > c, b.a > c", b={"type": "condition"}))
    play.complete("a")
    assert play.status("c") == "PENDING"
    play.complete("b", "else")
    assert play.status("c") == "RUNNING"


def test_join_any_is_skipped_when_no_edge_is_live():
    """semantic 2: join any with only dead edges is SKIPPED."""
    play = Play(dag("a.failure > c, b.failure > c"))
    play.complete("a")
    assert play.status("c") == "PENDING"
    play.complete("b")
    assert play.status("c") == "SKIPPED"


def test_join_all_needs_every_edge_live():
    """semantic 2: join all needs all of them live."""
    play = Play(dag("a > c, b > c", c={"join": "all"}))
    play.complete("a")
    assert play.status("c") == "PENDING"
    play.complete("b")
    assert play.status("c") == "RUNNING"


def test_join_all_is_skipped_at_the_first_dead_edge():
    """semantic 2: join all can no longer start once one edge is dead, whatever the others do."""
    play = Play(dag("a.failure > c > d, b > c", c={"join": "all"}))
    play.complete("a")
    assert play.statuses == "a:COMPLETED c:SKIPPED d:SKIPPED b:RUNNING"
    assert kinds(play.complete("b")) == ["step_completed b", "run_completed"]


def test_join_first_starts_at_the_first_live_edge_and_only_once():
    """semantic 2: join first starts at the first live edge and later ones are ignored."""
    play = Play(dag("a > c, b > c", c={"join": "first"}))
    play.complete("a")
    assert play.status("c") == "RUNNING"
    play.complete("c")
    play.complete("b")
    assert play.started() == ["a", "b", "c"]
    assert play.state.status == "COMPLETED"


def test_join_first_lets_dead_edges_pass():
    """semantic 2: join first is not stopped by a dead edge, and SKIPPED when all are dead."""
    play = Play(
        dag("a.failure > c, b > c, a.failure > d, b.failure > d", c={"join": "first"}, d={"join": "first"})
    )
    play.complete("a")
    assert (play.status("c"), play.status("d")) == ("PENDING", "PENDING")
    play.complete("b")
    assert (play.status("c"), play.status("d")) == ("RUNNING", "SKIPPED")


@pytest.mark.parametrize(("join", "expected"), [("any", "RUNNING"), ("all", "SKIPPED"), ("first", "RUNNING")])
def test_two_edges_from_one_step_count_one_by_one(join, expected):
    """semantic 1: each edge is resolved for itself, also when two come from the same step."""
    play = Play(dag("a > b, a.failure > b", b={"join": join}))
    play.complete("a")
    assert play.status("b") == expected


def test_only_a_window_of_steps_is_started_at_once():
    play = Play(dag("a, b, c, d"), window=2)
    assert play.statuses == "a:RUNNING b:RUNNING c:PENDING d:PENDING"
    play.complete("a")
    assert play.status("c") == "RUNNING"
    assert list(play.state.ready) == ["d"]


def test_without_a_worker_nothing_starts_until_one_kicks():
    play = Play(dag("a > b"), worker="")
    assert play.statuses == "a:PENDING b:PENDING"
    assert play.state.status == "RUNNING"
    play.worker = "w2"
    assert kinds(play.do(Kick())) == ["step_started a"]
    assert play.state.steps["a"].worker == "w2"
    assert play.do(Kick()) == []


def test_steps_start_in_the_order_in_which_they_became_free():
    play = Play(dag("z, y, z > b, y > a"), window=2)
    play.complete("y")
    play.complete("z")
    assert play.started() == ["z", "y", "a", "b"]
