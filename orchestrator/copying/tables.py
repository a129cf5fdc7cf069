"""What there is to copy: the tables of all apps, and the meaning of their columns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import orjson
from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from orchestrator.fields import JSONTextField

Row = tuple[Any, ...]
Convert = Callable[[Any], Any]
MADE_BY_MIGRATING = ("django_content_type", "auth_permission")  # a fresh database has rows of its own there
MODULUS = 2**256


class Table:
    """One model's table as one database has it: stored values to Python's, and back."""

    def __init__(self, model: type[models.Model], connection: BaseDatabaseWrapper) -> None:
        self.name = model._meta.db_table
        self.fields = model._meta.concrete_fields
        self.columns = [str(field.column) for field in self.fields]
        key = model._meta.pk
        self.counted = (
            str(key.column) if isinstance(key, models.AutoField) else ""
        )  # numbered by the database
        self._read = [_reader(field, connection) for field in self.fields]
        self._write = [_writer(field, connection) for field in self.fields]

    def loaded(self, stored: Iterable[Any]) -> Row:
        """A row as Python's values."""
        return tuple(read(value) for read, value in zip(self._read, stored, strict=True))

    def stored(self, row: Row) -> list[Any]:
        """A row as the driver takes it."""
        return [write(value) for write, value in zip(self._write, row, strict=True)]


def tables(connection: BaseDatabaseWrapper) -> list[Table]:
    """Every table that migrations make, in a settled order."""
    migrated = MigrationLoader(connection).migrated_apps
    found = apps.get_models(include_auto_created=True)
    kept = [m for m in found if m._meta.managed and not m._meta.proxy and m._meta.app_label in migrated]
    return sorted((Table(model, connection) for model in kept), key=lambda table: table.name)


class Tally:
    """Counts rows and sums their hashes, so that the order in which they come does not matter."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, row: Row) -> None:
        """Count one row; of times only milliseconds count, since MongoDB keeps no more."""
        values = [_millisecond(value) if isinstance(value, datetime) else value for value in row]
        self.rows += 1
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(orjson.dumps(values)).digest())) % MODULUS

    @property
    def hash(self) -> str:
        """The sum in hexadecimal."""
        return f"{self._sum:064x}"


def _millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _reader(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Convert:
    """What Django does to a value that it reads; JSON stays its text."""
    expression: Any = field.get_col(field.model._meta.db_table)
    steps = list(connection.ops.get_db_converters(expression))
    if not isinstance(field, JSONTextField):
        steps += expression.get_db_converters(connection)
    if field.get_internal_type() == "FloatField":
        steps.append(
            lambda value, *_: None if value is None else float(value)
        )  # MongoDB may hold a whole one

    def read(value: Any) -> Any:
        for step in steps:
            value = step(value, expression, connection)
        return value

    return read


def _writer(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Convert:
    if isinstance(field, JSONTextField):
        return lambda text: text
    return lambda value: field.get_db_prep_save(value, connection)
