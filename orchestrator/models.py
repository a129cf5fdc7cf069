"""The foundation's nouns: people, what they were granted, and answers given once."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.dispatch import Signal
from django.utils.crypto import salted_hmac

from orchestrator.fields import JSONTextField
from orchestrator.ids import new_id

signed_out = Signal()  # user: all sign-ins of this person have just ended


class BaseModel(models.Model):
    """Every noun of ours: a time-ordered UUID that is also MongoDB's ``_id``, and when it was made."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False, db_column="_id")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class Role(models.TextChoices):
    """What a person is to the platform; each role may all that the next one may."""

    SUPERADMIN = "superadmin", "SuperAdmin"
    ADMIN = "admin", "Admin"
    USER = "user", "User"


class User(AbstractUser):
    """A person. ``role`` decides; Django's staff flags follow it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False, db_column="_id")
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.USER, db_index=True)
    sign_in_revision = models.PositiveIntegerField(default=0, editable=False)  # older sign-ins do not count

    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]
    ENDING: ClassVar[tuple[str, ...]] = ("role", "is_active", "password")  # changing one ends all sign-ins
    _stored: dict[str, Any] | None = None  # what of ENDING the database holds

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> User:
        """Remember what decides about being signed in."""
        user: User = super().from_db(*args, **kwargs)
        user._remember()
        return user

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Read again, and remember again."""
        super().refresh_from_db(*args, **kwargs)
        self._remember()

    def _remember(self) -> None:
        self._stored = {name: self.__dict__[name] for name in self.ENDING if name in self.__dict__}

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the person with the flags that the role implies.

        Another role, password or switch ends every session, token and socket that the person has.
        """
        if self._state.adding and self.is_superuser:
            self.role = Role.SUPERADMIN  # `createsuperuser` knows flags only
        self.is_staff = self.is_superuser = self.role == Role.SUPERADMIN
        written = kwargs.get("update_fields")
        ends = not self._state.adding and any(
            getattr(self, name) != old
            for name, old in (self._stored or {}).items()
            if written is None or name in written
        )
        if ends:
            self.sign_in_revision += 1
        if written is not None:
            flags = {"is_staff", "is_superuser"} if "role" in written else set()
            kwargs["update_fields"] = {*written, *flags, *({"sign_in_revision"} if ends else ())}
        super().save(*args, **kwargs)
        self._remember()
        if ends:
            signed_out.send(User, user=self)

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """Sessions made before the last change of role, password or switch do not count any more."""
        return salted_hmac(
            "orchestrator.User.session",
            f"{self.password}:{self.sign_in_revision}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    @property
    def designs(self) -> bool:
        """Whether this person may design orchestrations (Admin and above)."""
        return self.role in (Role.ADMIN, Role.SUPERADMIN)

    @property
    def governs(self) -> bool:
        """Whether this person governs the platform (SuperAdmin)."""
        return self.role == Role.SUPERADMIN

    @property
    def display_name(self) -> str:
        """The full name, else the user name."""
        return self.get_full_name() or self.username


class Grant(BaseModel):
    """One right on one object for one person, one group or everyone.

    ``who`` is ``user:<id>``, ``group:<id>`` or ``everyone``; rows instead of many-to-many, so that one
    query answers "what may I see" on both databases.
    """

    class Right(models.TextChoices):
        VIEW = "view", "View"
        START = "start", "Start"
        APPROVE = "approve", "Approve"
        EDIT = "edit", "Edit"

    kind = models.CharField(max_length=32)  # the model's label: "builder.orchestration"
    object_id = models.UUIDField()
    who = models.CharField(max_length=64)
    right = models.CharField(max_length=8, choices=Right.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id", "who", "right"], name="grant_once"),
        ]
        indexes = [models.Index(fields=["who", "kind"], name="grant_who_kind")]

    def __str__(self) -> str:
        return f"{self.who} may {self.right} {self.kind} {self.object_id}"


class IdempotentCall(BaseModel):
    """The first answer to a POST that carried an ``Idempotency-Key``; valid 24 hours."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)  # method, path and body
    status = models.PositiveSmallIntegerField(default=0)  # 0 while the first call is still at work
    process = models.CharField(max_length=200, blank=True)  # where it is at work
    response = JSONTextField(default=None)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotent_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotent_created")]

    def __str__(self) -> str:
        return self.key


class ApiToken(BaseModel):
    """A long-lived token for a person's programs; only its hash is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the token
    hint = models.CharField(max_length=12)  # how it begins, to tell tokens apart
    expires_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.name


class AuditEntry(BaseModel):
    """One change to what governs the platform: who, what, before, after, from where. Never updated."""

    class Action(models.TextChoices):
        CREATED = "created", "Created"
        CHANGED = "changed", "Changed"
        DELETED = "deleted", "Deleted"

    actor = models.CharField(max_length=150, blank=True)  # user name; empty: a command or the system
    address = models.CharField(max_length=64, blank=True)  # where the request came from
    action = models.CharField(max_length=8, choices=Action.choices)
    kind = models.CharField(max_length=64)  # the model's label: "agents.credential"
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=200)
    before = JSONTextField(default=dict)  # only what changed; secrets are never in it
    after = JSONTextField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ("-created_at",)
        indexes = [
            models.Index(fields=["created_at"], name="audit_created"),
            models.Index(fields=["kind", "object_id"], name="audit_object"),
            models.Index(fields=["actor", "created_at"], name="audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor or 'system'} {self.action} {self.kind} {self.object_name}"
