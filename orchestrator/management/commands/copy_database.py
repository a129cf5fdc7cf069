"""``manage.py copy_database FROM TO``: move to another database, in either direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from pymongo.errors import PyMongoError

from orchestrator.copying.verb import copy_database
from orchestrator.errors import ProductError


class Command(BaseCommand):
    """Between SQLite and MongoDB, both ways."""

    help = (
        "Copy everything from one database into another, empty one, table by table, and compare the rows' "
        "counts and hashes. FROM and TO are as DATABASE_URL. Stop the servers first. Whatever goes wrong, TO "
        "is empty again, and the command can be run once more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """FROM, TO and --password-file."""
        parser.add_argument("source", metavar="FROM")
        parser.add_argument("target", metavar="TO")
        parser.add_argument(
            "--password-file",
            help="the password for a MongoDB URL that names a user only (DATABASE_PASSWORD)",
        )

    def handle(self, *, source: str, target: str, password_file: str | None, **options: Any) -> None:
        """Copy, and say what is equal now and what is left to do."""
        try:
            password = (
                Path(password_file).read_text().strip() if password_file else settings.DATABASE_PASSWORD
            )
            done = copy_database(source, target, password, self.stdout.write)
        except ProductError as error:
            raise CommandError(error.message) from error
        except (DatabaseError, PyMongoError) as error:
            raise CommandError(f"{error}. Nothing is left in TO; mend this, and copy again.") from error
        except OSError as error:
            raise CommandError(f"{password_file} cannot be read: {error.strerror}.") from error
        rows = sum(table.rows for table in done)
        self.stdout.write(f"{rows} rows in {len(done)} tables are equal on both sides.")
        self.stdout.write("Set DATABASE_URL to TO, keep SECRET_KEY and DATA_DIR, and start the servers.")
