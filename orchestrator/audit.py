"""The audit log: every change to what governs the platform, written where it is stored.

An app says once which of its models count (``watch``); from then on each saved change of such a row is an
AuditEntry, whichever door it came through. Fields named as ``hidden`` are said to have changed, never what
they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.http import HttpRequest

from orchestrator.models import AuditEntry, Grant, User

IGNORED = frozenset(
    {"id", "created_at", "updated_at", "revision", "last_login", "date_joined", "sign_in_revision"}
)
HIDDEN = "(hidden)"
_request: ContextVar[HttpRequest | None] = ContextVar("request at hand", default=None)
_hidden: dict[type[models.Model], frozenset[str]] = {}


class RequestAtHand:
    """Middleware: lets the audit log know who acts and from where."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        """Keep the request while it is answered."""
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


def who_acts() -> tuple[str, str]:
    """User name and address of the request at hand; empty strings outside of one."""
    request = _request.get()
    if request is None:
        return "", ""
    user = getattr(request, "user", None)
    return (user.username if user is not None and user.is_authenticated else ""), address_of(request)


def address_of(request: HttpRequest) -> str:
    """Where a request came from; behind our TLS proxy, what that proxy has said last."""
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
    if settings.SECURE_PROXY_SSL_HEADER and forwarded:
        return forwarded.rpartition(",")[2].strip()[:64]
    return str(request.META.get("REMOTE_ADDR", ""))[:64]


def watch(model: type[models.Model], *, hidden: Iterable[str] = ()) -> None:
    """Write an entry for each row of ``model`` that is created, changed or deleted."""
    _hidden[model] = frozenset(hidden)
    label = model._meta.label_lower
    pre_save.connect(_before, model, dispatch_uid=f"audit before {label}")
    post_save.connect(_saved, model, dispatch_uid=f"audit saved {label}")
    post_delete.connect(_deleted, model, dispatch_uid=f"audit deleted {label}")


def _before(sender: type[models.Model], instance: Any, raw: bool = False, **_: Any) -> None:
    stored = None
    if not raw and not instance._state.adding:
        stored = sender._default_manager.filter(pk=instance.pk).first()
    instance._audited = _values(stored) if stored is not None else {}


def _saved(sender: type[models.Model], instance: Any, created: bool, raw: bool = False, **_: Any) -> None:
    if raw:
        return
    before, now = instance.__dict__.pop("_audited", {}), _values(instance)
    changed = [name for name in now if created or before.get(name) != now[name]]
    if not changed:
        return
    action = AuditEntry.Action.CREATED if created else AuditEntry.Action.CHANGED
    _write(instance, action, {name: before[name] for name in changed if name in before}, changed, now)


def _deleted(sender: type[models.Model], instance: Any, **_: Any) -> None:
    _write(instance, AuditEntry.Action.DELETED, _values(instance), [], {})


def _write(
    instance: Any, action: str, before: dict[str, Any], changed: list[str], now: dict[str, Any]
) -> None:
    hidden = _hidden[type(instance)]
    record(
        instance,
        action,
        {name: _shown(name, value, hidden) for name, value in before.items()},
        {name: _shown(name, now[name], hidden) for name in changed},
    )


def record(instance: Any, action: str, before: dict[str, Any], after: dict[str, Any]) -> AuditEntry:
    """Append one entry about ``instance``."""
    actor, address = who_acts()
    return AuditEntry.objects.create(
        actor=actor, address=address, action=action, kind=instance._meta.label_lower,
        object_id=str(instance.pk), object_name=str(instance)[:200], before=before, after=after,
    )  # fmt: skip


def _values(instance: Any) -> dict[str, Any]:
    """The stored columns, as JSON knows them."""
    return {
        field.attname: _plain(getattr(instance, field.attname))
        for field in instance._meta.concrete_fields
        if field.attname not in IGNORED
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, list, dict)) or value is None else str(value)


def _shown(name: str, value: Any, hidden: frozenset[str]) -> Any:
    return HIDDEN if name in hidden and value else value


def _groups_changed(
    sender: Any, instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **_: Any
) -> None:
    """Joining and leaving groups gives and takes rights."""
    if action not in ("post_add", "post_remove", "pre_clear"):
        return
    if action == "pre_clear":
        pk_set = set((instance.user_set if reverse else instance.groups).values_list("pk", flat=True))
    others = (User if reverse else Group).objects.filter(pk__in=pk_set or ())
    names = sorted(str(other) for other in others)
    if not names:
        return
    said = {"members" if reverse else "groups": names}
    gone = action != "post_add"
    record(instance, AuditEntry.Action.CHANGED, said if gone else {}, {} if gone else said)


def watch_people() -> None:
    """What the foundation itself watches."""
    watch(User, hidden=("password",))
    watch(Grant)
    watch(Group)
    m2m_changed.connect(_groups_changed, User.groups.through, dispatch_uid="audit groups")
