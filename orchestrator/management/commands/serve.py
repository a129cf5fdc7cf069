"""``manage.py serve``: what `make run` starts. Migrates, loads the demo, serves with daphne."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandParser, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from orchestrator import serving


class Command(BaseCommand):
    """Serve this product on the loopback interface, ready to use."""

    help = "Migrate, load the demo content and serve the product."
    requires_system_checks = ()  # daphne's process checks; a second start must be quick

    def add_arguments(self, parser: CommandParser) -> None:
        """Read --host and --port."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *, host: str, port: int, **options: Any) -> None:
        """Prepare the database, then hand the process over to daphne."""
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("Preparing the database ...")
            call_command("migrate", verbosity=0)
        call_command("demo", stdout=self.stdout)
        self.stdout.write(self.style.SUCCESS(f"\nOrchestrator is on http://{host}:{port}  (Ctrl-C stops it)"))
        self.stdout.flush()
        serving.serve(host, port)
