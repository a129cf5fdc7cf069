"""Who may view, start and edit one orchestration."""

from __future__ import annotations

from typing import Any, TypedDict
from uuid import UUID

from django.contrib.auth.models import Group

from builder.models import Orchestration
from builder.policies import EVERY_RIGHT, KIND
from orchestrator.errors import Invalid
from orchestrator.models import Grant, User

EVERYONE = "everyone"


class Access(TypedDict):
    """One right. ``who`` is ``everyone``, ``user:<user name>`` or ``group:<name>``, ``label`` its name."""

    who: str
    label: str
    right: str


def access_of(orchestration: Orchestration) -> list[Access]:
    """The rights that were given on it, everyone's first. People who are gone are left out."""
    rows = list(Grant.objects.filter(kind=KIND, object_id=orchestration.pk).values_list("who", "right"))
    names = _names({who for who, _ in rows})
    found = [
        Access(who=names[who][0], label=names[who][1], right=right) for who, right in rows if who in names
    ]
    return sorted(
        found, key=lambda one: (one["who"] != EVERYONE, one["who"], EVERY_RIGHT.index(one["right"]))
    )


def set_access(user: User, orchestration: Orchestration, rights: Any) -> list[Access]:
    """Give exactly ``rights`` (a list of ``{who, right}``) and take all others.

    Raises Invalid for somebody who does not exist; then nothing changes.
    """
    wanted = {_read(number, one) for number, one in enumerate(_list(rights))}
    given = Grant.objects.filter(kind=KIND, object_id=orchestration.pk)
    for grant in given:
        if (grant.who, grant.right) not in wanted:
            grant.delete()
    for who, right in sorted(wanted):
        Grant.objects.get_or_create(kind=KIND, object_id=orchestration.pk, who=who, right=right)
    return access_of(orchestration)


def choices() -> list[Access]:
    """Everybody a right can be given to; ``right`` is empty."""
    people = User.objects.filter(is_active=True).order_by("username")
    return [
        Access(who=EVERYONE, label="Everyone", right=""),
        *(Access(who=f"group:{name}", label=name, right="") for name in _group_names()),
        *(Access(who=f"user:{one.username}", label=one.display_name, right="") for one in people),
    ]


def _group_names() -> list[str]:
    return list(Group.objects.order_by("name").values_list("name", flat=True))


def _list(rights: Any) -> list[Any]:
    if not isinstance(rights, list) or len(rights) > 1_000:
        raise Invalid("Access is a list of rights, such as {who: everyone, right: start}.", field="access")
    return rights


def _read(number: int, one: Any) -> tuple[str, str]:
    """``who`` as grants store it (by id), and the right."""
    field = f"access.{number}"
    who, right = (one.get("who"), one.get("right")) if isinstance(one, dict) else (None, None)
    if right not in EVERY_RIGHT:
        raise Invalid(f"A right is one of {', '.join(EVERY_RIGHT)}.", field=f"{field}.right")
    if who == EVERYONE:
        return EVERYONE, right
    kind, _, name = str(who).partition(":")
    pk: Any = None
    if kind == "user" and name:
        pk = User.objects.filter(username=name).values_list("pk", flat=True).first()
    elif kind == "group" and name:
        pk = Group.objects.filter(name=name).values_list("pk", flat=True).first()
    if pk is None:
        message = f"There is nobody called {str(who)[:80]}; write everyone, user:NAME or group:NAME."
        raise Invalid(message, field=f"{field}.who")
    return f"{kind}:{pk}", right


def _names(stored: set[str]) -> dict[str, tuple[str, str]]:
    """For each stored ``who`` how it is written and what it is called."""
    names = {EVERYONE: (EVERYONE, "Everyone")}
    ids = [UUID(who.removeprefix("user:")) for who in stored if who.startswith("user:")]
    for person in User.objects.filter(pk__in=ids):
        names[f"user:{person.pk}"] = (f"user:{person.username}", person.display_name)
    groups = [int(who.removeprefix("group:")) for who in stored if who.startswith("group:")]
    for group in Group.objects.filter(pk__in=groups):
        names[f"group:{group.pk}"] = (f"group:{group.name}", group.name)
    return names
