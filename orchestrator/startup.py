"""How a server process begins where others may begin too: wait for the database, migrate it once."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from pymongo.errors import PyMongoError

from orchestrator.db.turns import one_at_a_time
from orchestrator.errors import Unavailable

TRY_S = 1.0
Say = Callable[[str], None]


def wait_for_database(timeout_s: float, say: Say) -> None:
    """Return when the database answers; raises Unavailable after ``timeout_s`` seconds."""
    give_up = time.monotonic() + timeout_s
    while True:
        try:
            _ask()
            return
        except (DatabaseError, PyMongoError) as error:
            why = str(error).partition(", Timeout:")[0]
        if time.monotonic() >= give_up:
            raise Unavailable(
                f"The database did not answer within {timeout_s:.0f} s: {why}. "
                "Check that it runs and that DATABASE_URL is right.",
                code="no_database",
            )
        say(f"Waiting for the database: {why}")
        time.sleep(TRY_S)


def _ask() -> None:
    """Ask for what a migration needs: on MongoDB the primary, on SQLite a file that can be opened."""
    connection.ensure_connection()
    if connection.vendor == "mongodb":
        connection.database.command("ping")  # type: ignore[attr-defined]


def migrate_once(say: Say) -> None:
    """Bring the database's tables up to this version; processes that start together do it one by one."""
    if not _behind():
        return
    with one_at_a_time("migrate", lambda: say("Waiting for another process, which migrates the database.")):
        if not _behind():
            return
        say("Migrating the database ...")
        call_command("migrate", verbosity=0)
        say("The database is migrated.")


def _behind() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
