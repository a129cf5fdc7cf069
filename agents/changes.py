"""Making, changing and deleting models, agents, tools and credentials. Doors have asked who may."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.text import slugify

from agents import uses, verbs
from agents.models import Credential, Named, Tool
from orchestrator.errors import Conflict, Invalid
from orchestrator.models import User

RESERVED = frozenset({"new", "try"})  # pages beside the rows have these addresses
SAME_NAMES = 1_000


def create(user: User, row: Named, secret: str | None = None) -> Named:
    """Store a new row; its slug is made from its name, with a number when taken, unless it has one.

    Raises Invalid for what could not be used, Conflict ``slug_taken`` for a given slug.
    """
    given = row.slug
    if isinstance(row, Tool):
        row.created_by = user
    _set_secret(row, secret, needed=True)
    for slug in islice([given] if given else _slugs(row.name), SAME_NAMES):
        row.slug = slug
        check(row)
        if type(row)._default_manager.filter(slug=slug).exists():
            continue
        try:
            with transaction.atomic():
                row.save(force_insert=True)
            return row
        except IntegrityError:  # taken in this moment
            continue
    message = f"Another {row._meta.verbose_name} goes by “{row.slug}”; choose another slug."
    raise Conflict(message, code="slug_taken", field="slug")


def change(row: Named, secret: str | None = None) -> Named:
    """Store a changed row; no ``secret`` keeps the stored one. Raises Invalid."""
    _set_secret(row, secret, needed=False)
    check(row)
    row.save()
    return row


def delete(row: Named) -> None:
    """Remove it; raises Conflict ``in_use`` that names what uses it."""
    found = uses.of(row)
    if found:
        message = f"“{row.name}” is used by {uses.sentence(found)}. Choose another there first."
        users = [use._asdict() for use in found]
        raise Conflict(message, code="in_use", users=users)
    try:
        row.delete()
    except ProtectedError as error:  # it came into use in this moment
        raise Conflict(f"“{row.name}” has just come into use.", code="in_use") from error


def check(row: Named) -> None:
    """Raise Invalid, with the first field that could not be used, and why."""
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        field, sentences = next(iter(error.message_dict.items()))
        details: dict[str, Any] = {"field": field, "fields": error.message_dict}
        raise Invalid(f"{field}: {sentences[0]}", **details) from error


def _set_secret(row: Named, secret: str | None, *, needed: bool) -> None:
    if not isinstance(row, Credential):
        return
    if secret:
        verbs.set_secret(row, secret)
    elif needed:
        raise Invalid("Enter the secret.", field="secret")


def _slugs(name: str) -> Iterator[str]:
    plain = slugify(name)[:100].strip("-") or "unnamed"
    if plain not in RESERVED:
        yield plain
    for number in range(2, SAME_NAMES + 2):
        yield f"{plain}-{number}"
