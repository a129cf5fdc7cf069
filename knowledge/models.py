"""What the platform knows: bases, their documents, and the passages these are cut into."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from orchestrator.ids import new_id
from orchestrator.models import BaseModel


class KnowledgeBase(BaseModel):
    """A named set of documents; ``revision`` counts the changes to its passages."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, unique=True)
    description = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


def stored_path(document: Document, _: str) -> str:
    """Where a file is kept: under a random name without a suffix; nothing of the uploader's choosing."""
    return f"knowledge/{document.base_id.hex}/{new_id().hex}"


class Document(BaseModel):
    """One uploaded file; the name is unique in its base, so a second upload replaces the first.

    ``generation`` counts the attempts to index (each upload, claim and retry raises it): whoever holds an
    older number has lost its turn. ``live_generation`` is the one whose chunks are searched; it moves in
    one update when all of a generation's chunks are in, so a replacement is never half visible.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Waiting its turn"
        INDEXING = "indexing", "Indexing"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"

    base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="documents")
    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=120)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.FileField(upload_to=stored_path, max_length=500)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING, db_index=True)
    reason = models.TextField(blank=True)  # why it failed, as a sentence
    chunks_total = models.PositiveIntegerField(default=0)
    chunks_done = models.PositiveIntegerField(default=0)
    generation = models.PositiveIntegerField(default=1)
    live_generation = models.PositiveIntegerField(default=0)  # 0: nothing of it is searchable yet
    passages = models.PositiveIntegerField(default=0)  # chunks of the live generation
    worker = models.CharField(max_length=120, blank=True)  # who indexes it (knowledge.claims)
    started_at = models.DateTimeField(null=True, blank=True)  # of the running attempt
    seen_at = models.DateTimeField(null=True, blank=True)  # when its worker last reported
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["base", "name"], name="document_name_once")]

    def __str__(self) -> str:
        return self.name


class Chunk(BaseModel):
    """A passage of a document: the truth that search reads; vectors are rebuilt from it."""

    base = models.ForeignKey(KnowledgeBase, on_delete=models.CASCADE, related_name="chunks")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    generation = models.PositiveIntegerField(default=1)  # of the attempt that made it
    number = models.PositiveIntegerField()  # counts from 1 within the document
    text = models.TextField()
    heading = models.CharField(max_length=255, blank=True)
    page = models.PositiveIntegerField(default=0)  # 0 where the format has no pages

    class Meta:
        ordering = ("document", "number")
        constraints = [
            models.UniqueConstraint(fields=["document", "generation", "number"], name="chunk_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.document_id} #{self.number}"

    @property
    def body(self) -> str:
        """The text without the heading that it begins with."""
        return self.text.removeprefix(f"{self.heading}\n") if self.heading else self.text
