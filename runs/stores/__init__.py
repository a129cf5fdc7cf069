"""Where journal entries become durable: one store per kind of database."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from runs.stores.base import Store


def store_for_database() -> Store:
    """The store of the default database; raises ImproperlyConfigured for a kind that has none."""
    if connection.vendor == "sqlite":
        from runs.stores.sqlite import SQLiteStore

        return SQLiteStore()
    if connection.vendor == "mongodb":
        from runs.stores.mongodb import MongoStore

        return MongoStore()
    raise ImproperlyConfigured(f"The journal has no store for {connection.vendor}; use sqlite or mongodb.")
