"""One suite for every executor, and what only threads can show."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import pytest

from runs.executors.base import Assignment, Token
from runs.executors.memory import MemoryExecutor
from runs.executors.threads import ThreadExecutor
from tests.integration.runs.conftest import until

RUN = uuid4()


def task(name, attempt=1):
    return Assignment(RUN, name, 1, attempt)


class Harness:
    """An executor whose work the test describes by step name."""

    def __init__(self, kind):
        self.done, self.frees, self.late = [], {}, []
        self.gate = threading.Event()
        if kind == "memory":
            self.executor = MemoryExecutor(self.work, self.owner)
        else:
            self.executor = ThreadExecutor(self.work, self.late.append, 2, self.owner)
            self.executor.start()

    def owner(self, assignment):
        return "ben" if assignment.step.startswith("bens") else "ann"

    def work(self, assignment, token):
        if assignment.step.startswith("block"):
            token.deadline = time.monotonic() + 0.05 if assignment.step == "block-late" else None
            self.gate.wait(10)
        if not token.cancelled:
            self.done.append(assignment.step)
        if assignment.step == "breaks":
            raise RuntimeError("outside the step")
        return self.frees.get(assignment.step, [])

    def settle(self):
        if isinstance(self.executor, MemoryExecutor):
            self.executor.drain()
        else:
            until(lambda: not self.executor.held())


@pytest.fixture(params=["memory", "threads"])
def harness(request):
    made = Harness(request.param)
    yield made
    made.gate.set()
    made.executor.stop(5)


def test_each_assignment_runs_once(harness):
    harness.executor.submit([task("a"), task("b")])
    harness.settle()
    assert sorted(harness.done) == ["a", "b"]


def test_an_assignment_that_is_here_already_is_not_taken_twice(harness):
    harness.gate.set()
    harness.executor.submit([task("a"), task("a"), task("a", attempt=2)])
    harness.settle()
    assert harness.done == ["a", "a"]


def test_what_a_step_frees_runs_too(harness):
    harness.frees = {"a": [task("b"), task("c")], "b": [task("d")]}
    harness.executor.submit([task("a")])
    harness.settle()
    assert sorted(harness.done) == ["a", "b", "c", "d"]


def test_a_thousand_items_of_one_person_do_not_keep_anothers_single_step_waiting(harness):
    harness.executor.submit([task("block-1"), task("block-2")])  # so that threads are busy meanwhile
    items = [Assignment(RUN, "m", 1, 1, f"item:{index}:1") for index in range(1000)]
    harness.executor.submit(items)
    harness.executor.submit([Assignment(uuid4(), "bens", 1, 1)])
    harness.gate.set()
    harness.settle()
    assert len(harness.done) == 1003
    assert harness.done.index("bens") < 6


def test_it_knows_what_it_holds(harness):
    assert harness.executor.held() == []
    harness.executor.submit([task("block")])
    assert harness.executor.holds(task("block"))
    assert harness.executor.held() == [task("block")]
    harness.gate.set()
    harness.settle()
    assert not harness.executor.holds(task("block"))


def test_cancel_reaches_what_waits(harness):
    harness.executor.submit([task("block-1"), task("block-2"), task("a")])
    harness.executor.cancel(task("a"))
    harness.executor.cancel(task("unknown"))
    harness.gate.set()
    harness.settle()
    assert sorted(harness.done) == ["block-1", "block-2"]


def test_after_stop_nothing_begins_and_what_was_left_is_reported(harness):
    harness.executor.submit([task("block-1"), task("block-2"), task("a")])
    left = harness.executor.stop(0.05)
    assert task("a") in left
    harness.executor.submit([task("b")])
    harness.gate.set()
    assert not harness.executor.holds(task("b"))
    assert "a" not in harness.done


def test_work_that_raises_does_not_end_the_threads(caplog):
    harness = Harness("threads")
    with caplog.at_level("CRITICAL"):
        harness.executor.submit([task("breaks", number) for number in range(5)])
        harness.executor.submit([task("a")])
        until(lambda: "a" in harness.done)
    assert harness.executor.stop(5) == []


def test_a_stuck_thread_is_replaced_counted_and_ends_when_it_returns():
    harness = Harness("threads")
    harness.executor.submit([task("block-late", number) for number in range(2)])
    until(lambda: len(harness.late) == 2)
    assert set(harness.late) == {task("block-late", 0), task("block-late", 1)}
    assert harness.executor.stuck == 2
    harness.executor.submit([task("a")])
    until(lambda: "a" in harness.done)
    harness.gate.set()
    until(lambda: harness.executor.stuck == 0)
    assert harness.executor.replaced == 2
    until(lambda: len(harness.executor._threads) == 2)
    assert harness.executor.stop(5) == []


def test_a_long_chain_does_not_starve_what_waits():
    harness = Harness("threads")
    harness.frees = {f"s{number}": [task(f"s{number + 1}")] for number in range(200)}
    harness.frees |= {f"t{number}": [task(f"t{number + 1}")] for number in range(200)}
    harness.executor.submit([task("s0"), task("t0"), task("short")])
    until(lambda: not harness.executor.held())
    assert harness.done.index("short") < 100
    harness.executor.stop(5)


def test_a_thousand_steps_of_one_person_do_not_starve_anothers_single_step():
    mine, yours = uuid4(), uuid4()
    gate, done = threading.Event(), []

    def work(assignment, token):
        gate.wait(10)
        done.append(assignment.step)
        return []

    executor = ThreadExecutor(work, lambda late: None, 2, lambda one: str(one.run_id))
    executor.start()
    executor.submit([Assignment(mine, f"item-{number}", 1, 1) for number in range(1000)])
    executor.submit([Assignment(yours, "single", 1, 1)])
    gate.set()
    until(lambda: not executor.held(), timeout_s=30)
    assert done.index("single") < 10
    assert len(done) == 1001
    assert executor.stop(5) == []


def test_a_token_calls_back_at_once_or_when_it_is_cancelled():
    token, heard = Token(), []
    token.on_cancel(lambda: heard.append("first"))
    token.on_cancel(lambda: 1 / 0)
    token.on_cancel(lambda: heard.append("second"))
    assert [type(error) for error in token.cancel()] == [ZeroDivisionError]
    token.on_cancel(lambda: heard.append("late"))
    assert token.cancel() == []
    assert heard == ["first", "second", "late"]
