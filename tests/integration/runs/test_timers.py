"""Timers: they outlive processes, fire once with several of them, and clocks may jump."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import close_old_connections

from runs import timers as module
from runs.dispatch import Runtime
from runs.executors.memory import MemoryExecutor
from runs.journal import append
from runs.models import Timer
from runs.timers import Timers
from tests.integration.runs.conftest import chain, step, until

NAP = chain(step("nap", "sleeps", seconds=3600), step("after"))


class Clock(datetime):
    """The clock of this machine, which a test sets."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + cls.ahead


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(Clock, "ahead", timedelta())
    monkeypatch.setattr(module, "datetime", Clock)
    monkeypatch.setattr(append, "datetime", Clock)
    return Clock


def fired(lab, run):
    return lab.kinds(run, "nap").count("step_completed")


def test_what_fell_due_while_no_process_was_there_fires_when_one_starts(lab, clock):
    run = lab.run(NAP)
    assert lab.fresh(run).status == "WAITING"
    clock.ahead = timedelta(hours=2)  # nobody looked meanwhile
    again = Timers(lab.runtime)  # a new process: all that it knows is in the database
    again.start()
    until(lambda: fired(lab, run))
    again.stop()
    lab.drain()
    assert (lab.fresh(run).status, fired(lab, run)) == ("COMPLETED", 1)
    assert not Timer.objects.exists()


def test_several_processes_fire_a_timer_once(lab, clock):
    runs = [lab.run(NAP) for _ in range(5)]
    clock.ahead = timedelta(hours=2)
    together = threading.Barrier(3)

    def look():
        runtime = Runtime("another")
        runtime.executor = MemoryExecutor(runtime.execute)
        together.wait()
        Timers(runtime).fire_due(clock.now(UTC))
        close_old_connections()

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [fired(lab, run) for run in runs] == [1] * 5
    Timers(lab.runtime).fire_due(clock.now(UTC))
    assert [fired(lab, run) for run in runs] == [1] * 5
    assert not Timer.objects.exists()


def test_a_clock_that_is_set_back_delays_a_timer_and_loses_none(lab, clock):
    run = lab.run(NAP)
    clock.ahead = timedelta(days=-1)
    assert Timers(lab.runtime).fire_due(clock.now(UTC)) == 0
    clock.ahead = timedelta(minutes=59)
    assert Timers(lab.runtime).fire_due(clock.now(UTC)) == 0
    assert Timer.objects.count() == 1
    clock.ahead = timedelta(minutes=61)
    assert Timers(lab.runtime).fire_due(clock.now(UTC)) == 1
    assert fired(lab, run) == 1


def test_a_clock_that_is_set_forward_and_back_fires_a_timer_once(lab, clock):
    run = lab.run(NAP)
    for ahead in (timedelta(days=300), timedelta(), timedelta(hours=2)):
        clock.ahead = ahead
        Timers(lab.runtime).fire_due(clock.now(UTC))
        lab.drain()
    assert fired(lab, run) == 1
    assert lab.row(run, "nap").output["waited_s"] > 3600


def test_a_jump_is_noticed_while_the_thread_sleeps(threads, lab_timers, clock):
    """It never sleeps until a far-off time, by whichever clock."""
    run = threads.start(NAP)
    until(lambda: threads.fresh(run).status == "WAITING")
    clock.ahead = timedelta(hours=2)
    until(lambda: threads.fresh(run).status == "COMPLETED")


def test_a_timer_that_cannot_fire_stops_no_other_and_is_tried_again(lab, clock, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    broken, *others = [lab.run(NAP) for _ in range(5)]
    clock.ahead = timedelta(hours=2)
    real = Runtime.act

    def act(self, run_id, command):
        if run_id == broken.pk:
            raise OSError("the disk is full")
        return real(self, run_id, command)

    with monkeypatch.context() as patch:
        patch.setattr(Runtime, "act", act)
        timers = Timers(lab.runtime)
        now = clock.now(UTC)
        assert timers.fire_due(now) == 5
        assert [fired(lab, run) for run in (broken, *others)] == [0, 1, 1, 1, 1]
        assert timers._until_next(now) == module.LOOK_S  # not at once again
    assert Timers(lab.runtime).fire_due(now) == 1
    assert fired(lab, broken) == 1
