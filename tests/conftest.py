"""Fixtures for every level of the suite."""

from __future__ import annotations

import os
import sys
import uuid

import pytest
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models.signals import post_migrate
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """The databases of pytest-django, which are emptied after a test without being filled again.

    Django makes all content types and permissions anew after each flush, ten times the cost of the flush;
    roles decide here, so no test needs them. MongoDB waits for the disk for each collection that it empties.
    """
    post_migrate.disconnect(create_contenttypes)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.connect(_forget_content_types, weak=False)
    if connection.vendor == "mongodb":
        empty = connection.ops.execute_sql_flush
        filled = lambda tables: empty(list(filter(_has_rows, tables)))  # noqa: E731
        setattr(connection.ops, "execute_sql_flush", filled)  # noqa: B010


def _forget_content_types(**_: object) -> None:
    ContentType.objects.clear_cache()  # their rows are gone


def _has_rows(table: str) -> bool:
    return connection.database[table].find_one({}, {"_id": 1}) is not None


@pytest.fixture
def database_url() -> str:
    """The address of a fresh, empty database of the kind this run is on, for processes of their own."""
    return os.environ["TEST_DATABASES"].format(name=f"own_{uuid.uuid4().hex[:12]}")


def _person(username, role, **names):
    model = get_user_model()
    user = model(username=username, role=role, **names)
    user.set_password("pw")
    user.save()
    return user


@pytest.fixture(autouse=True)
def fast_passwords(settings):
    """Hash passwords quickly."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def no_limits_remain():
    """A process knows the limits that were stored last; the test's database goes, and they with it."""
    yield
    gating = sys.modules.get("runs.gating")
    if gating is not None:
        gating.table = None


@pytest.fixture
def superadmin(db):
    """A person who governs the platform."""
    return _person("sue", "superadmin", first_name="Sue")


@pytest.fixture
def admin(db):
    """A person who designs orchestrations (shadows pytest-django's name on purpose)."""
    return _person("ada", "admin", first_name="Ada")


@pytest.fixture
def user(db):
    """A person who runs what they were given."""
    return _person("uma", "user", first_name="Uma")


@pytest.fixture
def other_user(db):
    """A second person of role User."""
    return _person("otto", "user", first_name="Otto")
