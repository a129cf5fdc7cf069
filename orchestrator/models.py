"""The foundation's nouns: people, what they were granted, and answers given once."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import uuid6
from django.contrib.auth.models import AbstractUser
from django.db import models

from orchestrator.fields import JSONTextField


def new_id() -> uuid.UUID:
    """A UUID version 7 (RFC 9562): unique, and later ids sort after earlier ones."""
    return uuid.UUID(int=uuid6.uuid7().int)


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

    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the person with the flags that the role implies."""
        if self._state.adding and self.is_superuser:
            self.role = Role.SUPERADMIN  # `createsuperuser` knows flags only
        self.is_staff = self.is_superuser = self.role == Role.SUPERADMIN
        super().save(*args, **kwargs)

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
    response = JSONTextField(default=None)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotent_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotent_created")]

    def __str__(self) -> str:
        return self.key
