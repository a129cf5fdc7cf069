"""``manage.py bench_engine``: how many durable steps a second, beside what the disk allows.

Runs no-op ``transform`` steps through the real journal, executor and projections, in a database of its
own: on SQLite in a temporary folder, on MongoDB beside the one that DATABASE_URL names. The raw limit is
measured in the same run, before and after each round: one insert committed a step, as durable as ours.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.management import BaseCommand, CommandParser

from runs.bench.database import own_database, raw_inserts
from runs.bench.measurement import WARM_UP, Measurement
from runs.bench.shapes import SHAPES


class Command(BaseCommand):
    """See the module."""

    help = "Measure the engine in a database of its own."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Read the shape and the size."""
        parser.add_argument("--shape", choices=SHAPES, required=True)
        parser.add_argument("--size", type=int, required=True, help="Steps in all.")
        parser.add_argument("--repeat", type=int, default=1, help="Rounds; each figure is their median.")
        parser.add_argument("--json", action="store_true", help="Print one JSON line.")

    def handle(self, *, shape: str, size: int, repeat: int, **options: Any) -> None:
        """Measure, and say it."""
        with (
            tempfile.TemporaryDirectory(prefix="bench-", dir=settings.DATA_DIR) as folder,
            own_database(folder),
            raw_inserts(Path(folder) / "raw.sqlite3") as insert,
        ):
            insert(WARM_UP)
            found = Measurement(shape, size).take(max(1, repeat), insert)
        if options["json"]:
            self.stdout.write(orjson.dumps(found).decode())
        else:
            for name, value in found.items():
                self.stdout.write(f"{name:>24}  {value}")
