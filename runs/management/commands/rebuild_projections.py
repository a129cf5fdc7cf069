"""``manage.py rebuild_projections``: make the rows of runs anew from their journals."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs import journal
from runs.models import OrchestrationInstance


class Command(BaseCommand):
    """Statuses, steps, approvals and timers follow from the journal; this makes them follow."""

    help = "Make the rows of all runs, or of those named, anew from their journals. Harmless at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which runs."""
        parser.add_argument("run", nargs="*", help="Ids of runs; all of them when none is named.")

    def handle(self, **options: Any) -> None:
        """Rebuild run by run."""
        wanted = self._wanted(options["run"])
        for run_id in wanted:
            journal.rebuild(run_id)
        self.stdout.write(f"Rebuilt {len(wanted)} {'run' if len(wanted) == 1 else 'runs'}.")

    def _wanted(self, named: list[str]) -> list[UUID]:
        runs = OrchestrationInstance.objects.order_by("created_at")
        if not named:
            return list(runs.values_list("pk", flat=True))
        try:
            ids = [UUID(name) for name in named]
        except ValueError as error:
            raise CommandError(f"A run is named by its id: {error}.") from error
        missing = set(ids) - set(runs.filter(pk__in=ids).values_list("pk", flat=True))
        if missing:
            raise CommandError(f"There is no run {sorted(map(str, missing))[0]}.")
        return ids
