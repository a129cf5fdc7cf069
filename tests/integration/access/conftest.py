"""One world for all tests of access, on SQLite: each request is taken back after it was answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from channels.layers import channel_layers
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from agents import trial
from agents import verbs as agents
from knowledge import api as knowledge_api
from knowledge import indexing, stores
from orchestrator.errors import Conflict
from runs import dispatch
from tests.integration.access.doors import Door
from tests.integration.access.world import Place, build

JSON = "application/json"


def reached(*_: Any, **__: Any) -> None:
    """In place of what a verb does once it was found to be allowed."""
    raise Conflict("It would be done.", code="reached")


async def stays_open() -> None:
    """In place of what sockets do after each message: the world's connection is in a transaction."""


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[tuple[str, str], Place]]:
    """Everybody and everything; nothing runs, is called or indexed."""
    if connection.vendor != "sqlite":
        pytest.skip("requests are taken back by transactions")
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        for module, name in (
            (dispatch, "act"), (dispatch, "begin_all"), (trial, "run"), (agents, "probe"),
            (knowledge_api, "search"), (stores, "current"),
        ):  # fmt: skip
            patch.setattr(module, name, reached)
        patch.setattr(indexing, "wake", lambda: None)
        patch.setattr("channels.consumer.aclose_old_connections", stays_open)
        patch.setattr("channels.db.close_old_connections", lambda: None)
        channel_layers.backends.clear()
        yield build()
        transaction.set_rollback(True)


@contextmanager
def taken_back() -> Iterator[None]:
    """What happens within leaves nothing behind."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def addresses() -> dict[str, URLPattern]:
    """Every address but the admin site's, by name; two have none."""
    return {pattern.name or _unnamed(path): pattern for path, pattern in _walk(get_resolver().url_patterns)}


def _walk(patterns: Any, path: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in patterns:
        where = f"{path}{one.pattern}"
        if where.startswith("admin/"):
            continue
        if isinstance(one, URLPattern):
            yield where, one
        else:
            yield from _walk(one.url_patterns, where)


def _unnamed(path: str) -> str:
    return {"favicon.ico": "favicon", "api/v1/^.*$": "unknown"}[path]


NAMED = addresses()


def address(door: Door, place: Place) -> str:
    """Where the door is for the objects of a place."""
    odd = {"favicon": "/favicon.ico", "unknown": "/api/v1/nothing/"}
    if door.name in odd:
        return odd[door.name]
    known = {**place.kwargs.get(door.noun, {}), "word": "forged"}
    pattern = NAMED[door.name].pattern
    kwargs = {name: known[name] for name in pattern.regex.groupindex if name in known}
    query = door.query.format(**{noun: place.objects[noun].pk for noun in ("run", "orchestration")})
    return reverse(door.name, kwargs=kwargs) + (f"?{query}" if query else "")


def knock(client: Client, door: Door, place: Place) -> Any:
    """Try a door; pages get their forms as forms, REST as JSON."""
    where = address(door, place)
    if door.method == "get":
        return client.get(where)
    form = not where.startswith("/api/") and door.name != "builder_edits"
    if form and door.method == "post":
        return client.post(where, door.send or {})
    return getattr(client, door.method)(where, door.send or {}, content_type=JSON)


@pytest.fixture(scope="module")
def clients(world: dict[tuple[str, str], Place]) -> dict[tuple[str, str], Client]:
    """A signed-in browser for each place."""
    found = {}
    for key, place in world.items():
        found[key] = Client()
        found[key].force_login(place.person)
    return found
