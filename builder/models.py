"""How steps are arranged: drafts, their published versions, and what follows from them."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from orchestrator.fields import JSONTextField
from orchestrator.models import BaseModel


class Orchestration(BaseModel):
    """A DAG of steps. Its draft is ONE document; ``revision`` rises with every edit (compare-and-set)."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    draft = JSONTextField(default=dict)
    revision = models.PositiveIntegerField(default=1)
    published_number = models.PositiveIntegerField(default=0)  # the newest version; 0 before the first
    published_revision = models.PositiveIntegerField(default=0)  # the draft's revision it was made from
    run_count = models.PositiveIntegerField(default=0)  # the last run's number
    keep_days = models.PositiveIntegerField(null=True, blank=True)  # ended runs are pruned after that
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class OrchestrationVersion(BaseModel):
    """A published document; never changed. Runs execute versions, not drafts."""

    orchestration = models.ForeignKey(Orchestration, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = JSONTextField(default=dict)
    sha256 = models.CharField(max_length=64)
    note = models.TextField(blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )

    class Meta:
        ordering = ("orchestration", "-number")
        constraints = [
            models.UniqueConstraint(fields=["orchestration", "number"], name="version_number_once")
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class Step(BaseModel):
    """A step of a draft as a row, for search and the admin; follows the document."""

    orchestration = models.ForeignKey(Orchestration, on_delete=models.CASCADE, related_name="steps")
    key = models.CharField(max_length=64)
    type = models.CharField(max_length=32, db_index=True)
    name = models.CharField(max_length=200, blank=True)
    config = JSONTextField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["orchestration", "key"], name="step_key_once")]

    def __str__(self) -> str:
        return self.name or self.key


class Edge(BaseModel):
    """An edge of a draft as a row, for search and the admin; follows the document."""

    orchestration = models.ForeignKey(Orchestration, on_delete=models.CASCADE, related_name="edges")
    source = models.CharField(max_length=64)
    port = models.CharField(max_length=32)
    target = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["orchestration", "source", "port", "target"], name="edge_once")
        ]

    def __str__(self) -> str:
        return f"{self.source}.{self.port} -> {self.target}"


class DraftEdit(BaseModel):
    """One person's edit of a draft with its inverse: what undo and redo apply."""

    orchestration = models.ForeignKey(Orchestration, on_delete=models.CASCADE, related_name="edits")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    revision = models.PositiveIntegerField()  # the draft's revision after it
    edit = JSONTextField(default=dict)
    inverse = JSONTextField(default=dict)
    undone = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["orchestration", "revision"], name="edit_revision_once")
        ]
        indexes = [models.Index(fields=["orchestration", "user"], name="edit_by_person")]

    def __str__(self) -> str:
        return f"revision {self.revision}"
