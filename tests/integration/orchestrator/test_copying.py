"""``copy_database`` between SQLite and MongoDB: everything arrives as it was, or nothing does."""

from __future__ import annotations

import os
import sqlite3
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from rest_framework_simplejwt.tokens import RefreshToken

from builder.models import Orchestration, OrchestrationVersion
from orchestrator.copying import sides, verb
from orchestrator.copying.tables import MADE_BY_MIGRATING
from orchestrator.models import AuditEntry, Grant, User, new_id
from runs.models import JournalEntry, OrchestrationInstance, Worker

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        os.environ.get("TEST_DATABASES", "").startswith("sqlite"),
        reason="it needs both databases, so a MongoDB",
    ),
]
ENTRIES = 2 * sides.BATCH + 7  # more than one batch


@pytest.fixture
def here():
    """The address of this run's own database."""
    return os.environ["TEST_DATABASES"].format(name=connection.settings_dict["NAME"])


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    """A file and a database of MongoDB; making their tables takes seconds."""
    name = f"own_{uuid.uuid4().hex[:12]}"
    return f"sqlite:///{tmp_path_factory.mktemp('copy')}/copy.sqlite3", os.environ["TEST_DATABASES"].format(
        name=name
    )


@pytest.fixture
def empty(targets):
    """Both, without rows."""
    yield targets
    for url in targets:
        with opened(url) as alias, transaction.atomic(alias):
            side = sides.side_of(alias)
            made = connections[alias].introspection.table_names()
            for table in side.tables:
                if table.name in made:
                    side.clear(table)


@pytest.fixture
def file(empty):
    return empty[0]


@pytest.fixture
def database(empty):
    return empty[1]


def copy(source, target):
    said = StringIO()
    call_command("copy_database", source, target, stdout=said)
    return said.getvalue()


@contextmanager
def opened(url):
    with verb._opened("looked_at", url, ""):
        yield "looked_at"


def content():
    """Something in every kind of column, and a key that is gone."""
    ada = User.objects.create(username="ada", role="admin", email="ada@example.org")
    group = Group.objects.create(name="designers")
    of = ContentType.objects.get_for_model(Orchestration)
    group.permissions.add(
        *(Permission.objects.create(codename=f"may_{what}", name=what, content_type=of) for what in "abc")
    )
    ada.groups.add(group)
    Group.objects.create(name="gone").delete()
    session = SessionStore()
    session["x"] = 1
    session.save()
    RefreshToken.for_user(ada)
    AuditEntry.objects.create(
        action="created", kind="x", object_id="1", object_name="ü\U0001f600", before={"$ref": 2**63}
    )
    draft = {"$schema": "#", "a.b": [None, 1.5, "\u0000"], "z": 1, "a": {"": []}}
    flow = Orchestration.objects.create(name="Flow", slug="flow", draft=draft, created_by=ada)
    version = OrchestrationVersion.objects.create(orchestration=flow, number=1, document={}, published_by=ada)
    run = OrchestrationInstance.objects.create(orchestration=flow, version=version, number=1, cost=2)
    now = datetime.now(UTC)
    JournalEntry.objects.bulk_create(
        [
            JournalEntry(instance=run, seq=n + 1, at=now, events=[{"kind": "x", "n": n}])
            for n in range(ENTRIES)
        ]
    )
    Grant.objects.create(kind="builder.orchestration", object_id=flow.pk, who="everyone", right="view")
    Worker.objects.create(name="gone", host="x", pid=1, beat_at=now - timedelta(minutes=1))


def kept(side):
    """The tables whose rows no migration makes."""
    return [table for table in side.tables if table.name not in MADE_BY_MIGRATING]


def test_everything_crosses_over_and_back(here, file, database):
    content()
    said = copy(here, file)
    assert "rows in" in said
    assert "equal on both sides" in said
    assert f"{ENTRIES} rows" in said.replace("  ", " ")
    with sqlite3.connect(file.removeprefix("sqlite:///")) as raw:
        raw.execute("UPDATE orchestrator_user SET date_joined = '2026-01-02 03:04:05.678912'")
        raw.execute("UPDATE orchestrator_auditentry SET after = '{\"huge\":123456789012345678901234567890}'")
    raw.close()
    copy(file, database)
    with opened(database) as alias:
        people = User.objects.using(alias)
        assert people.get().date_joined == datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), (
            "MongoDB keeps milliseconds"
        )
        assert people.get().groups.get().permissions.count() == 3
        assert Orchestration.objects.using(alias).get().draft == Orchestration.objects.get().draft
        rows = sides.side_of(alias).connection.database["orchestrator_auditentry"].find()
        assert {row["after"] for row in rows} == {'{"huge":123456789012345678901234567890}'}, (
            "JSON is not decoded"
        )
        old = Group.objects.using(alias).get()
        assert Group.objects.using(alias).create(name="new").pk > old.pk + 1, "a key is never given twice"
    with pytest.raises(CommandError, match=r"TO is not empty: \w+ has rows\. Name a new database"):
        copy(file, database)
    with pytest.raises(CommandError, match="TO is not empty"):
        copy(database, file)


def test_a_copy_that_fails_or_is_killed_leaves_nothing_and_can_be_run_again(
    here, file, database, monkeypatch
):
    User.objects.create(username="ada")
    add = sides.Side.add

    def fail(self, table, rows):
        if table.name == "orchestrator_user":
            raise sqlite3.OperationalError("disk full")
        add(self, table, rows)

    for kind, target in ((sides.SQLiteSide, file), (sides.MongoSide, database)):
        add = kind.add
        with monkeypatch.context() as patched:
            patched.setattr(kind, "add", fail)
            with pytest.raises(sqlite3.OperationalError, match="disk full"):
                copy(here, target)
        with opened(target) as alias:
            side = sides.side_of(alias)
            assert all(map(side.empty, side.tables if kind is sides.MongoSide else kept(side)))
    with opened(database) as alias:  # as a copy that was killed leaves it
        User.objects.using(alias).create(username="half")
        sides.side_of(alias).connection.database[sides.COPIES].insert_one({"_id": "copy"})
    copy(here, database)
    with opened(database) as alias:
        assert [user.username for user in User.objects.using(alias)] == ["ada"]
        assert not sides.side_of(alias).unfinished


def test_what_is_in_use_of_another_version_or_no_database_is_refused(here, file, tmp_path):
    Worker.objects.create(name="host:1", host="x", pid=1, beat_at=datetime.now(UTC))
    with pytest.raises(CommandError, match=r"Server processes run on FROM \(host:1\)\. Stop them"):
        copy(here, file)
    (tmp_path / "empty.sqlite3").touch()
    for source, why in (
        (f"sqlite:///{tmp_path}/empty.sqlite3", "FROM is of another version"),
        (f"sqlite:///{tmp_path}/none.sqlite3", "no file that is there"),
        ("postgres://x/y", "must begin with sqlite:/// or mongodb://"),
        (file, "the same database"),
    ):
        with pytest.raises(CommandError, match=why):
            copy(source, file)


def test_a_row_that_refers_to_nothing_is_named(here, file):
    flow = Orchestration.objects.create(name="Flow", slug="flow")
    version = OrchestrationVersion.objects.create(orchestration=flow, number=1, document={})
    OrchestrationInstance.objects.create(
        orchestration=flow, version=version, number=1, started_by_id=new_id()
    )
    with pytest.raises(
        CommandError, match=r"A row refers to another that is not there: .*runs_orchestrationinstance"
    ):
        copy(here, file)
