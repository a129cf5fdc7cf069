"""Who commits, and what shares a commit; the commit itself is played."""

from types import SimpleNamespace

import pytest

from runs.executors.base import Assignment
from runs.executors.fair import FairQueue
from runs.journal.leader import MOST_GATHERED, Leadership
from runs.journal.tickets import Ticket


def yes():
    return True


def no():
    return False


@pytest.fixture
def batches():
    return []


@pytest.fixture
def leadership(batches):
    return Leadership(lambda batch: batches.append(len(batch)))


def ticket(told=None):
    told = [] if told is None else told
    return Ticket(SimpleNamespace(pk="r"), None, "w", lambda committed, error: told.append(error))


def test_a_result_is_committed_at_once_where_nothing_else_is_to_be_done(leadership, batches):
    assert leadership.post(ticket(), no)
    assert batches == [1]


def test_results_gather_while_there_is_more_to_do_at_once_and_share_the_commit(leadership, batches):
    told = []
    assert [leadership.post(ticket(told), yes) for _ in range(3)] == [False] * 3
    assert (batches, told) == ([], [])
    assert leadership.post(ticket(), no)
    assert (batches, told) == ([4], [None] * 3)


def test_who_is_about_to_wait_commits_what_has_gathered(leadership, batches):
    queue, told = FairQueue(lambda _: ""), []
    queue.put(Assignment("r", "a", 1, 1))
    leadership.post(ticket(told), yes)
    assert queue.get(leadership.relieve).step == "a"
    assert batches == [], "there was something to do"
    queue.put()
    queue.stop()
    assert queue.get(leadership.relieve) is None
    leadership.relieve()
    leadership.relieve()
    assert (batches, told) == ([1], [None])


def test_no_more_than_so_many_results_gather(leadership, batches):
    posted = [leadership.post(ticket(), yes) for _ in range(MOST_GATHERED + 1)]
    assert posted == [False] * MOST_GATHERED + [True]
    assert batches == [MOST_GATHERED + 1]


def test_who_waits_for_its_command_takes_along_what_has_gathered(leadership, batches):
    leadership.post(ticket(), yes)
    leadership.serve(Ticket(SimpleNamespace(pk="r"), None, "w"))
    assert batches == [2]
