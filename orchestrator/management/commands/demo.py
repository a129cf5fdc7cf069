"""``manage.py demo``: load the demo content. Idempotent; what people changed stays as they left it."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from orchestrator.demo import accounts, content


class Command(BaseCommand):
    """Load the demo content and print its accounts."""

    help = "Create the demo accounts, model, knowledge base and orchestrations where they are missing."

    def handle(self, **options: Any) -> None:
        """Make what is missing, then say who can sign in."""
        people = accounts.ensure()
        content.ensure()
        self.stdout.write("\nDemo accounts:")
        for person in people:
            word = person.password or "(the password was changed)"
            self.stdout.write(f"  {person.username:<12} {word:<16} {person.role}")
