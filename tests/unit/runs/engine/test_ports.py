"""Semantic 3: how a step's status follows from the port it ends on."""

import pytest

from runs.engine.commands import Complete
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play


def test_ending_on_failure_is_failed_and_keeps_the_output():
    """semantic 3: ending on failure is FAILED, and a validation keeps its output."""
    play = Play(dag("a.failure > b"))
    play.complete("a", "failure", output={"passed": False}, reason="Too long.", line="1 problem")
    step = play.state.steps["a"]
    assert play.statuses == "a:FAILED b:RUNNING"
    assert (step.output, play.error("a")["message"], step.line) == (
        {"passed": False},
        "Too long.",
        "1 problem",
    )


def test_a_failure_without_a_reason_says_so_all_the_same():
    play = Play(dag("a"))
    play.complete("a", "failure")
    assert play.state.error == {"step": "a", "code": "failure", "message": "The step ended on failure."}


@pytest.mark.parametrize("port", ["success", "a", "else"])
def test_ending_on_any_other_port_is_completed(port):
    """semantic 3: ending on any other port is COMPLETED."""
    play = Play(dag("a", a={"type": "condition"}))
    play.complete("a", port)
    assert play.status("a") == "COMPLETED"


def test_a_condition_takes_several_ports():
    """semantic 3: with mode all a condition takes every true case."""
    play = Play(dag("a.a > b, a.b > c, a.else > d", a={"type": "condition"}))
    play.complete("a", "a", "b", output={"ports": ["a", "b"]})
    assert play.statuses == "a:COMPLETED b:RUNNING c:RUNNING d:SKIPPED"


def test_a_condition_port_without_an_edge_is_no_failure():
    """semantic 3: a condition port without an edge is no failure."""
    play = Play(dag("a.a > b", a={"type": "condition"}))
    play.complete("a", "else")
    assert play.statuses == "a:COMPLETED b:SKIPPED"
    assert play.state.status == "COMPLETED"


def test_a_result_is_kept_with_what_it_used():
    play = Play(dag("a > b"))
    used = {"usage": {"input_tokens": 7, "output_tokens": 5, "requests": 1}, "cost": 0.25}
    play.complete("a", output={"text": "x"}, citations=[{"document": "d"}], line="1 passage", **used)
    step = play.state.steps["a"]
    assert (step.output, step.citations, step.line) == ({"text": "x"}, [{"document": "d"}], "1 passage")
    assert (step.usage, step.cost) == (used["usage"], 0.25)
    assert (play.state.tokens, play.state.cost) == (12, 0.25)


def test_a_large_output_is_referred_to():
    play = Play(dag("a"))
    play.complete("a", payload={"sha256": "ab", "size": 70_000})
    step = play.state.steps["a"]
    assert (step.output, step.payload) == (None, {"sha256": "ab", "size": 70_000})
    assert "output" not in play.journal[-1][2][0]["data"]


def test_a_large_output_is_kept_by_a_failure_too():
    """semantic 3: a validation keeps its output."""
    play = Play(dag("a"))
    play.complete("a", "failure", payload={"sha256": "ab", "size": 70_000})
    assert play.state.steps["a"].payload == {"sha256": "ab", "size": 70_000}
    assert "output" not in play.journal[-1][2][0]["data"]


def test_what_a_step_did_not_use_is_not_written_down():
    play = Play(dag("a"))
    play.complete("a")
    assert play.journal[-1][2][0]["data"] == {"ports": ["success"], "output": None}


def test_a_duplicate_delivery_says_nothing():
    play = Play(dag("a > b"))
    report = Complete("a", 1, 1, ("success",), {"x": 1})
    assert play.do(report)
    assert play.do(report) == []


def test_a_report_of_a_step_that_the_run_does_not_have_says_nothing():
    play = Play(dag("a"))
    assert play.do(Complete("nobody", 1, 1)) == []
