"""The two kinds of database, each as something to read from and something to fill."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from django.db import IntegrityError, connections, transaction

from orchestrator.copying.tables import Row, Table, tables
from orchestrator.db.mongodb.compiler import COUNTERS
from orchestrator.errors import Conflict

BATCH = 2000  # rows read at a time
COPIES = "orchestrator_copies"  # on MongoDB: that a copy into this database has begun, and not ended


class Side(ABC):
    """One database. ``tables`` are in the same order on every side of the same version."""

    def __init__(self, alias: str) -> None:
        self.connection: Any = connections[alias]
        if self.connection.connection is None:
            self.connection.connect()
        self.tables = tables(self.connection)

    @abstractmethod
    def reading(self) -> AbstractContextManager[None]:
        """Read inside of it; where the database can, all reads see one moment."""

    @abstractmethod
    def filling(self) -> AbstractContextManager[None]:
        """Fill inside of it; after an exception the database is as empty as it was before."""

    @abstractmethod
    def rows(self, table: Table) -> Iterator[Row]:
        """Every row of a table, in no order."""

    @abstractmethod
    def add(self, table: Table, rows: list[Row]) -> None:
        """Store rows."""

    @abstractmethod
    def clear(self, table: Table) -> None:
        """Remove every row of a table."""

    @abstractmethod
    def last(self, table: Table) -> int:
        """The highest key that a table's counter has given out; 0 for none."""

    @abstractmethod
    def count_on(self, table: Table, last: int) -> None:
        """Have new rows of a table numbered after ``last``."""

    def empty(self, table: Table) -> bool:
        """Whether a table has no row."""
        return next(self.rows(table), None) is None


class SQLiteSide(Side):
    """One transaction for all: whatever goes wrong, even a power cut, leaves nothing behind."""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One read transaction: servers may go on, their writes are not seen."""
        with self.connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")

    @contextmanager
    def filling(self) -> Iterator[None]:
        """One write transaction; what a foreign key names may come later, and must be there at the end."""
        with transaction.atomic(self.connection.alias):
            yield
            try:
                self.connection.check_constraints()
            except IntegrityError as error:
                raise Conflict(f"A row refers to another that is not there: {error}") from error

    def rows(self, table: Table) -> Iterator[Row]:
        """By one cursor."""
        quoted = [self.connection.ops.quote_name(name) for name in (table.name, *table.columns)]
        with closing(self.connection.connection.cursor()) as cursor:
            cursor.execute(f"SELECT {', '.join(quoted[1:])} FROM {quoted[0]}")  # noqa: S608  # nosec B608 - names of models
            while batch := cursor.fetchmany(BATCH):
                yield from map(table.loaded, batch)

    def add(self, table: Table, rows: list[Row]) -> None:
        """By the driver's executemany."""
        quoted = [self.connection.ops.quote_name(name) for name in (table.name, *table.columns)]
        marks = ", ".join("?" * len(table.columns))
        statement = f"INSERT INTO {quoted[0]} ({', '.join(quoted[1:])}) VALUES ({marks})"  # noqa: S608  # nosec B608
        with self.connection.wrap_database_errors:
            self.connection.connection.executemany(statement, map(table.stored, rows))

    def clear(self, table: Table) -> None:
        """Inside of ``filling``."""
        with self.connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {self.connection.ops.quote_name(table.name)}")  # noqa: S608  # nosec B608

    def last(self, table: Table) -> int:
        """AUTOINCREMENT keeps it in a table of its own."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table.name])
            found = cursor.fetchone()
        return int(found[0]) if found else 0

    def count_on(self, table: Table, last: int) -> None:
        """Likewise."""
        with self.connection.cursor() as cursor:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table.name])
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table.name, last])


class MongoSide(Side):
    """No transaction holds that much, so a note says that a copy has begun, and goes when it is whole."""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nothing to hold: there is no view of one moment that lasts long enough."""
        yield

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Take away what an earlier copy has left unfinished; after an exception, what this one has."""
        notes = self.connection.database[COPIES]
        if notes.find_one({"_id": "copy"}):
            self._clear_all()
        notes.replace_one({"_id": "copy"}, {"_id": "copy"}, upsert=True)
        try:
            yield
        except BaseException:
            self._clear_all()
            notes.drop()
            raise
        notes.drop()

    @property
    def unfinished(self) -> bool:
        """Whether a copy into this database was killed before its end."""
        return self.connection.database[COPIES].find_one({"_id": "copy"}) is not None

    def _clear_all(self) -> None:
        for table in self.tables:
            self.clear(table)

    def rows(self, table: Table) -> Iterator[Row]:
        """By one cursor."""
        wanted = {"_id": 0, **dict.fromkeys(table.columns, 1)}
        for doc in self._collection(table).find({}, wanted, batch_size=BATCH):
            yield table.loaded(doc.get(column) for column in table.columns)

    def add(self, table: Table, rows: list[Row]) -> None:
        """By the driver's insert_many."""
        docs = [dict(zip(table.columns, table.stored(row), strict=True)) for row in rows]
        self._collection(table).insert_many(docs, ordered=False)

    def clear(self, table: Table) -> None:
        """The indexes stay."""
        self._collection(table).delete_many({})

    def last(self, table: Table) -> int:
        """What our insert compiler has drawn."""
        found = self.connection.database[COUNTERS].find_one({"_id": table.name})
        return int(found["last"]) if found else 0

    def count_on(self, table: Table, last: int) -> None:
        """Likewise."""
        self.connection.database[COUNTERS].replace_one(
            {"_id": table.name}, {"_id": table.name, "last": last}, upsert=True
        )

    def _collection(self, table: Table) -> Any:
        return self.connection.database[table.name]


def side_of(alias: str) -> Side:
    """The side that a connection is."""
    return MongoSide(alias) if connections[alias].vendor == "mongodb" else SQLiteSide(alias)
