"""``manage.py prune``: remove ended runs that are no longer kept, and what nothing refers to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from runs import retention


class Command(BaseCommand):
    """Pruning by hand. Servers do the same every hour, but for payloads that nothing refers to."""

    help = (
        "Remove ended runs that are older than their orchestration keeps them, with all that belongs to "
        "them, and large values that nothing refers to."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --dry-run."""
        parser.add_argument("--dry-run", action="store_true", help="only say how much would be removed")

    def handle(self, *, dry_run: bool = False, **options: Any) -> None:
        """Prune, and say what went."""
        gone = retention.prune(datetime.now(UTC), dry_run=dry_run)
        what = f"{gone.runs} runs, {gone.payloads} unused payloads and {gone.calls} answers to repeated calls"
        self.stdout.write(f"{what} {'would be removed' if dry_run else 'are removed'}.")
