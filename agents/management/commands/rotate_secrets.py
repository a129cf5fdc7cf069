"""``manage.py rotate_secrets``: encrypt every stored secret with the present SECRET_KEY."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agents import secrets
from agents.models import Credential


class Command(BaseCommand):
    """Change SECRET_KEY without entering the credentials again."""

    help = (
        "Encrypt every credential with the present SECRET_KEY. The old key is read from a file (or - for "
        "standard input), so that it stands in no command line. All or nothing: where one secret cannot be "
        "read, none is changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The old key's file."""
        parser.add_argument("--old-key-file", required=True, help="A file that holds the old SECRET_KEY")

    def handle(self, **options: Any) -> None:
        """Read all with the old key (or the new: a second run is harmless), then store all."""
        old = self._old_key(options["old_key_file"])
        rows = [row for row in Credential.objects.all() if row.secret_encrypted]
        unreadable, renewed = [], []
        for row in rows:
            try:
                renewed.append((row, secrets.encrypt(secrets.decrypt(row.secret_encrypted, old))))
            except secrets.UnreadableError:
                unreadable.append(row.name)
        if unreadable:
            names = ", ".join(f"“{name}”" for name in unreadable)
            raise CommandError(f"Neither key reads {names}. Nothing was changed.")
        for row, token in renewed:
            Credential.objects.filter(pk=row.pk, secret_encrypted=row.secret_encrypted).update(
                secret_encrypted=token
            )
        self.stdout.write(f"{len(renewed)} secret{'' if len(renewed) == 1 else 's'} encrypted anew.")

    def _old_key(self, name: str) -> str:
        try:
            with open(0 if name == "-" else name, closefd=name != "-") as file:
                key = file.read().strip()
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}.") from error
        if not key:
            raise CommandError(f"{name} holds no key.")
        return key
