"""Refusals and reasons are sentences that people read: what, where, and what to do. Word for word."""

import pytest

from orchestrator.errors import Conflict, Invalid
from runs.engine.commands import (
    Cancel,
    Fail,
    ItemDone,
    Listed,
    Resolve,
    Start,
    UndoFailed,
    UndoInterrupted,
    Undone,
)
from runs.engine.decide import consider, decide
from runs.engine.state import new_state
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import BEGIN, Play

UNDO = {"compensate": {"type": "task"}}
ERROR = {"code": "boom", "message": "The bank is closed.", "retryable": False}


def job(play: Play) -> tuple[str, int, int]:
    (key, epoch), found = next(iter(play.state.undo.items()))
    return key, epoch, found["attempt"]


def rolling_back() -> Play:
    """a is being undone, after b and c were; q waits."""
    play = Play(dag("a > b > c, q", a=UNDO, b=UNDO, c=UNDO, q={"type": "approval"}))
    play.ask("q")
    for key in "abc":
        play.complete(key)
    play.roll_back("a")
    play.do(Undone(*job(play)))
    play.do(Undone(*job(play)))
    return play


def stuck() -> Play:
    play = rolling_back()
    play.do(UndoFailed(*job(play), ERROR))
    return play


def given_up() -> Play:
    play = stuck()
    play.do(Resolve("a", "give_up", "mary", "enough"))
    return play


def unstarted() -> Play:
    return Play(dag("a > b"), start=False)


def completed() -> Play:
    play = Play(dag("a"))
    play.complete("a")
    return play


def rolled_back() -> Play:
    play = completed()
    play.roll_back(None)
    return play


def failed() -> Play:
    play = Play(dag("a > b, c"))
    play.complete("c")
    play.fail("a")
    return play


REFUSALS = [
    (rolling_back, "cancel", (), "rolling_back",
     "The run is being rolled back; it can be cancelled after that."),
    (completed, "cancel", (), "not_running", "The run is COMPLETED already."),
    (rolling_back, "retry", (), "rolling_back", "The run is being rolled back."),
    (completed, "retry", (), "not_failed",
     "The run is COMPLETED; one that has failed or was cancelled can be tried again."),
    (given_up, "retry", (), "half_undone",
     "What c, b did is undone already; roll back to it, or to a step before it."),
    (failed, "retry", ("x",), "unknown_step", "The run has no such step."),
    (failed, "retry", ("b",), "not_failed", "Step b is PENDING; it has nothing to be tried again."),
    (rolling_back, "roll_back", ("a",), "rolling_back", "The run is being rolled back already."),
    (unstarted, "roll_back", ("a",), "not_running", "The run has not started."),
    (rolled_back, "roll_back", (None,), "not_running", "The whole run is rolled back already."),
    (given_up, "roll_back", ("q",), "half_undone",
     "What c, b did is undone already; roll back to it, or to a step before it."),
    (failed, "roll_back", ("x",), "unknown_step", "The run has no such step."),
    (failed, "roll_back", ("b",), "not_a_checkpoint",
     "Step b is PENDING; a run goes back to a step that has ended."),
]  # fmt: skip


@pytest.mark.parametrize(("prepare", "act", "given", "code", "message"), REFUSALS)
def test_a_refusal_says_why(prepare, act, given, code, message):
    play = prepare()
    with pytest.raises(Conflict) as refusal:
        getattr(play, act)(*given)
    assert (refusal.value.code, refusal.value.message) == (code, message)


@pytest.mark.parametrize(
    ("prepare", "act", "given", "details"),
    [
        (failed, "retry", ("x" * 100,), {"step": "x" * 80}),
        (failed, "retry", ("b",), {"step": "b"}),
        (failed, "roll_back", ("x" * 100,), {"step": "x" * 80}),
        (failed, "roll_back", ("b",), {"step": "b"}),
        (given_up, "retry", (), {"steps": ["c", "b"]}),
        (given_up, "roll_back", ("q",), {"steps": ["c", "b"]}),
    ],
)
def test_a_refusal_names_the_steps(prepare, act, given, details):
    play = prepare()
    with pytest.raises(Conflict) as refusal:
        getattr(play, act)(*given)
    assert refusal.value.details == details


@pytest.mark.parametrize(
    ("command", "kind", "message", "details"),
    [
        (Resolve("a", "pray", "mary"), Invalid, "An action is retry, skip or give_up.", {"field": "action"}),
        (Resolve("b", "skip", "mary", "x"), Conflict, "Undoing this step is not stuck.", {"step": "b"}),
        (Resolve("a", "skip", "mary", " "), Invalid,
         "Say why its effect may stay; the reason is kept in the journal.", {"field": "reason"}),
    ],
)  # fmt: skip
def test_what_cannot_be_resolved_says_why(command, kind, message, details):
    play = stuck()
    with pytest.raises(kind) as refusal:
        play.do(command)
    assert (refusal.value.message, refusal.value.details) == (message, details)


def test_only_what_is_stuck_is_resolved():
    play = rolling_back()
    with pytest.raises(Conflict) as refusal:
        play.do(Resolve("a", "retry", "mary"))
    assert (refusal.value.code, refusal.value.details) == ("not_stuck", {"step": "a"})


@pytest.mark.parametrize("action", ["retry", "skip"])
def test_who_resolved_it_and_why_is_kept(action):
    """semantic 6."""
    said = stuck().do(Resolve("a", action, "mary", "by hand"))
    assert (said[0]["step"], said[0]["epoch"], said[0]["attempt"]) == ("a", 1, 1)
    assert said[0]["data"] == {"by": "mary", "reason": "by hand"}


def test_a_rollback_that_is_given_up_says_where_and_what_is_left():
    """semantic 6: the run has failed, with what remains listed; what went on elsewhere stops."""
    play = stuck()
    said = play.do(Resolve("a", "give_up", "mary", "enough"))
    assert [event["kind"] for event in said] == [
        "approval_voided", "step_cancelled", "rollback_given_up", "run_failed",
    ]  # fmt: skip
    assert said[1]["data"] == {"reason": "The rollback was given up."}
    assert said[2]["data"] == {"by": "mary", "reason": "enough", "step": "a", "remaining": ["a"]}
    message = "The rollback was given up at a: The bank is closed. Still to be undone: a."
    assert said[3]["data"]["error"] == {"step": "a", "code": "rollback_given_up", "message": message}


def test_all_that_is_left_is_listed():
    play = Play(dag("a > b > c", a=UNDO, b=UNDO, c=UNDO))
    for key in "abc":
        play.complete(key)
    play.roll_back("a")
    play.do(UndoFailed(*job(play), {"code": "boom"}))
    said = play.do(Resolve("c", "give_up", "mary"))
    message = "The rollback was given up at c:  Still to be undone: c, b, a."
    assert said[-1]["data"]["error"]["message"] == message


def test_a_compensation_whose_workers_are_lost_says_so():
    """semantic 6: the tenth time in a row a person has to look."""
    play = rolling_back()
    for _ in range(9):
        said = play.do(UndoInterrupted(*job(play), "w1"))
        assert said[0]["data"] == {"worker": "w1"}
    said = play.do(UndoInterrupted(*job(play), "w1"))
    message = "Its worker was lost 10 times in a row."
    assert said[0]["data"] == {"error": {"code": "interrupted", "message": message, "retryable": False}}


def test_who_had_it_tried_again_and_what_is_kept():
    """semantic 5."""
    assert failed().retry()[0]["data"] == {"by": "mary", "steps": ["a"]}
    assert failed().retry("a", "a")[0]["data"] == {"by": "mary", "steps": ["a"]}


def test_a_map_that_stops_with_its_run_says_so():
    """semantic 5: its items that run end, and no other starts."""
    play = Play(dag("m, b", m={"type": "map"}))
    play.do(Listed(*play.now_at("m"), 2, "digest", 1, items=[0, 1]))
    play.fail("b")
    said = play.do(ItemDone(*play.now_at("m"), 0, 1))
    assert [(event["kind"], event["data"].get("reason")) for event in said][1] == (
        "step_cancelled",
        "The run failed.",
    )


def test_a_cancelled_run_says_by_whom_and_stops_what_is_under_way():
    """semantic 5: also one that has not started."""
    play = Play(dag("a, q", q={"type": "approval"}))
    play.ask("q")
    said = play.cancel()
    assert [(event["kind"], event["data"].get("reason")) for event in said] == [
        ("step_cancelled", "The run was cancelled."),
        ("approval_voided", "The run was cancelled."),
        ("step_cancelled", "The run was cancelled."),
        ("run_cancelled", "enough"),
    ]
    assert said[-1]["data"]["by"] == "mary"
    early = unstarted()
    assert early.do(Cancel("mary", "no"))[-1]["data"] == {"by": "mary", "reason": "no"}
    assert early.do(Start({}, {}, 1)) == []


def test_a_rollback_says_who_wanted_it_or_which_failure_did():
    """semantics 6 and 7."""
    play = Play(dag("a > q", q={"type": "approval"}))
    play.complete("a")
    play.ask("q")
    said = play.roll_back("a", "wrong")
    told = {"to": "a", "by": "mary", "reason": "wrong", "automatic": False, "count": 1, "steps": ["q", "a"]}
    assert said[0]["data"] == told
    assert [event["data"]["reason"] for event in said[1:3]] == ["The run is rolled back."] * 2
    itself = Play(dag("a > b", b={"on_failure": {"action": "rollback", "to": "a"}}))
    itself.complete("a")
    said = itself.do(Fail(*itself.now_at("b"), {"code": "boom"}))
    cause = {"by": None, "reason": "", "automatic": True, "cause": "b", "steps": ["b", "a"]}
    assert said[1]["data"] == {**told, **cause}


def test_only_a_policy_that_says_rollback_goes_back():
    """semantic 4: a target that was left there from before means nothing."""
    play = Play(dag("a > b", b={"on_failure": {"action": "fail", "to": "a"}}))
    play.complete("a")
    assert [event["kind"] for event in play.fail("b")] == ["step_failed", "run_failed"]


def test_who_names_no_worker_starts_nothing():
    """Pages and commands decide too, and execute nothing."""
    graph = dag("a")
    said = decide(graph, new_state(graph), Start({}, {}, 1), BEGIN)
    assert [event["kind"] for event in said] == ["run_started"]


def test_deciding_is_considering_with_all_that_bounds_it():
    """Who starts, how much at once, and what a limit holds back."""
    graph = dag("a, b, c, d")
    assert len(consider(graph, new_state(graph), Start({}, {}, 1), BEGIN).events) == 1
    said = decide(graph, new_state(graph), Start({}, {}, 1), BEGIN, "w", 2, {"a"})
    assert [(event["step"], event["data"]["worker"]) for event in said[1:]] == [("b", "w"), ("c", "w")]
