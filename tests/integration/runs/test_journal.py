"""The one append function: who commits, what is shared, what is refused, what a crash leaves."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from orchestrator.errors import Conflict, Invalid, NotFound
from runs import dispatch, journal, verbs
from runs.cache import Recent, runs
from runs.engine.commands import Cancel, Complete, Kick, Rollback, Start, Vote
from runs.journal import reading
from runs.models import JournalEntry, OrchestrationInstance, StepRun
from tests.integration.runs import kinds
from tests.integration.runs.conftest import Lab, chain, document, step, until

sqlite_only = pytest.mark.skipif(connection.vendor != "sqlite", reason="MongoDB has no transactions here")


def together(*work):
    """Run all of ``work`` at once; returns what each gave or raised."""
    barrier, found = threading.Barrier(len(work)), [None] * len(work)

    def call(number, one):
        barrier.wait()
        try:
            found[number] = one()
        except Exception as error:
            found[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call, args=pair) for pair in enumerate(work)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def wide(width):
    return document([step(f"b{number}") for number in range(width)], [])


def started(lab, width=8):
    """A run of which ``width`` steps are RUNNING."""
    run = lab.start(wide(width))
    assert set(lab.statuses(run).values()) == {"RUNNING"}
    return run


class Batches(list):
    """The sizes of the batches that committed, after they were let go."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()

    def release_when(self, waiting):
        """Let the leader commit once so many others wait behind it."""
        until(lambda: journal._leadership.waiting() == waiting)
        self.gate.set()


@contextmanager
def commits_held(monkeypatch):
    """Whoever leads commits only when it is let go."""
    batches = Batches()
    commit = journal._leadership.commit

    def held(batch):
        assert batches.gate.wait(10)
        batches.append(len(batch))
        commit(batch)

    with monkeypatch.context() as patched:
        patched.setattr(journal._leadership, "commit", held)
        yield batches


def test_entries_count_1_2_3_and_are_never_changed(lab):
    run = lab.run(chain(step("a"), step("b")))
    assert [seq for seq, _, _ in journal.entries(run.pk)] == [1, 2, 3]
    with pytest.raises(IntegrityError), transaction.atomic():
        JournalEntry.objects.create(instance=run, seq=2, at=run.created_at, events=[])


def test_two_threads_that_submit_at_once_both_get_in(lab):
    run = started(lab)
    found = together(*[lambda key=key: journal.submit(run.pk, Complete(key, 1, 1)) for key in ("b0", "b1")])
    assert all(one.events for one in found)
    assert [seq for seq, _, _ in journal.entries(run.pk)] == list(range(1, lab.fresh(run).seq + 1))
    assert [lab.statuses(run)[key] for key in ("b0", "b1", "b2")] == ["COMPLETED", "COMPLETED", "RUNNING"]


def test_commands_that_wait_share_one_commit_and_one_entry_a_run(lab, monkeypatch):
    one, other = started(lab, 3), started(lab, 3)
    with commits_held(monkeypatch) as batches:
        work = [
            threading.Thread(target=journal.submit, args=(run.pk, Complete(f"b{number}", 1, 1)))
            for number in range(3)
            for run in (one, other)
        ]
        for thread in work:
            thread.start()
        batches.release_when(5)
        for thread in work:
            thread.join()
    assert batches == [1, 5]
    assert {lab.fresh(one).status, lab.fresh(other).status} == {"COMPLETED"}
    assert sorted([len(lab.entries(one)), len(lab.entries(other))]) == [2, 3]


def test_what_one_command_raises_does_not_reach_the_others_of_its_batch(lab, monkeypatch):
    run = started(lab, 3)
    bad = object()
    with commits_held(monkeypatch) as batches:
        found = together(
            lambda: journal.submit(run.pk, Complete("b0", 1, 1)),
            lambda: journal.submit(run.pk, Complete("b1", 1, 1, output=bad)),
            lambda: journal.submit(run.pk, Complete("b2", 1, 1)),
            lambda: journal.submit(run.pk, Vote(str(uuid4()), "uma", "approve")),
            lambda: batches.release_when(3),
        )
    assert batches == [1, 3]
    assert found[0].events and found[2].events  # noqa: PT018
    assert isinstance(found[1], Invalid)
    assert isinstance(found[3], Conflict)
    assert lab.statuses(run) == {"b0": "COMPLETED", "b1": "RUNNING", "b2": "COMPLETED"}


def test_a_conflict_appends_nothing(lab):
    run = lab.run(chain(step("a")))
    before = lab.entries(run)
    with pytest.raises(Conflict) as refused:
        journal.submit(run.pk, Cancel("sue"))
    assert refused.value.code == "not_running"
    with pytest.raises(Conflict) as refused:
        journal.submit(run.pk, Rollback("nowhere", "sue"))
    assert refused.value.code == "unknown_step"
    assert lab.entries(run) == before


def test_a_duplicate_delivery_says_nothing(lab):
    run = started(lab, 2)
    first = journal.submit(run.pk, Complete("b0", 1, 1, output=1))
    again = journal.submit(run.pk, Complete("b0", 1, 1, output=2))
    assert first.events
    assert again.events == []
    assert lab.row(run, "b0").output == 1
    assert journal.submit(run.pk, Start({}, {}, 1)).events == []


def test_an_unknown_run_is_not_found(lab):
    with pytest.raises(NotFound):
        journal.submit(uuid4(), Kick())
    with pytest.raises(NotFound):
        journal.load(uuid4())


def test_a_commit_that_fails_leaves_nothing_and_the_next_one_works(lab, monkeypatch):
    run = started(lab, 2)
    before = lab.entries(run)
    store = journal._appender.store
    commit = type(store).commit

    def fails(self, plan):
        def halfway(tail):
            plan(tail)
            raise DatabaseError("the disk is full")

        return commit(self, halfway)

    with monkeypatch.context() as broken:
        broken.setattr(type(store), "commit", fails)
        with pytest.raises(DatabaseError):
            journal.submit(run.pk, Complete("b0", 1, 1))
    assert lab.entries(run) == before
    assert lab.statuses(run) == {"b0": "RUNNING", "b1": "RUNNING"}
    assert journal.submit(run.pk, Complete("b0", 1, 1)).seq == 2


def test_no_result_waits_for_a_step_that_may_take_long(threads):
    """Results of quick steps gather for one commit, but not beyond the start of another kind of step."""
    quick = [step(f"q{number}", "transform", output=number) for number in range(6)]
    slow = [step(f"b{number}", "blocks") for number in range(3)]
    run = threads.start(document([quick[0], slow[0], *quick[1:4], *slow[1:], *quick[4:]], []))
    assert kinds.Blocks.entered.acquire(timeout=10)
    until(lambda: all(threads.statuses(run)[one["key"]] == "COMPLETED" for one in quick))
    assert threads.statuses(run)["b0"] != "COMPLETED"


def test_a_worker_tries_to_store_a_result_until_the_database_takes_it(threads, monkeypatch, caplog):
    run = threads.start(chain(step("a", "blocks"), step("b")))
    assert kinds.Blocks.entered.acquire(timeout=10)
    store = journal._appender.store
    commit, calls = type(store).commit, []

    def locked(self, plan):
        calls.append(1)
        if len(calls) > 3:
            return commit(self, plan)
        raise DatabaseError("database is locked")

    monkeypatch.setattr(type(store), "commit", locked)
    with caplog.at_level(logging.CRITICAL, "runs.dispatch"):
        kinds.Blocks.gate.set()
        until(lambda: threads.fresh(run).status == "COMPLETED")
    assert len(calls) > 3
    assert threads.kinds(run).count("step_completed") == 2


def test_what_another_process_has_appended_is_read_before_the_decision(lab):
    """The other process is played by a second cache: this one does not know of its entry."""
    run = started(lab, 2)
    known = runs.get(run.pk)
    runs.drop(run.pk)
    journal.submit(run.pk, Complete("b0", 1, 1))
    runs.drop(run.pk)
    runs._values[run.pk] = known
    assert known.state.seq == 1
    committed = journal.submit(run.pk, Complete("b1", 1, 1))
    assert committed.seq == 3
    assert lab.fresh(run).status == "COMPLETED"


def test_without_a_worker_nothing_starts_and_a_kick_with_one_starts_it(lab):
    lab.runtime.detach()
    run = lab.start(chain(step("a")))
    assert lab.entries(run) == [["run_started"]]
    assert lab.statuses(run) == {"a": "PENDING"}
    committed = journal.submit(run.pk, Kick(), worker="w")
    assert [event["kind"] for event in committed.events] == ["step_started"]
    assert StepRun.objects.get(instance=run).worker == "w"


def test_load_gives_a_copy_that_stays_as_it_is(lab):
    run = started(lab, 2)
    _, _, before = journal.load(run.pk)
    journal.submit(run.pk, Complete("b0", 1, 1))
    assert before.seq == 1
    assert str(before.steps["b0"].status) == "RUNNING"
    assert set(before.running) == {"b0", "b1"}
    _, _, after = journal.load(run.pk)
    assert (after.seq, str(after.steps["b0"].status)) == (2, "COMPLETED")


def test_a_state_of_the_past_is_replayed(lab):
    run = lab.run(chain(step("a"), step("b")))
    _, state = verbs.state_of(run, at_seq=2)
    assert [str(one.status) for one in state.steps.values()] == ["COMPLETED", "RUNNING"]
    assert state.seq == 2


def test_events_are_cut_between_entries_only(lab):
    run = lab.run(chain(step("a"), step("b"), step("c")))
    every = verbs.events(run)
    assert [event["seq"] for event in every] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert every[0]["at"].endswith("Z")
    assert [event["seq"] for event in verbs.events(run, limit=5)] == [1, 1, 2, 2]
    assert [event["seq"] for event in verbs.events(run, limit=1)] == [1, 1]
    assert [event["seq"] for event in verbs.events(run, since=2, limit=2)] == [3, 3]
    assert verbs.events(run, since=99) == []


@sqlite_only
def test_inside_a_transaction_of_the_caller_the_entry_shares_its_fate(lab):
    run = started(lab, 2)
    heard = []
    silence = journal.subscribe(lambda committed: heard.append(committed.seq))
    try:
        with transaction.atomic():
            journal.submit(run.pk, Complete("b0", 1, 1))
            assert StepRun.objects.get(instance=run, key="b0").status == "COMPLETED"
            transaction.set_rollback(True)
        assert heard == []
        assert lab.statuses(run)["b0"] == "RUNNING"
        with transaction.atomic():
            journal.submit(run.pk, Complete("b0", 1, 1))
            assert heard == []
        assert heard == [2]
    finally:
        silence()
    assert journal.submit(run.pk, Complete("b1", 1, 1)).seq == 3


@pytest.mark.django_db
def test_a_run_can_be_started_and_read_in_a_test_that_is_one_transaction(superadmin):
    lab = Lab(None, superadmin)
    run = lab.start(chain(step("a")))
    assert run.status == "RUNNING"
    assert lab.entries(run) == [["run_started"]]
    verbs.cancel(superadmin, run)
    assert OrchestrationInstance.objects.get(pk=run.pk).status == "CANCELLED"


def test_who_listens_cannot_break_a_commit(lab, caplog):
    def broken(committed):
        raise ValueError("a broken listener")

    silence = journal.subscribe(broken)
    try:
        with caplog.at_level(logging.CRITICAL):
            run = lab.run(chain(step("a")))
    finally:
        silence()
    assert run.status == "COMPLETED"


@sqlite_only
def test_the_journal_is_written_with_full_durability(lab):
    lab.run(chain(step("a")))
    raw = journal._appender.store._wrapper.connection
    assert raw.execute("PRAGMA synchronous").fetchone() == (2,)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.vendor == "sqlite"


def test_runs_that_were_not_used_for_long_are_forgotten_and_read_again(lab, monkeypatch):
    small = Recent(4, runs._make, runs._weigh)
    for user in (journal, reading, dispatch):
        monkeypatch.setattr(user, "runs", small)
    found = [lab.run(chain(step("a"), step("b"))) for _ in range(4)]
    assert len(small._values) == 2
    assert journal.load(found[0].pk)[2].seq == 3
    small.drop(found[0].pk)
    small.drop(found[0].pk)
    assert small._weight == 2 * len(small._values)


def test_a_run_that_is_forgotten_between_a_start_and_its_execution_goes_on(lab):
    run = lab.start(chain(step("a"), step("b")))
    runs.drop(run.pk)
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert "step_interrupted" not in lab.kinds(run)
