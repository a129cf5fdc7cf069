"""A database to measure in, and what its disk allows: one insert committed a step, as durable as ours."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import orjson
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from runs import journal
from runs.stores.mongodb import DURABLE

ENTRY = [
    {
        "kind": "step_completed", "step": "s100", "epoch": 1, "attempt": 1,
        "data": {"ports": ["success"], "output": {"ok": True}},
    },
    {"kind": "step_started", "step": "s101", "epoch": 1, "attempt": 1, "data": {"worker": "bench"}},
]  # fmt: skip
Insert = Callable[[int], float]


@contextmanager
def own_database(folder: str) -> Iterator[None]:
    """Point Django at a new database; nothing has connected yet."""
    default = connections["default"]
    default.close()
    before, mongodb = default.settings_dict["NAME"], default.vendor == "mongodb"
    name = f"bench_{uuid4().hex[:12]}" if mongodb else str(Path(folder) / "bench.sqlite3")
    default.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
    try:
        call_command("migrate", verbosity=0, skip_checks=True)
        yield
    finally:
        journal.close()
        if mongodb:
            default.database.client.drop_database(name)  # type: ignore[attr-defined]
        default.close()
        default.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = before


@contextmanager
def raw_inserts(file: Path) -> Iterator[Insert]:
    """What inserts ``count`` rows as large as a chain's entries, each durable, and gives the seconds."""
    row = {"run": "0" * 32, "events": orjson.dumps(ENTRY).decode()}
    if connections["default"].vendor == "mongodb":
        database = connections["default"].database  # type: ignore[attr-defined]
        rows = database["raw"].with_options(write_concern=DURABLE)
        yield _timed(lambda number: rows.insert_one({**row, "seq": number}))
        return
    raw = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, run TEXT, seq INTEGER, events TEXT)")
    statement = "INSERT INTO t (run, seq, events) VALUES (?,?,?)"
    yield _timed(lambda number: raw.execute(statement, (row["run"], number, row["events"])))
    raw.close()


def _timed(insert: Callable[[int], object]) -> Insert:
    def take(count: int) -> float:
        began = time.perf_counter()
        for number in range(count):
            insert(number)
        return time.perf_counter() - began

    return take
