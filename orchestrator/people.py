"""What a SuperAdmin does to people. Doors have asked whether they may."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from orchestrator import access
from orchestrator.errors import Conflict, Invalid
from orchestrator.models import ApiToken, AuditEntry, Role, User, signed_out

NAMES = ("first_name", "last_name", "email")
CHANGEABLE = (*NAMES, "role", "is_active")


class PeoplePolicy:
    """Who governs sees and changes people; for everybody else there are none."""

    def visible(self, user: User) -> models.QuerySet[User]:
        """All or nothing."""
        return User.objects.all() if user.governs else User.objects.none()

    def allows(self, user: User, action: str, obj: Any) -> bool:
        """All or nothing."""
        return user.governs


class AuditPolicy:
    """Who governs reads what was changed; nobody changes it."""

    def visible(self, user: User) -> models.QuerySet[AuditEntry]:
        """All or nothing."""
        return AuditEntry.objects.all() if user.governs else AuditEntry.objects.none()

    def allows(self, user: User, action: str, obj: Any) -> bool:
        """Only looking."""
        return action == access.VIEW


class ApiTokenPolicy:
    """A token belongs to its person alone."""

    def visible(self, user: User) -> models.QuerySet[ApiToken]:
        """The person's tokens that are not revoked."""
        return ApiToken.objects.filter(user=user, revoked_at=None)

    def allows(self, user: User, action: str, obj: Any) -> bool:
        """Everything with one's own."""
        return True


access.register(User, PeoplePolicy())
access.register(AuditEntry, AuditPolicy())
access.register(ApiToken, ApiTokenPolicy())


def create_person(username: str, password: str, role: str = Role.USER, **names: Any) -> User:
    """A new person. Raises Invalid (``details.field``), Conflict ``username_taken``."""
    person = User(username=username, role=_role(role), **{name: names.get(name) or "" for name in NAMES})
    _check_password(password, person)
    person.set_password(password)
    _clean(person)
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError as error:
        raise _taken(username) from error
    return person


def change_person(person: User, **changes: Any) -> User:
    """Change names, role or whether the account is on; another role or a switch ends every sign-in.

    Raises Invalid, and Conflict ``last_superadmin`` where nobody could govern afterwards.
    """
    given = {name: value for name, value in changes.items() if name in CHANGEABLE}
    if "role" in given:
        given["role"] = _role(given["role"])
    guard(person, given.get("role", person.role), given.get("is_active", person.is_active))
    for name, value in given.items():
        setattr(person, name, value)
    _clean(person)
    person.save(update_fields=list(given))
    return person


def set_password(person: User, password: str) -> None:
    """Give a person another password; it ends every sign-in. Raises Invalid."""
    _check_password(password, person)
    person.set_password(password)
    person.save(update_fields=["password"])


def sign_out(person: User) -> None:
    """End every session, token and socket of a person at once."""
    person.sign_in_revision += 1
    person.save(update_fields=["sign_in_revision"])
    signed_out.send(User, user=person)


def guard(person: User, role: str, is_active: bool) -> None:
    """Raise Conflict ``last_superadmin`` if with this role and switch nobody could govern any more."""
    governs_then = role == Role.SUPERADMIN and is_active
    if person._state.adding or governs_then or not (person.governs and person.is_active):
        return
    others = User.objects.filter(role=Role.SUPERADMIN, is_active=True).exclude(pk=person.pk)
    if not others.exists():
        message = f"{person.username} is the only active SuperAdmin; make somebody else one first."
        raise Conflict(message, code="last_superadmin")


def _role(role: str) -> str:
    if role not in Role.values:
        raise Invalid(f"A role is one of {', '.join(Role.values)}.", field="role")
    return role


def _clean(person: User) -> None:
    try:
        person.full_clean(exclude=["password"], validate_unique=False)
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Invalid(messages[0], field=field) from error
    if person._state.adding and User.objects.filter(username=person.username).exists():
        raise _taken(person.username)


def _taken(username: str) -> Conflict:
    return Conflict(f"Somebody is called {username} already.", code="username_taken", field="username")


def _check_password(password: str, person: User) -> None:
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="password") from error
