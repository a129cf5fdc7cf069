"""Ids that one query gives to another."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import QuerySet


def among(ids: QuerySet[Any]) -> QuerySet[Any] | list[Any]:
    """What to put behind ``__in``: ``ids`` is a ``values_list("...", flat=True)``.

    On MongoDB the ids themselves, since a subquery there becomes a join of every row; on SQLite the
    subquery, since a statement holds 32,766 parameters at most.
    """
    return list(ids) if connection.vendor == "mongodb" else ids
