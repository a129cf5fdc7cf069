"""``manage.py import_orchestration FILE [--publish] [--owner NAME]``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from builder import verbs
from builder.document import parse
from orchestrator.errors import ProductError
from orchestrator.models import Role, User


class Command(BaseCommand):
    """Make an orchestration from a JSON or YAML document."""

    help = "Make an orchestration from a JSON or YAML document; prints its slug."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """FILE, --publish, --owner."""
        parser.add_argument("file", help="a .json, .yaml or .yml file, or - for YAML (or JSON) from stdin")
        parser.add_argument(
            "--publish", action="store_true", help="publish it too; refused if it has problems"
        )
        parser.add_argument("--owner", help="the user name of whom it belongs to (default: a SuperAdmin)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, store, and print the slug. Raises CommandError with the product's sentence."""
        try:
            document = parse(*_text(options["file"]))
            made = verbs.import_document(_owner(options["owner"]), document, publish=options["publish"])
        except ProductError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        self.stdout.write(made.slug)


def _text(file: str) -> tuple[bytes, str]:
    if file == "-":
        return sys.stdin.buffer.read(), "application/yaml"  # every JSON document is YAML too
    path = Path(file)
    return path.read_bytes(), path.name


def _owner(name: str | None) -> User:
    people = User.objects.filter(is_active=True)
    if name:
        found = people.filter(username=name).first()
        if found is None:
            raise CommandError(f"There is no user {name}.")
        return found
    found = people.filter(role=Role.SUPERADMIN).order_by("date_joined").first()
    if found is None:
        raise CommandError("There is no SuperAdmin yet; run `manage.py demo`, or name an --owner.")
    return found
