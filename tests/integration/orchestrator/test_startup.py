"""How server processes begin together: they wait for the database, and one of them migrates."""

from __future__ import annotations

import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from orchestrator import startup
from orchestrator.db.turns import LEASES, Lease, one_at_a_time
from orchestrator.errors import Unavailable


@pytest.mark.django_db(transaction=True)
def test_one_process_at_a_time_is_inside():
    inside, most, waited = [], [], []

    def enter(name):
        with one_at_a_time("test", lambda: waited.append(name)):
            inside.append(name)
            most.append(len(inside))
            threading.Event().wait(0.05)  # long enough for the others to come
            inside.remove(name)
        connection.close()

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]
    assert len(waited) == len(set(waited)) <= 3, "who waits is told so once"


@pytest.mark.django_db
def test_the_lease_of_a_process_that_died_is_taken_over_once_it_has_run_out():
    if connection.vendor != "mongodb":
        pytest.skip("on SQLite the system takes the lock of a dead process back")
    leases = connection.database[LEASES]
    dead, alive = Lease(leases, "test"), Lease(leases, "test")
    assert dead.take()
    assert not alive.take()
    leases.update_one({"_id": "test"}, [{"$set": {"until": {"$subtract": ["$$NOW", 1]}}}])
    assert alive.take()
    dead.give_back()
    assert not Lease(leases, "test").take(), "who lost it cannot give it back"
    alive.give_back()


@pytest.mark.django_db
def test_a_database_that_is_up_to_date_is_left_alone():
    said = []
    startup.wait_for_database(0, said.append)
    startup.migrate_once(said.append)
    assert said == []


def test_a_database_that_does_not_answer_ends_the_start_with_what_to_do(monkeypatch):
    def away():
        raise DatabaseError("connection refused")

    monkeypatch.setattr(startup, "_ask", away)
    monkeypatch.setattr(startup, "TRY_S", 0.01)
    said = []
    with pytest.raises(
        Unavailable, match=r"did not answer within 0 s: connection refused\. Check .* DATABASE_URL"
    ):
        startup.wait_for_database(0.05, said.append)
    assert said[0] == "Waiting for the database: connection refused"


def test_web_refuses_to_serve_with_debug_on(settings):
    settings.DEBUG = True
    with pytest.raises(CommandError, match="DEBUG is on"):
        call_command("web")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:////tmp/x", "DATABASE_URL is not MongoDB's"),
        ("mongodb://127.0.0.1:9/x", "names no replica set"),
        ("mongodb://127.0.0.1:9/x?replicaSet=rs0", r"127\.0\.0\.1:9 is no replica set after 0 s"),
    ],
)
def test_a_replica_set_that_cannot_be_initiated_says_why(settings, url, sentence):
    settings.DATABASE_URL = url
    with pytest.raises(CommandError, match=sentence):
        call_command("initiate_replica_set", wait=0, stdout=StringIO())
