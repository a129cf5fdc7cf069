"""Semantic 8: a run from a checkpoint of another one takes over what is outside of it, and runs the rest."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import Conflict
from runs.engine.commands import Complete, Fork, Reuse, Undone
from runs.engine.decide import decide
from runs.engine.fork import Branch, branch
from runs.engine.state import fold, new_state, replay
from runs.engine.states import CHECKPOINTS, IllegalTransition
from runs.engine.takeover import is_reused, is_taken_over
from tests.unit.runs.engine.dags import dag, random_dag
from tests.unit.runs.engine.play import Play, kinds
from tests.unit.runs.engine.simulation import World


def forked(play: Play, start: str, target=None, **more) -> Play:
    """A run forked from ``play``, begun."""
    found = branch(play.graph, play.state, target or play.graph, start, 2)
    return begin(found, target or play.graph, **more)


def begin(found: Branch, graph, **more) -> Play:
    play = Play(graph, start=False, **more)
    said = {"run": "r", "number": 1, "version": 1, "from": found.start, "steps": found.taken}
    play.do(Fork({}, {"id": "1", "username": "mary"}, 2, {**said, "results": found.results}))
    return play


def finished(text: str, **options) -> Play:
    play = Play(dag(text, **options))
    while play.state.running:
        key = next(iter(play.state.running))
        play.complete(key, output={"of": key}, usage={"input_tokens": 5}, cost=1.0, line=f"did {key}")
    return play


def test_a_fork_takes_over_what_is_outside_and_runs_the_step_and_its_descendants():
    """semantic 8: outputs are there, nothing is paid again, and the steps never started here."""
    source = finished("a > b > c > d, a > x")
    fork = forked(source, "c")
    assert fork.statuses == "a:COMPLETED b:COMPLETED c:RUNNING d:PENDING x:COMPLETED"
    assert kinds(fork.journal[0][2]) == ["run_started", "run_forked", "step_started c"]
    taken = fork.state.steps["b"]
    assert (taken.output, taken.line, taken.attempt, taken.epoch, taken.cost) == (
        {"of": "b"}, "did b", 0, 1, 0.0,
    )  # fmt: skip
    assert [key for key, step in fork.state.steps.items() if is_taken_over(step)] == ["a", "b", "x"]
    assert (fork.state.tokens, fork.state.cost) == (0, 0.0)
    fork.complete("c")
    fork.complete("d")
    assert fork.state.status == "COMPLETED"
    assert fork.started() == ["c", "d"]
    assert replay(fork.graph, fork.journal) == fork.state


def test_a_second_opening_says_nothing():
    fork = forked(finished("a > b"), "b")
    assert fork.do(Fork({}, {}, 2, {})) == []


def test_what_had_not_ended_in_the_source_runs_in_the_fork_too():
    """semantic 8: a branch that still ran, was stopped, or failed with nobody to handle it."""
    source = Play(dag("a > b, a > run, a > bad > never"))
    source.complete("a")
    source.complete("b")
    source.fail("bad")
    found = branch(source.graph, source.state, source.graph, "b")
    assert (list(found.taken), found.again, found.also) == (["a"], ("b",), ("run", "bad", "never"))
    assert forked(source, "b").statuses == "a:COMPLETED b:RUNNING run:RUNNING bad:RUNNING never:PENDING"


def test_skips_and_handled_failures_are_taken_over_with_the_way_they_took():
    source = Play(dag("a > no, a.failure > mend > z"))
    source.fail("a", "broken")
    source.complete("mend")
    source.complete("z")
    fork = forked(source, "z")
    assert fork.statuses == "a:FAILED no:SKIPPED mend:COMPLETED z:RUNNING"
    assert fork.error("a")["message"] == "broken"
    fork.complete("z")
    assert fork.state.status == "COMPLETED"


def test_a_rollback_in_a_fork_undoes_nothing_of_what_was_taken_over_and_then_runs_it_here():
    """semantic 8: effects taken over belong to the source run."""
    fork = forked(finished("a > b > c"), "c")
    fork.complete("c")
    plan = fork.preview("a", effect_of=lambda spec: "irreversible")
    assert plan["cannot"] == ["c"]
    assert {one["step"]: one["what"] for one in plan["steps"]} == {"c": "undo", "a": "reset", "b": "reset"}
    fork.roll_back("a")
    assert fork.statuses == "a:RUNNING b:PENDING c:PENDING"
    assert not is_taken_over(fork.state.steps["a"])
    assert fork.state.steps["a"].epoch == 2


def test_a_rollback_in_a_fork_compensates_only_what_ran_in_it():
    """semantic 8: effects taken over belong to the source run, also where the whole run is undone."""
    undo = {"compensate": {"type": "task"}}
    fork = forked(finished("a > b > c", a=undo, b=undo, c=undo), "c")
    fork.complete("c")
    for to in ("a", "b", None):
        assert fork.preview(to)["compensates"] == ["c"]
    assert kinds(fork.roll_back(None)) == ["rollback_started", "compensation_started c"]
    fork.do(Undone("c", 1, 1))
    assert (fork.state.status, list(fork.state.undone)) == ("ROLLED_BACK", [("c", 1)])


def test_a_rollback_to_a_step_that_was_taken_over_runs_it_here_and_then_it_is_undone_here():
    """semantic 8: its next epoch is the fork's own."""
    undo = {"compensate": {"type": "task"}}
    fork = forked(finished("a > b", a=undo), "b")
    fork.complete("b")
    assert "compensation_started a" not in kinds(fork.roll_back("a"))
    fork.complete("a")
    assert fork.preview("a")["compensates"] == ["a"]


@pytest.mark.parametrize(("start", "code"), [("z", "unknown_step"), ("b", "not_a_checkpoint")])
def test_a_fork_starts_at_a_step_that_has_ended(start, code):
    source = Play(dag("a > b"))
    with pytest.raises(Conflict) as refused:
        branch(source.graph, source.state, source.graph, start)
    assert refused.value.code == code


def test_what_is_being_undone_is_not_taken_over():
    source = Play(dag("a > b > c, a > d"))
    for key in ("a", "b", "d"):
        source.complete(key)
    source.roll_back("b")
    assert source.state.status == "ROLLING_BACK"
    assert branch(source.graph, source.state, source.graph, "d").also == ("b", "c")


@pytest.mark.parametrize(
    ("now", "options", "step", "why"),
    [
        ("a > b, n > x > c, b > c", {}, "n", "it is new"),
        ("a > x, b > c", {"a": {"type": "delay"}}, "a", "type was task"),
        ("a > b, x > c, b > c", {"b": {"join": "all"}}, "b", "join was any"),
        ("a, b > c", {}, "b", r"the edge to it from a \(success\) is gone"),
        ("a > b > x, a.failure > b, b > c", {}, "b", r"from a \(failure\) is new"),
        ("a > b > x", {}, "c", "the step is not there"),
        ("a > b, b.failure > c", {}, "c", "no edge leads to it"),
    ],
)
def test_another_version_is_refused_where_it_does_not_fit(now, options, step, why):
    """semantic 8: outside of the step and its descendants it is drawn as it was."""
    source = finished("a > b > c")
    with pytest.raises(Conflict, match=why) as refused:
        branch(source.graph, source.state, dag(now, **options), "c", 2)
    assert (refused.value.code, refused.value.details["step"]) == ("does_not_fit", step)


def test_a_version_fits_that_changes_what_comes_after_and_settings_before():
    source = finished("a > b > c > d")
    target = dag("a > b > c > new, c > e", a={"config": {"x": 1}})
    fork = forked(source, "c", target)
    fork.complete("c")
    assert fork.statuses == "a:COMPLETED b:COMPLETED c:COMPLETED new:RUNNING e:RUNNING"


def test_a_version_fits_beside_a_branch_that_has_not_ended():
    """semantic 8: what still runs in the source has no way on yet that the version could lack."""
    source = Play(dag("a > b, x"))
    source.complete("a")
    source.complete("b")
    fork = forked(source, "b", dag("a > b > new, x"))
    assert fork.statuses == "a:COMPLETED b:RUNNING new:PENDING x:RUNNING"


def test_a_large_output_is_taken_over_by_reference():
    """semantic 8: the value stays where it is stored, and the journal names it."""
    source = Play(dag("a > b"))
    large = {"sha256": "f" * 64, "size": 20_000}
    source.complete("a", payload=large)
    source.complete("b")
    fork = forked(source, "b")
    assert (fork.state.steps["a"].output, fork.state.steps["a"].payload) == (None, large)
    assert replay(fork.graph, fork.journal) == fork.state


def test_other_ports_do_not_fit():
    from builder.graph import build

    ports = {"one": ("success", "failure"), "two": ("success",)}
    made = {
        kind: build(
            {"steps": [{"key": "a", "type": "t", "config": {"is": kind}}, {"key": "b", "type": "t"}],
             "edges": [{"source": "a", "target": "b"}]},
            lambda type_, config: ports[config.get("is", "one")],
        )
        for kind in ports
    }  # fmt: skip
    source = Play(made["one"])
    source.complete("a")
    source.complete("b")
    with pytest.raises(Conflict, match="ports were success, failure"):
        branch(made["one"], source.state, made["two"], "b")


def test_a_failure_whose_way_on_is_gone_does_not_fit():
    source = Play(dag("a > s, a.failure > b"))
    source.fail("a")
    source.complete("b")
    with pytest.raises(Conflict, match="ended on failure") as refused:
        branch(source.graph, source.state, dag("a > s, a > b"), "b", 4)
    assert refused.value.details == {"step": "a", "version": 4, "port": "failure"}


def test_a_failure_that_was_passed_over_needs_a_version_that_does_so_too():
    """semantic 4: ``continue``."""
    source = Play(dag("a > b", a={"on_failure": {"action": "continue"}}))
    source.fail("a")
    source.complete("b")
    assert forked(source, "b").statuses == "a:FAILED b:RUNNING"
    with pytest.raises(Conflict, match="does not go on without it"):
        branch(source.graph, source.state, dag("a > b"), "b")
    same = dag("a > b", a={"on_failure": {"action": "continue"}})
    assert list(branch(source.graph, source.state, same, "b").taken) == ["a"]


def test_a_journal_that_takes_over_what_has_not_ended_is_refused():
    graph = dag("a > b")
    said = [{"kind": "run_forked", "data": {"steps": {"a": {"status": "RUNNING"}}}}]
    with pytest.raises(IllegalTransition, match="PENDING step over as RUNNING"):
        fold(graph, new_state(graph), 1, "2026-01-05T09:00:00.000+00:00", said)


# ------------------------------------------------------------------ results that serve again


def completed_with_hash(play: Play, key: str, mark: str = "h") -> None:
    play.complete(key, hash=mark, output={"of": key}, usage={"input_tokens": 5}, cost=1.0)


def test_an_unchanged_result_is_given_again_after_a_rollback_at_no_cost():
    """semantic 8, re-use of results; the step that was rolled back to runs for real."""
    play = Play(dag("a > b > c"))
    for key in "abc":
        completed_with_hash(play, key)
    play.roll_back("a")
    assert set(play.state.results) == {"b", "c"}
    completed_with_hash(play, "a")
    said = play.do(Reuse(*play.now_at("b"), "h"))
    assert kinds(said)[:2] == ["result_reused b", "step_completed b"]
    assert said[0]["data"] == {"hash": "h", "epoch": 1}
    step = play.state.steps["b"]
    assert (step.output, step.cost, step.usage, step.epoch) == ({"of": "b"}, 0.0, {}, 2)
    assert [is_reused(play.state, key) for key in "abc"] == [False, True, False]
    assert play.state.cost == 4.0
    assert play.do(Reuse("b", 2, 1, "h")) == [], "a duplicate says nothing"
    assert replay(play.graph, play.journal) == play.state


def test_a_result_that_is_not_known_here_is_not_given_again():
    """semantic 8: said by a process whose account has moved on; the step goes on as it was."""
    play = Play(dag("a"))
    assert play.do(Reuse(*play.now_at("a"), "h")) == []
    completed_with_hash(play, "a")
    play.roll_back("a")
    play.state.results["a"] = {"ports": ["success"], "hash": "h", "epoch": 1}
    assert decide(play.graph, play.state, Reuse(*play.now_at("a"), "other"), play.now) == []
    assert play.status("a") == "RUNNING"


def test_a_fork_brings_the_results_of_what_it_executes_but_for_the_step_it_starts_at():
    source = Play(dag("a > b > c"))
    for key in "abc":
        completed_with_hash(source, key)
    fork = forked(source, "b")
    assert set(fork.state.results) == {"c"}
    fork.do(Complete(*fork.now_at("b")))
    fork.do(Reuse(*fork.now_at("c"), "h"))
    assert (fork.state.status, fork.state.cost) == ("COMPLETED", 0.0)
    assert is_reused(fork.state, "c")


# ------------------------------------------------------------------ any history


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_a_fork_from_any_checkpoint_of_any_history_executes_just_what_it_must(random: Random):
    """semantic 8: S, its descendants and what had not ended; the rest is taken over and never starts."""
    graph = random_dag(random, 12)
    world = World(graph, random, chaos=random.choice((5, 30, 80)))
    world.run()
    until = random.randint(1, len(world.journal))
    state = replay(graph, world.journal[:until])
    for start in [key for key, step in state.steps.items() if step.status in CHECKPOINTS]:
        found = branch(graph, state, graph, start)
        below = {key for key in graph.steps if key == start or graph.is_upstream(start, key)}
        assert set(found.again) == below
        assert set(found.taken) | set(found.also) | below == set(graph.steps)
        fork = begin(found, graph, careful=False)
        for _ in range(100):
            if not fork.state.running:
                break
            fork.complete(next(iter(fork.state.running)), "success")
        assert not set(fork.started()) & set(found.taken)
        assert start in fork.started() or found.also
        assert replay(graph, fork.journal) == fork.state
