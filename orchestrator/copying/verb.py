"""Copy one database into another, and prove it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from orchestrator.copying.sides import BATCH, MongoSide, Side, side_of
from orchestrator.copying.tables import MADE_BY_MIGRATING, Table, Tally
from orchestrator.db.urls import database_of
from orchestrator.errors import Conflict, Invalid

SOURCE, TARGET = "copy_source", "copy_target"
ALIVE = timedelta(seconds=15)  # how fresh the heartbeat of a server process is
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """One table, as it is on both sides."""

    table: str
    rows: int
    hash: str


def copy_database(source_url: str, target_url: str, password: str, say: Say) -> list[Copied]:
    """Copy everything, compare counts and hashes of each table, and return them.

    Raises Invalid for a URL that is none, Conflict where the target is not empty, server processes run,
    the source is not migrated, or a table came out different; then the target is empty again.
    """
    if source_url == target_url:
        raise Invalid("FROM and TO are the same database.")
    if source_url.startswith("sqlite:///") and not Path(source_url.removeprefix("sqlite:///")).is_file():
        raise Invalid("FROM is no file that is there.")  # SQLite would make one
    with _opened(SOURCE, source_url, password) as source, _opened(TARGET, target_url, password) as target:
        if _unmigrated(SOURCE):
            raise Conflict("FROM is of another version. Run `migrate` on it first, with this version.")
        _refuse_unless_quiet(SOURCE)
        say("Preparing the tables of TO ...")
        call_command("migrate", database=TARGET, verbosity=0)
        _refuse_unless_empty(target)
        with source.reading(), target.filling():
            done = [
                _copy(source, target, one, other, say)
                for one, other in zip(source.tables, target.tables, strict=True)
            ]
            _refuse_unless_quiet(SOURCE)
        ContentType.objects.clear_cache()
    return done


def _copy(source: Side, target: Side, one: Table, other: Table, say: Say) -> Copied:
    """Copy one table in batches; raises Conflict where it does not read back as it was."""
    if one.name in MADE_BY_MIGRATING:
        target.clear(other)
    given, batch = Tally(), []
    for row in source.rows(one):
        given.add(row)
        batch.append(row)
        if len(batch) >= BATCH:
            target.add(other, batch)
            batch = []
    if batch:
        target.add(other, batch)
    if one.counted:
        target.count_on(other, max(source.last(one), _highest(target, other)))
    found = Tally()
    for row in target.rows(other):
        found.add(row)
    if (given.rows, given.hash) != (found.rows, found.hash):
        raise Conflict(
            f"{one.name} differs: {given.rows} rows were read and {found.rows} came out, with hashes "
            f"{given.hash[:12]} and {found.hash[:12]}. TO is empty again. Stop every server process that "
            "uses either, and copy again.",
            code="differs",
        )
    if given.rows:
        say(f"{one.name:<40} {given.rows:>10} rows  {given.hash[:16]}  equal")
    return Copied(one.name, given.rows, given.hash)


def _highest(side: Side, table: Table) -> int:
    place = table.columns.index(table.counted)
    return max((row[place] for row in side.rows(table)), default=0)


def _refuse_unless_empty(target: Side) -> None:
    if isinstance(target, MongoSide) and target.unfinished:
        return  # what is there is what a killed copy has left; filling begins with taking it away
    for table in target.tables:
        if table.name not in MADE_BY_MIGRATING and not target.empty(table):
            raise Conflict(
                f"TO is not empty: {table.name} has rows. Name a new database, or remove this one first.",
                code="not_empty",
            )


def _refuse_unless_quiet(alias: str) -> None:
    """Refuse while server processes write to the source: what they wrote meanwhile would be lost."""
    from runs.models import Worker

    fresh = Worker.objects.using(alias).filter(stopped_at=None, beat_at__gt=datetime.now(UTC) - ALIVE)
    names = ", ".join(fresh.values_list("name", flat=True)[:3])
    if names:
        raise Conflict(f"Server processes run on FROM ({names}). Stop them, and copy again.", code="in_use")


def _unmigrated(alias: str) -> bool:
    executor = MigrationExecutor(connections[alias])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def _opened(alias: str, url: str, password: str) -> Iterator[Any]:
    try:
        wanted = database_of(url, password)
    except ValueError as error:
        raise Invalid(f"{url.partition('@')[2] or url} {error}.") from error
    settings = connections.configure_settings({"default": {}, alias: wanted})[alias]
    connections.databases[alias] = settings
    try:
        yield side_of(alias)
    finally:
        connection = connections[alias]
        getattr(connection, "close_pool", connection.close)()
        del connections[alias]
        del connections.databases[alias]
