"""The demo's people and how their password is known."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.conf import settings

from orchestrator.models import Role, User

PEOPLE = (("superadmin", Role.SUPERADMIN), ("admin", Role.ADMIN), ("user", Role.USER))


@dataclass(frozen=True, slots=True)
class Account:
    """A demo account; ``password`` is None once somebody changed it."""

    username: str
    role: str
    password: str | None


def password() -> str:
    """DEMO_PASSWORD, else the one generated at the first start and kept in DATA_DIR for the next."""
    if settings.DEMO_PASSWORD:
        return str(settings.DEMO_PASSWORD)
    file = settings.DATA_DIR / "demo_password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(9))
    return str(file.read_text().strip())


def ensure() -> list[Account]:
    """Make the accounts that are missing; returns all of them as they are."""
    word = password()
    accounts = []
    for username, role in PEOPLE:
        person = User.objects.filter(username=username).first()
        if person is None:
            person = User.objects.create_user(username, f"{username}@example.org", word, role=role)
        known = person.check_password(word)
        accounts.append(Account(username, person.get_role_display(), word if known else None))
    return accounts
