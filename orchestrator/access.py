"""The one question: may this person do that to this object? Every door asks it here.

Apps register a policy per model; views, API, consumers and commands look objects up through
``get`` and list them through ``visible``. What a person may not see does not exist for them (404).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from orchestrator.errors import Forbidden, NotFound
from orchestrator.models import Grant, User

M = TypeVar("M", bound=models.Model)

VIEW = "view"
START = "start"
APPROVE = "approve"
EDIT = "edit"
CREATE = "create"


class Policy(Protocol):
    """What an app says about one of its models."""

    def visible(self, user: User) -> models.QuerySet[Any]:
        """The objects that ``user`` may see."""
        ...

    def allows(self, user: User, action: str, obj: Any) -> bool:
        """Whether ``user``, who may see ``obj``, may also do ``action`` (``obj`` is None for create)."""
        ...


_policies: dict[type[models.Model], Policy] = {}


def register(model: type[models.Model], policy: Policy) -> None:
    """Make ``policy`` the answer for ``model``; each app calls it once for each of its models."""
    _policies[model] = policy


def visible(user: User, model: type[M]) -> models.QuerySet[M]:
    """The objects of ``model`` that ``user`` may see."""
    if not user.is_authenticated or not user.is_active:
        return model._default_manager.none()
    return cast("models.QuerySet[M]", _policies[model].visible(user))


def allowed(user: User, action: str, obj: models.Model | type[models.Model]) -> bool:
    """Whether ``user`` may do ``action`` to ``obj`` (a model class asks about creating one)."""
    if not user.is_authenticated or not user.is_active:
        return False
    if isinstance(obj, type):
        return _policies[obj].allows(user, action, None)
    if not visible(user, type(obj)).filter(pk=obj.pk).exists():
        return False
    return action == VIEW or _policies[type(obj)].allows(user, action, obj)


def check(user: User, action: str, obj: models.Model | type[models.Model]) -> None:
    """Raise Forbidden unless ``allowed``."""
    if not allowed(user, action, obj):
        model = obj if isinstance(obj, type) else type(obj)
        raise Forbidden(f"You may not {action} this {model._meta.verbose_name}.")


def get(user: User, action: str, model: type[M], **lookup: Any) -> M:
    """The one object that ``lookup`` names.

    Raises NotFound where it is not there or not visible to ``user``, Forbidden where it is visible
    and ``action`` is not allowed.
    """
    try:
        obj = visible(user, model).get(**lookup)
    except (model.DoesNotExist, ValidationError, ValueError) as error:  # type: ignore[attr-defined]
        raise NotFound(f"There is no such {model._meta.verbose_name}.") from error
    if action != VIEW and not _policies[model].allows(user, action, obj):
        raise Forbidden(f"You may not {action} this {model._meta.verbose_name}.")
    return obj


def identities(user: User) -> list[str]:
    """The ``who`` values that mean this person in grants."""
    memberships = User.groups.through.objects.filter(user_id=user.pk)  # no join: its index answers
    groups = [f"group:{pk}" for pk in memberships.values_list("group_id", flat=True)]
    return ["everyone", f"user:{user.pk}", *groups]


def granted(user: User, kind: str, rights: Iterable[str]) -> list[UUID]:
    """The ids of the objects of ``kind`` on which ``user`` holds one of ``rights``."""
    return list(
        Grant.objects.filter(who__in=identities(user), kind=kind, right__in=list(rights)).values_list(
            "object_id", flat=True
        )
    )
