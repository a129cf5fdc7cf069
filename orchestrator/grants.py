"""Who was given which right on one object: one form and one list for every noun that can be shared."""

from __future__ import annotations

from typing import Any, TypedDict
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import models
from django.http import QueryDict

from orchestrator.errors import Invalid
from orchestrator.models import Grant, User
from orchestrator.rights import kind_of, rights_on

EVERYONE = "everyone"


class Access(TypedDict):
    """One right. ``who`` is ``everyone``, ``user:<user name>`` or ``group:<name>``, ``label`` its name."""

    who: str
    label: str
    right: str


def access_of(obj: models.Model) -> list[Access]:
    """The rights that were given on it, everyone's first. People who are gone are left out."""
    order = rights_on(type(obj))
    rows = list(_given(obj).values_list("who", "right"))
    names = _names({who for who, _ in rows})
    found = [
        Access(who=names[who][0], label=names[who][1], right=right) for who, right in rows if who in names
    ]
    return sorted(found, key=lambda one: (one["who"] != EVERYONE, one["who"], order.index(one["right"])))


def set_access(user: User, obj: models.Model, rights: Any) -> list[Access]:
    """Give exactly ``rights`` (a list of ``{who, right}``) and take all others.

    Raises Invalid for somebody who does not exist; then nothing changes.
    """
    wanted = {_read(number, one, rights_on(type(obj))) for number, one in enumerate(_list(rights))}
    for grant in _given(obj):
        if (grant.who, grant.right) not in wanted:
            grant.delete()
    for who, right in sorted(wanted):
        Grant.objects.get_or_create(kind=kind_of(type(obj)), object_id=obj.pk, who=who, right=right)
    return access_of(obj)


def forget(model: type[models.Model], pk: UUID) -> None:
    """Take all rights on an object that is gone."""
    Grant.objects.filter(kind=kind_of(model), object_id=pk).delete()


def sharing(obj: models.Model) -> dict[str, Any]:
    """What the form of rights shows: who holds which, one line each, and who could be given one."""
    names: dict[str, str] = {}
    held: set[tuple[str, str]] = set()
    for one in access_of(obj):
        names[one["who"]] = one["label"]
        held.add((one["who"], one["right"]))
    rights = rights_on(type(obj))
    shares = [
        {
            "who": who,
            "label": label,
            "rights": [{"right": right, "given": (who, right) in held} for right in rights],
        }
        for who, label in names.items()
    ]
    everybody = [
        {"who": one["who"], "label": one["label"], "name": one["who"].partition(":")[2]}
        for one in choices()
        if one["who"] not in names
    ]
    return {"shares": shares, "everybody": everybody, "rights": rights}


def posted(sent: QueryDict) -> list[dict[str, str]]:
    """What that form says: ``right`` is "start user:mary" for each tick, ``who`` gets each ``new``."""
    ticked = [value.partition(" ") for value in sent.getlist("right")]
    fresh = str(sent.get("who") or "")
    pairs = [(right, who) for right, _, who in ticked]
    pairs += [(right, fresh) for right in sent.getlist("new") if fresh]
    return [{"who": who, "right": right} for right, who in pairs]


def choices() -> list[Access]:
    """Everybody a right can be given to; ``right`` is empty."""
    people = User.objects.filter(is_active=True).order_by("username")
    return [
        Access(who=EVERYONE, label="Everyone", right=""),
        *(Access(who=f"group:{name}", label=name, right="") for name in _group_names()),
        *(Access(who=f"user:{one.username}", label=one.display_name, right="") for one in people),
    ]


def _given(obj: models.Model) -> models.QuerySet[Grant]:
    return Grant.objects.filter(kind=kind_of(type(obj)), object_id=obj.pk)


def _group_names() -> list[str]:
    return list(Group.objects.order_by("name").values_list("name", flat=True))


def _list(rights: Any) -> list[Any]:
    if not isinstance(rights, list) or len(rights) > 1_000:
        raise Invalid("Access is a list of rights, such as {who: everyone, right: view}.", field="access")
    return rights


def _read(number: int, one: Any, known: tuple[str, ...]) -> tuple[str, str]:
    """``who`` as grants store it (by id), and the right."""
    field = f"access.{number}"
    who, right = (one.get("who"), one.get("right")) if isinstance(one, dict) else (None, None)
    if right not in known:
        raise Invalid(f"A right is one of {', '.join(known)}.", field=f"{field}.right")
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
