"""Query compilers: the vendor's with our pipelines, and an insert that numbers rows with an AutoField key."""

from __future__ import annotations

from typing import Any

from django.db.models import AutoField
from django_mongodb_backend import compiler as vendor
from django_mongodb_backend.compiler import SQLDeleteCompiler, SQLUpdateCompiler
from pymongo import ReturnDocument

from orchestrator.db.mongodb.query import Query

__all__ = [
    "SQLAggregateCompiler",
    "SQLCompiler",
    "SQLDeleteCompiler",
    "SQLInsertCompiler",
    "SQLUpdateCompiler",
]
COUNTERS = "orchestrator_counters"  # {_id: collection name, last: the highest key given out}


class SQLCompiler(vendor.SQLCompiler):  # type: ignore[misc]
    """Reads by pipelines that indexes can serve."""

    query_class = Query


class SQLAggregateCompiler(vendor.SQLAggregateCompiler):  # type: ignore[misc]
    """Likewise."""

    query_class = Query


class SQLInsertCompiler(vendor.SQLInsertCompiler):  # type: ignore[misc]
    """Gives each new row the next integer of its collection's counter."""

    def insert(self, docs: list[dict[str, Any]], returning_fields: Any = None) -> list[tuple[Any, ...]]:
        """Store ``docs``; returns their keys. A counter never goes back, so a key is never given twice."""
        key: Any = self.query.get_meta().pk
        if not isinstance(key, AutoField):
            return super().insert(docs, returning_fields=returning_fields)  # type: ignore[no-any-return]
        column = str(key.column)
        missing = [doc for doc in docs if doc.get(column) is None]
        given = [doc[column] for doc in docs if doc.get(column) is not None]
        if given:  # loaddata and migrations bring keys along: the counter must stay above them
            self._counters().update_one(
                {"_id": self.collection_name}, {"$max": {"last": max(given)}}, upsert=True
            )
        if missing:
            last = self._draw(len(missing))
            for number, doc in enumerate(missing, start=last - len(missing) + 1):
                doc[column] = number
        super().insert(docs)
        return [(doc[column],) for doc in docs] if returning_fields else []

    def _draw(self, count: int) -> int:
        """Reserve ``count`` keys; returns the last of them."""
        counter = self._counters().find_one_and_update(
            {"_id": self.collection_name},
            {"$inc": {"last": count}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(counter["last"])

    def _counters(self) -> Any:
        return self.connection.get_collection(COUNTERS)
