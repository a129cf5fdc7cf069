"""``manage.py initiate_replica_set``: the first start of the MongoDB that DATABASE_URL names."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from orchestrator.db.mongodb import replica_set
from orchestrator.errors import ProductError


class Command(BaseCommand):
    """Once for a new MongoDB; harmless later."""

    help = "Make the MongoDB servers of DATABASE_URL a replica set, if they are none yet, and wait for it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Read --wait."""
        parser.add_argument("--wait", type=float, default=60, help="seconds to wait for the server")

    def handle(self, *, wait: float, **options: Any) -> None:
        """Do it, and say whether there was anything to do."""
        try:
            fresh = replica_set.initiate(
                settings.DATABASE_URL, settings.DATABASE_PASSWORD, wait, self.stdout.write
            )
        except ProductError as error:
            raise CommandError(error.message) from error
        self.stdout.write("The replica set is ready." if fresh else "It is a replica set already.")
