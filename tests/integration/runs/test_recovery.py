"""Work that nobody does is found, and given back to the journal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from builder.models import OrchestrationVersion
from orchestrator.ids import new_id
from runs import creation, dispatch, journal, rebuild, recovery, verbs, workers
from runs.dispatch import Runtime
from runs.engine.commands import Asked, Cancel, Complete
from runs.executors.base import Assignment
from runs.executors.memory import MemoryExecutor
from runs.journal import news
from runs.models import Approval, OrchestrationInstance, StepRun, Timer, Worker
from runs.recovery import Sweep
from runs.stores import mongodb
from runs.timers import Timers
from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, document, step, until


@pytest.fixture
def dead(lab):
    """A worker of this host whose process has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return Worker.objects.create(
        name="dead", host=workers.this_host(), pid=process.pid, process_started="1", beat_at=datetime.now(UTC)
    )


@pytest.fixture
def far(lab):
    """A worker of another host."""
    return Worker.objects.create(
        name="far", host="elsewhere", pid=1, process_started="1", beat_at=datetime.now(UTC)
    )


def began_in(worker, lab, doc):
    """A run that ``worker`` had started before it went."""
    lab.runtime.worker, mine = worker, lab.runtime.worker
    run = lab.start(doc)
    lab.runtime.worker = mine
    lab.runtime.executor = MemoryExecutor(lab.runtime.execute)
    return run


def test_the_steps_of_a_gone_process_are_interrupted_and_start_here(lab, dead):
    run = began_in("dead", lab, document([step("a"), step("b")], []))
    assert set(StepRun.objects.values_list("worker", flat=True)) == {"dead"}
    Sweep(lab.runtime).first()
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.kinds(run, "a") == ["step_started", "step_interrupted", "step_started", "step_completed"]
    assert lab.row(run, "a").attempt == 2
    assert lab.row(run, "a").worker == "test-worker"
    dead.refresh_from_db()
    assert dead.stopped_at is not None


def test_an_interruption_does_not_use_up_an_attempt(lab, dead):
    run = began_in("dead", lab, chain(step("a", "fails", times=0, retry={"max_attempts": 1})))
    Sweep(lab.runtime).first()
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"


def test_the_tenth_interruption_in_a_row_fails_the_step(lab):
    run = lab.start(chain(step("a")))
    for attempt in range(1, 11):
        lab.runtime.act(run.pk, recovery.interrupt(Assignment(run.pk, "a", 1, attempt), "w"))
    assert lab.fresh(run).status == "FAILED"
    assert lab.row(run, "a").error["code"] == "interrupted"


def test_the_late_result_of_a_worker_that_was_given_up_is_ignored(lab, dead):
    run = began_in("dead", lab, chain(step("a", value="new")))
    Sweep(lab.runtime).first()
    journal.submit(run.pk, Complete("a", 1, 1, output="old"), worker="dead")
    lab.drain()
    assert lab.row(run, "a").output == "new"
    assert lab.kinds(run).count("step_completed") == 1
    assert "late_result_ignored" in lab.kinds(run)


def test_a_process_elsewhere_is_gone_when_its_counter_stands_still(lab, far, monkeypatch):
    run = began_in("far", lab, chain(step("a")))
    now = [100.0]
    monkeypatch.setattr(workers.time, "monotonic", lambda: now[0])
    sweep = Sweep(lab.runtime)
    assert sweep.first() == 0
    now[0] += 14
    assert sweep.again() == 0
    Worker.objects.filter(pk=far.pk).update(beat=1, beat_at=datetime.now(UTC) - timedelta(days=3))
    assert sweep.again() == 0
    now[0] += 14
    assert sweep.again() == 0
    now[0] += 2
    assert sweep.again() == 1
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"


def test_a_reused_pid_is_told_apart_by_when_its_process_began(lab):
    me = workers.register()
    Worker.objects.filter(pk=me.pk).update(process_started="1")
    assert [row.pk for row in workers.Watch().gone(None)] == [me.pk]


def test_a_living_process_of_this_host_is_not_gone(lab):
    me = workers.register()
    assert me.pid == os.getpid()
    assert workers.Watch().gone(None) == []
    assert workers.Watch().gone(me) == []


def test_a_worker_that_was_wrongly_given_up_takes_its_row_up_again(lab):
    me = workers.register()
    workers.bury(me)
    workers.beat(me)
    me.refresh_from_db()
    assert (me.stopped_at, me.beat) == (None, 1)


def test_a_worker_that_moved_while_it_was_looked_at_is_not_buried(lab):
    me = workers.register()
    seen = Worker.objects.get(pk=me.pk)
    workers.beat(me)
    workers.bury(seen)
    assert Worker.objects.get(pk=me.pk).stopped_at is None


def test_rows_of_workers_that_stopped_long_ago_are_removed(lab):
    old = workers.register()
    Worker.objects.filter(pk=old.pk).update(stopped_at=datetime.now(UTC) - timedelta(days=2))
    workers.register()
    assert not Worker.objects.filter(pk=old.pk).exists()


def test_a_run_that_began_without_an_executor_is_kicked_when_it_stands_still(lab):
    lab.runtime.detach()
    run = lab.start(chain(step("a"), step("b")))
    lab.runtime.attach(MemoryExecutor(lab.runtime.execute))
    sweep = Sweep(lab.runtime)
    sweep.again()
    assert lab.entries(run) == [["run_started"]]
    sweep.again()
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"


def test_a_run_that_was_created_and_never_started_is_started(lab):
    orchestration = lab.publish(chain(step("a", value="{{ input.n }}")))
    version = OrchestrationVersion.objects.get(orchestration=orchestration)
    run = OrchestrationInstance.objects.create(
        orchestration=orchestration, version=version, number=1, input={"n": 7}, started_by=lab.starter
    )
    Sweep(lab.runtime).first()
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.row(run, "a").output == 7
    assert dispatch.begin(run).events == []


def test_a_step_that_is_journaled_here_and_lost_here_starts_again(lab):
    run = lab.start(chain(step("a")))
    lab.runtime.executor = MemoryExecutor(lab.runtime.execute)
    sweep = Sweep(lab.runtime)
    sweep.again()
    sweep.again()
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert "step_interrupted" in lab.kinds(run, "a")


def test_a_step_that_is_at_work_here_is_left_alone(threads):
    run = threads.start(chain(step("a", "blocks")))
    assert kinds.Blocks.entered.acquire(timeout=10)
    sweep = Sweep(threads.runtime)
    sweep.first()
    sweep.again()
    assert threads.entries(run) == [["run_started", "step_started"]]


def test_a_run_that_waits_needs_no_recovery(lab):
    run = lab.run(chain(step("ask", "asks", role="admin")))
    before = lab.entries(run)
    Sweep(lab.runtime).first()
    assert lab.entries(run) == before


def test_a_sweep_that_is_kept_to_one_run_leaves_the_others(lab, dead):
    mine = began_in("dead", lab, chain(step("a")))
    other = began_in("dead", lab, chain(step("a")))
    Sweep(lab.runtime, only=mine.pk).first()
    lab.drain()
    assert lab.fresh(mine).status == "COMPLETED"
    assert lab.fresh(other).status == "RUNNING"
    dead.refresh_from_db()
    assert dead.stopped_at is None


def test_two_processes_that_recover_at_once_interrupt_once(lab, dead):
    run = began_in("dead", lab, chain(step("a")))
    second = Runtime("second")
    second.executor = MemoryExecutor(second.execute)
    one, other = Sweep(lab.runtime), Sweep(second)
    one.first()
    Worker.objects.update(stopped_at=None)
    other.first()
    assert lab.kinds(run, "a").count("step_interrupted") == 1
    lab.drain()
    second.executor.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.kinds(run).count("step_completed") == 1


def test_a_cancel_in_another_process_stops_the_step_here(threads, monkeypatch):
    """The other process is played by a commit that nobody here is told of."""
    run = threads.start(chain(step("b", "blocks")))
    assert kinds.Blocks.entered.acquire(timeout=10)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(news, "tell", lambda committed: None)
        verbs.cancel(threads.starter, run)
    assert threads.runtime.executor.held()
    journal.runs.get(run.pk).reset()
    threads.runtime.look_up()
    until(lambda: not threads.runtime.executor.held())


@pytest.mark.skipif(connection.vendor != "mongodb", reason="SQL databases write rows and entries at once")
def test_rows_that_a_gone_worker_left_behind_its_journal_are_made_anew(lab, dead, monkeypatch):

    run = began_in("dead", lab, chain(step("a"), step("b")))
    with monkeypatch.context() as crash:
        crash.setattr(mongodb, "_write", lambda model, writes: None)
        journal.submit(run.pk, Complete("a", 1, 1, output=1), worker="dead")
    assert lab.fresh(run).seq == 1
    Sweep(lab.runtime).first()
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.row(run, "a").output == 1


@pytest.mark.skipif(connection.vendor != "mongodb", reason="SQL databases write rows and entries at once")
@pytest.mark.parametrize("slow", [True, False])
def test_rows_of_a_dead_or_slow_process_that_another_has_appended_upon_are_made_anew(lab, monkeypatch, slow):
    """Nobody would look for them later: the run's own row is as new as the journal."""
    run = began_in("dead", lab, document([step("a"), step("b"), step("ask", "asks", assignees=["uma"])], []))
    late = []
    with monkeypatch.context() as crash:
        crash.setattr(mongodb, "_write", lambda model, writes: late.append((model, writes)))
        asked = {"id": str(new_id()), "message": "Well?", "assignees": ["uma"], "expires_at": None}
        journal.submit(run.pk, Asked("ask", 1, 1, asked), worker="dead")
        journal.submit(run.pk, Complete("a", 1, 1, output=1), worker="dead")
    journal.runs.drop(run.pk)  # from here on another process
    journal.submit(run.pk, Cancel("sue"))
    for model, writes in late if slow else ():
        mongodb._write(model, writes)
    assert (lab.row(run, "a").output, lab.row(run, "b").status) == (1, "CANCELLED")
    assert (Approval.objects.get().status, lab.fresh(run).seq) == ("voided", 4)


def test_a_delay_survives_the_process_that_began_it(lab, later):
    run = lab.run(chain(step("nap", "sleeps", seconds=60), step("after")))
    assert lab.fresh(run).status == "WAITING"
    journal.runs.drop(run.pk)
    assert later(59) == 0
    assert later(2) == 1
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.row(run, "nap").output["slept"] is True
    assert lab.row(run, "nap").output["waited_s"] >= 60


def test_a_timer_fires_once_whoever_finds_it(lab, later):
    run = lab.run(chain(step("nap", "sleeps", seconds=5)))
    timer = Timer.objects.get()
    later(6)
    Timer.objects.create(
        instance=run,
        step=timer.step,
        epoch=timer.epoch,
        attempt=timer.attempt,
        kind=timer.kind,
        due_at=timer.due_at,
    )
    later(1)
    assert lab.kinds(run).count("step_completed") == 1
    assert not Timer.objects.exists()


def test_a_timer_of_what_no_longer_waits_is_removed(lab, later):
    run = lab.run(chain(step("a")))
    Timer.objects.create(instance=run, step="a", epoch=9, attempt=1, kind="delay", due_at=datetime.now(UTC))
    later(1)
    assert not Timer.objects.exists()


def test_a_timer_that_a_slower_clock_refuses_is_kept(lab, monkeypatch):
    run = lab.run(chain(step("nap", "sleeps", seconds=60)))
    timers = Timers(lab.runtime)
    assert timers.fire_due(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert Timer.objects.filter(instance=run).exists()
    assert lab.fresh(run).status == "WAITING"


def test_timers_fire_by_themselves_when_they_are_due(threads, lab_timers):
    began = time.monotonic()
    run = threads.start(chain(step("nap", "sleeps", seconds=0.1), step("after")))
    until(lambda: threads.fresh(run).status == "COMPLETED")
    assert time.monotonic() - began < 1.5
    other = threads.start(chain(step("nap", "sleeps", seconds=0.0), step("after")))
    until(lambda: threads.fresh(other).status == "COMPLETED")


def test_ids_sort_by_time_so_that_recent_entries_are_found_by_their_id():
    before = recovery._first_id(datetime.now(UTC) - timedelta(seconds=1))
    assert before < new_id() < recovery._first_id(datetime.now(UTC) + timedelta(seconds=1))


@pytest.mark.skipif(connection.vendor != "mongodb", reason="SQL databases write rows and entries at once")
def test_rows_that_stay_behind_their_journal_are_found_without_anybody_being_gone(lab, monkeypatch):
    lab.runtime.detach()
    with monkeypatch.context() as crash:
        crash.setattr(mongodb, "_write", lambda model, writes: None)
        run = lab.start(chain(step("a")))
    assert lab.fresh(run).status == "PENDING"
    assert lab.statuses(run) == {}
    lab.runtime.attach(MemoryExecutor(lab.runtime.execute))
    sweep = Sweep(lab.runtime)
    sweep.first()
    assert lab.statuses(run) == {"a": "PENDING"}
    sweep.again()
    sweep.again()
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"


@pytest.mark.skipif(connection.vendor != "mongodb", reason="SQL databases let nobody append meanwhile")
def test_what_is_asked_while_the_rows_are_made_anew_is_not_lost(lab, monkeypatch):
    run = lab.start(chain(step("ask", "asks", assignees=["sue"], expires_s=3600)))
    whole, looked = rebuild.rows_of, []

    def rows_of(*args):
        rows = whole(*args)
        if not looked:
            lab.drain()  # the question is put after the journal was read, and before the rows are written
        looked.append(rows)
        return rows

    monkeypatch.setattr(rebuild, "rows_of", rows_of)
    journal.rebuild(run.pk)
    assert lab.fresh(run).status == "WAITING"
    assert lab.row(run, "ask").status == "WAITING"
    assert Approval.objects.get(instance=run).recipients.count() == 1
    assert Timer.objects.get(instance=run).kind == "expiry"


@pytest.mark.skipif(connection.vendor != "mongodb", reason="SQL databases write rows and entries at once")
def test_rows_that_have_only_moved_on_are_not_made_anew(lab, monkeypatch):
    run = lab.run(chain(step("a")))
    monkeypatch.setattr(rebuild, "write", lambda pk, rows: pytest.fail("nothing was behind"))
    assert journal.behind(run.pk, 1)


def test_a_run_that_was_deleted_while_its_step_waited_is_left_alone(lab, caplog):
    run = lab.start(chain(step("a")))
    journal.runs.drop(run.pk)
    run.delete()
    with caplog.at_level("ERROR"):
        lab.drain()
    assert caplog.records == []


def test_a_start_whose_process_died_before_it_answered_is_the_same_run_when_it_is_made_again(lab):
    """A REST call and its repetition share an id: with its first entry written, or only the run's row."""
    orchestration, pk, other = lab.publish(chain(step("a"))), new_id(), new_id()
    first = verbs.start(lab.starter, orchestration, {}, pk=pk)
    assert verbs.start(lab.starter, orchestration, {}, pk=pk).pk == first.pk == pk
    creation.create(orchestration, first.version, {}, lab.starter, pk=other)
    assert verbs.start(lab.starter, orchestration, {}, pk=other).status == "RUNNING"
    lab.drain()
    assert OrchestrationInstance.objects.filter(status="COMPLETED").count() == 2
    assert lab.kinds(first).count("run_started") == 1
