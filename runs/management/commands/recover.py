"""``manage.py recover``: give work that nobody does back to the journal, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from runs.dispatch import Runtime
from runs.recovery import Sweep


class Command(BaseCommand):
    """Recovery by hand. Servers do the same by themselves, at their start and all the time."""

    help = (
        "Interrupt the steps of processes that are gone. A running server starts them again within a second; "
        "without one they stay ready until the next server starts."
    )

    def handle(self, **options: Any) -> None:
        """Look once, and say what was found."""
        sweep = Sweep(Runtime(""))
        gone = sweep.first()
        self.stdout.write(
            f"{gone} {'process is' if gone == 1 else 'processes are'} gone; their steps are ready."
        )
