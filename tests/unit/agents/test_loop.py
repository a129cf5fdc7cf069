"""The background loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from agents import loop


def run(work):
    ended = threading.Event()
    job = loop.Job(work, ended.set)
    assert ended.wait(10)
    return job.result()


async def where():
    return threading.current_thread().name


def test_work_runs_in_the_loops_thread_and_its_result_comes_back():
    assert run(where()) == "llm-loop"


def test_an_error_comes_back_too():
    async def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(fail())


def test_all_threads_share_one_loop():
    async def me():
        return id(asyncio.get_running_loop())

    found = []
    threads = [threading.Thread(target=lambda: found.append(run(me()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_cancelled_job_ends_inside_too():
    began, ended, cleaned = threading.Event(), threading.Event(), threading.Event()

    async def forever():
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    job = loop.Job(forever(), ended.set)
    assert began.wait(10)
    job.cancel()
    assert ended.wait(10)
    assert cleaned.wait(10)
    with pytest.raises(CancelledError):
        job.result()


def test_what_is_kept_is_made_once_and_closed_at_the_end():
    made, closed = [], []

    class Thing:
        async def close(self):
            closed.append(self)

    def make():
        made.append(Thing())
        return made[-1]

    kept = [loop.kept("thing", make, close=lambda thing: thing.close) for _ in range(3)]
    assert kept == made * 3
    loop.shut_down()
    assert closed == made
    assert loop.kept("thing", make) is not made[0]
    loop.shut_down()


def test_shutting_down_cancels_what_still_runs():
    began, ended = threading.Event(), threading.Event()

    async def forever():
        began.set()
        await asyncio.Event().wait()

    job = loop.Job(forever(), ended.set)
    assert began.wait(10)
    loop.shut_down()
    assert ended.wait(10)
    with pytest.raises(CancelledError):
        job.result()
    assert run(where()) == "llm-loop"
