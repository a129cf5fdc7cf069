"""A map's items: they start as there is room, end, are tried again, and run again after a crash."""

# mypy: disable-error-code="call-arg,misc"

from typing import Any

from builder.graph import Graph
from runs.engine.commands import Due, ItemDone, ItemFail, ItemInterrupt, Kick, Listed
from runs.engine.flight import in_flight
from runs.engine.items import ItemState, MapState
from runs.engine.maps import MOST_BYTES
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play, kinds


def graph(text: str = "m > z", **options: Any) -> Graph:
    return dag(text, m={"type": "map", **options})


def listed(play: Play, count: int, *, concurrency: int = 2, skip: bool = False, digest: str = "d") -> list:
    return play.do(Listed(*play.now_at("m"), count, digest, concurrency, skip, list(range(count))))


def at(play: Play, index: int) -> Any:
    return (*play.now_at("m"), index, play.state.maps["m"].items[index].attempt)


def done(play: Play, index: int, **more: Any) -> list:
    return play.do(ItemDone(*at(play, index), output=index, **more))


def failed(play: Play, index: int, *, retryable: bool = False, code: str = "boom") -> list:
    return play.do(ItemFail(*at(play, index), {"code": code, "message": "no", "retryable": retryable}))


def running(play: Play) -> list[int]:
    return list(play.state.maps["m"].running)


def test_the_concurrency_bounds_the_items_and_the_results_are_put_together_once():
    play = Play(graph())
    assert kinds(listed(play, 3)) == ["items_listed m", "item_started m"]
    assert running(play) == [0, 1]
    assert kinds(done(play, 1, usage={"input_tokens": 2}, cost=1.0)) == ["item_completed m", "item_started m"]
    done(play, 0)
    assert kinds(done(play, 2, usage={"input_tokens": 3})) == ["item_completed m", "items_finished m"]
    assert list(in_flight(play.state, "w1")) == [("m", 1, 1, "gather")]
    play.complete("m", output={"results": [0, 1, 2]})
    assert play.statuses == "m:COMPLETED z:RUNNING"
    assert (play.state.tokens, play.state.steps["m"].cost) == (5, 1.0)


def test_the_window_of_the_run_bounds_items_and_steps_together():
    play = Play(graph("m > z, b, c"), window=4)
    listed(play, 9, concurrency=9)
    assert running(play) == [0, 1]  # beside the steps b and c
    play.complete("b")
    assert running(play) == [0, 1, 2]


def test_items_are_tried_again_after_their_pause_and_the_map_waits_meanwhile():
    """semantic 4: retries come first, item by item."""
    play = Play(graph(retry={"max_attempts": 2, "delay_s": 5}))
    listed(play, 2)
    failed(play, 0, retryable=True)
    assert play.status("m") == "RUNNING"
    failed(play, 1, retryable=True)
    assert (play.status("m"), play.state.status) == ("WAITING", "WAITING")
    assert play.due("m", "items") == []  # early
    play.wait(6)
    assert kinds(play.due("m", "items")) == ["item_queued m", "item_started m"]
    failed(play, 0, retryable=True)
    assert play.error("m")["message"] == "Item 0 failed: no"
    assert play.do(Due("m", 1, 1, "items")) == []


def test_an_item_that_fails_for_good_fails_the_map_and_gives_up_the_others():
    play = Play(graph())
    listed(play, 4)
    late = at(play, 1)
    said = failed(play, 0, code="timeout")
    assert kinds(said) == ["item_failed m", "step_failed m", "run_failed"]
    ignored = play.do(ItemDone(*late, output=1, cost=2.0, usage={"input_tokens": 1}))
    assert kinds(ignored) == ["late_result_ignored m"]
    assert play.do(ItemDone(*late, output=1)) == []
    assert (play.state.cost, play.state.tokens) == (2.0, 1)
    assert kinds(play.do(ItemFail("m", 1, 1, 0, 1, {"code": "x"}))) == ["late_result_ignored m"]


def test_skipped_items_fail_and_the_map_completes():
    play = Play(graph())
    listed(play, 2, skip=True)
    failed(play, 0)
    assert kinds(done(play, 1)) == ["item_completed m", "items_finished m"]
    play.interrupt("m")
    assert kinds(listed(play, 2, skip=True)) == ["items_listed m", "items_finished m"]  # nothing runs again
    play.complete("m")
    assert play.status("m") == "COMPLETED"


def test_a_retried_map_keeps_what_has_completed_unless_its_items_differ():
    """semantic 5: FAILED goes back to PENDING in the same epoch."""
    for digest, again in (("d", [1, 2]), ("other", [0, 1])):
        play = Play(graph())
        listed(play, 3)
        done(play, 0)
        failed(play, 1)
        play.retry()
        listed(play, 3, digest=digest)
        assert running(play) == again


def test_items_of_a_lost_worker_start_again_and_the_tenth_loss_fails():
    play = Play(graph())
    listed(play, 1)
    assert list(in_flight(play.state, "w1")) == [("m", 1, 1, "item:0:1")]
    assert list(in_flight(play.state, "w2")) == []
    late = at(play, 0)
    for _ in range(9):
        assert kinds(play.do(ItemInterrupt(*at(play, 0), "w1"))) == ["item_interrupted m", "item_started m"]
    assert play.do(ItemInterrupt(*late, "w1")) == []
    assert "step_failed m" in kinds(play.do(ItemInterrupt(*at(play, 0), "w1")))
    assert play.error("m")["code"] == "interrupted"


def test_the_tenth_loss_of_a_skipped_item_leaves_a_null():
    play = Play(graph())
    listed(play, 1, skip=True)
    for _ in range(10):
        play.do(ItemInterrupt(*at(play, 0), "w1"))
    assert play.state.maps["m"].finishing


def test_what_is_said_of_the_step_itself_counts_for_nothing_while_its_items_run():
    play = Play(graph())
    listed(play, 3)
    assert play.complete("m") == []
    assert play.interrupt("m") == []
    assert listed(play, 3) == []
    assert play.do(ItemDone("nobody", 1, 1, 0, 1)) == []
    assert play.do(ItemDone("z", 1, 1, 0, 1)) == []
    assert play.do(ItemDone("m", 1, 1, 99, 1)) == []
    assert play.do(ItemDone("m", 1, 9, 0, 1)) == []


def test_without_a_worker_nothing_starts_until_one_asks():
    play = Play(graph())
    play.worker = ""
    listed(play, 1)
    assert running(play) == []
    play.worker = "w2"
    assert kinds(play.do(Kick())) == ["item_started m"]
    play.worker = ""
    assert kinds(done(play, 0)) == ["item_completed m"]


def test_results_over_ten_mebibytes_fail_the_map_early():
    play = Play(graph())
    listed(play, 5)
    done(play, 0, size=MOST_BYTES)
    done(play, 1, size=1)
    assert play.error("m")["code"] == "output_too_large"


def test_in_a_run_that_fails_the_items_that_run_end_and_no_other_starts():
    """semantic 5."""
    play = Play(graph("m > z, b"))
    listed(play, 5, concurrency=1)
    play.fail("b")
    assert play.state.status == "RUNNING"
    done(play, 0)
    assert (play.statuses, str(play.state.status)) == ("m:CANCELLED z:PENDING b:FAILED", "FAILED")


def test_in_a_run_that_fails_a_map_whose_items_have_all_ended_completes():
    """semantic 5: running steps end; with a worker at once, without one when there is one again."""
    for worker in ("w1", ""):
        play = Play(graph("m > z, b"))
        listed(play, 1)
        play.fail("b")
        play.worker = worker
        assert ("items_finished m" in kinds(done(play, 0))) == bool(worker)


def test_a_rollback_waits_for_the_items_that_run():
    """semantic 6: their ends are kept in the journal, and with the last of them the step has stopped."""
    play = Play(graph("a > m"))
    play.complete("a")
    listed(play, 5)
    assert kinds(play.roll_back("a")) == ["rollback_started"]
    assert kinds(failed(play, 0, retryable=True)) == ["item_failed m"]
    assert "step_cancelled m" in kinds(done(play, 1, size=MOST_BYTES + 1))
    assert (play.now_at("m"), play.state.maps) == (("m", 2, 0), {})


def test_a_rollback_stops_a_map_of_which_nothing_runs():
    """semantic 6."""
    play = Play(graph("a > m"))
    play.complete("a")
    play.worker = ""
    listed(play, 2)
    assert kinds(play.roll_back("a"))[:2] == ["rollback_started", "step_cancelled m"]


def test_a_map_that_fails_gives_up_the_items_that_pause_too():
    """semantic 4: the map has failed for good, so none of its items has another attempt."""
    play = Play(graph(retry={"max_attempts": 2, "delay_s": 60}))
    listed(play, 3)
    failed(play, 0, retryable=True)
    failed(play, 1)
    assert play.state.steps["m"].status == "FAILED"
    assert {index: str(item.status) for index, item in play.state.maps["m"].items.items()} == {
        0: "CANCELLED", 1: "FAILED", 2: "CANCELLED",
    }  # fmt: skip


def test_items_that_had_begun_come_first_and_no_more_than_there_is_room_for():
    found = MapState(1, 5, "d", 5, skip=False, next=1)
    found.items = {0: ItemState(attempt=1), 2: ItemState(attempt=2), 3: ItemState(attempt=1)}
    found.queue = {2: None, 3: None}
    assert found.pick(1) == [{"index": 2, "attempt": 3}]
    assert found.pick(9) == [
        {"index": 2, "attempt": 3}, {"index": 3, "attempt": 2}, {"index": 1, "attempt": 1},
        {"index": 4, "attempt": 1},
    ]  # fmt: skip
