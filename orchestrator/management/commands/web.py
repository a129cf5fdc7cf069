"""``manage.py web``: what production starts, any number of times at once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from orchestrator import serving, startup
from orchestrator.errors import ProductError


class Command(BaseCommand):
    """Serve in production: no demo, no debugging, migrations by one process while the others wait."""

    help = "Wait for the database, migrate it if need be, and serve the product on every interface."
    requires_system_checks = ()  # `check --deploy` is for before a roll-out; a restart must be quick

    def add_arguments(self, parser: CommandParser) -> None:
        """Read --host, --port and --wait."""
        parser.add_argument("--host", default="0.0.0.0")  # noqa: S104 # nosec B104 - a container's
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--wait", type=float, default=60, help="seconds to wait for the database")

    def handle(self, *, host: str, port: int, wait: float, **options: Any) -> None:
        """Prepare, then become daphne."""
        if settings.DEBUG:
            raise CommandError("DEBUG is on. It shows settings to visitors; unset it, or use `serve`.")
        try:
            startup.wait_for_database(wait, self._say)
            startup.migrate_once(self._say)
        except ProductError as error:
            raise CommandError(error.message) from error
        self._say(f"Serving {settings.PUBLIC_URL} on {host}:{port}")
        serving.serve(host, port)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
