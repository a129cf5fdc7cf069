"""Setting limits: who may, for whom, and how much. The doors ask here."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from agents.models import LLMModel
from builder.models import Orchestration
from orchestrator import access
from orchestrator.errors import Conflict, Forbidden, Invalid
from orchestrator.models import User
from runs.models import Limit

MOSTS = ("concurrency", "requests_per_minute", "tokens_per_minute")
MOST = 2_000_000_000  # what a column holds on every database
SUBJECTS: dict[str, tuple[type[Any], str]] = {
    Limit.Kind.USER: (User, "username"),
    Limit.Kind.ORCHESTRATION: (Orchestration, "slug"),
    Limit.Kind.MODEL: (LLMModel, "slug"),
}


def may_set(user: User, kind: str, subject: str) -> bool:
    """SuperAdmins all; Admins those of models; who may edit an orchestration those of that one."""
    if user.governs:
        return True
    if not subject or kind == Limit.Kind.USER:
        return False
    if kind == Limit.Kind.MODEL:
        return bool(user.designs)
    row = Orchestration.objects.filter(slug=subject).first()
    return row is not None and access.allowed(user, access.EDIT, row)


def found(kind: str, subject: str) -> Limit | None:
    """The limit of just this subject."""
    return Limit.objects.filter(kind=kind, subject=subject).first()


def create(user: User, kind: str, subject: str, **most: int | None) -> Limit:
    """A new limit. Raises Invalid for an unknown subject, Forbidden, Conflict ``limit_exists``."""
    _check(user, kind, subject, most)
    try:
        with transaction.atomic():
            return Limit.objects.create(kind=kind, subject=subject, **most)
    except IntegrityError as error:
        raise Conflict("There is such a limit already; change that one.", code="limit_exists") from error


def change(user: User, limit: Limit, **most: int | None) -> Limit:
    """Other figures; what is not named stays. Raises Invalid, Forbidden."""
    _check(user, limit.kind, limit.subject, most, there=True)
    for name, value in most.items():
        setattr(limit, name, value)
    limit.save()
    return limit


def delete(user: User, limit: Limit) -> None:
    """Lift it; what waits goes on within a second. Raises Forbidden."""
    _check(user, limit.kind, limit.subject, {}, there=True)
    limit.delete()


def put(user: User, kind: str, subject: str, **most: int | None) -> Limit | None:
    """The limit of a subject as a form says it: one without any figure is none. Raises as the others do."""
    known = found(kind, subject)
    if all(value is None for value in most.values()):
        if known is not None:
            delete(user, known)
        return None
    return create(user, kind, subject, **most) if known is None else change(user, known, **most)


def _check(user: User, kind: str, subject: str, most: dict[str, int | None], *, there: bool = False) -> None:
    if kind not in SUBJECTS:
        raise Invalid(f"A limit is for one of {', '.join(SUBJECTS)}.", field="kind")
    if not may_set(user, kind, subject):
        raise Forbidden("You may not set this limit.")
    model, field = SUBJECTS[kind]
    if subject and not there and not model._default_manager.filter(**{field: subject}).exists():
        raise Invalid(f"There is no {Limit.Kind(kind).label} “{subject}”.", field="subject")
    for name, value in most.items():
        if name not in MOSTS or (value is not None and not 0 <= value <= MOST):
            raise Invalid(f"A limit is a whole number from 0 to {MOST:,}.", field=name)
