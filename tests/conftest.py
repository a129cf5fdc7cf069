"""Fixtures for every level of the suite."""

from __future__ import annotations

import os
import sys
import uuid

import pytest
from django.contrib.auth import get_user_model
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("suite")


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
