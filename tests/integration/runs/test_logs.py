"""Step logs: batched, bounded, never in the way, never lost at a clean end."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import DatabaseError

from orchestrator.errors import Invalid
from runs import logs, verbs
from runs.executors.base import Assignment
from runs.models import StepLog
from tests.integration.runs.conftest import chain, step, until


@pytest.fixture
def write(lab):
    run = lab.run(chain(step("a")))
    return logs.writer(Assignment(run.pk, "a", 1, 1))


def lines():
    return list(StepLog.objects.order_by("pk").values_list("level", "message"))


def test_lines_wait_until_they_are_flushed_together(write):
    for number in range(3):
        write("info", f"line {number}")
    assert lines() == []
    logs.flush()
    assert lines() == [("info", "line 0"), ("info", "line 1"), ("info", "line 2")]


def test_a_thread_stores_them_soon_and_stop_stores_the_rest(write):
    logs.start()
    write("info", "soon")
    until(lambda: lines() == [("info", "soon")])
    write("warning", "last")
    logs.stop()
    assert lines()[-1] == ("warning", "last")


def test_a_step_that_never_stops_writing_is_cut(write, monkeypatch):
    monkeypatch.setattr(logs, "LINES_PER_ATTEMPT", 3)
    for number in range(10):
        write("info", f"line {number}")
    logs.flush()
    assert [message for _, message in lines()] == [
        "line 0", "line 1", "line 2", "Only the first 3 lines of an attempt are kept.",
    ]  # fmt: skip


def test_what_is_too_long_or_no_json_is_kept_within_bounds(write):
    write("shout", "x" * 10_000, big="y" * 20_000)
    write("info", "odd", value=object())
    logs.flush()
    first, second = StepLog.objects.order_by("pk")
    assert (first.level, len(first.message)) == ("info", logs.MESSAGE_LIMIT)
    assert "dropped" in first.data
    assert "object object" in second.data["value"]


def test_lines_wait_while_the_database_does_not_take_them(write, monkeypatch):
    write("info", "kept")
    with monkeypatch.context() as away:
        away.setattr(StepLog.objects.__class__, "bulk_create", refuse)
        with pytest.raises(DatabaseError):
            logs.flush()
    logs.flush()
    assert lines() == [("info", "kept")]


def refuse(*args, **kwargs):
    raise DatabaseError("locked")


def test_lines_of_a_run_that_is_gone_do_not_hold_up_others(write, lab):
    from django.db import connection

    gone = logs.writer(Assignment(uuid4(), "a", 1, 1))
    gone("info", "nobody's")
    write("info", "mine")
    logs.flush()
    if connection.vendor == "sqlite":  # MongoDB enforces no references
        assert lines() == [("info", "mine")]
    assert ("info", "mine") in lines()


def test_an_unknown_level_or_cursor_is_refused(lab):
    run = lab.run(chain(step("a")))
    with pytest.raises(Invalid):
        verbs.logs(run, level="loud")
    with pytest.raises(Invalid):
        verbs.logs(run, since="yesterday")
