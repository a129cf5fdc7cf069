"""How bases, documents and hits look over REST."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from knowledge.models import Document, KnowledgeBase
from knowledge.policies import Rights
from knowledge.search import MOST
from orchestrator.access_api import AccessSerializer
from orchestrator.grants import access_of


class KnowledgeBaseSerializer(serializers.ModelSerializer[KnowledgeBase]):
    """A base and how much is in it; ``passages`` counts what is searchable."""

    documents = serializers.SerializerMethodField()
    passages = serializers.SerializerMethodField()
    may_edit = serializers.SerializerMethodField()

    class Meta:
        model = KnowledgeBase
        fields: tuple[str, ...] = (
            *("id", "name", "slug", "description", "documents", "passages", "revision", "created_at"),
            "may_edit",
        )
        read_only_fields = ("slug", "revision", "created_at")

    def get_documents(self, base: KnowledgeBase) -> int:
        """How many documents."""
        return self._sizes(base)[0]

    def get_passages(self, base: KnowledgeBase) -> int:
        """How many searchable passages."""
        return self._sizes(base)[1]

    def get_may_edit(self, base: KnowledgeBase) -> bool:
        """Whether the caller may edit it."""
        return self._rights.may_edit(base)

    @property
    def _rights(self) -> Rights:
        return cast(Rights, self.context["rights"])

    def _sizes(self, base: KnowledgeBase) -> tuple[int, int]:
        sizes: dict[Any, tuple[int, int]] = self.context["sizes"]
        return sizes.get(base.pk, (0, 0))


class KnowledgeBaseDetailSerializer(KnowledgeBaseSerializer):
    """The same with who may do what; that is shown to who may edit it."""

    access = AccessSerializer(many=True, required=False)

    class Meta(KnowledgeBaseSerializer.Meta):
        fields = (*KnowledgeBaseSerializer.Meta.fields, "access")

    def to_representation(self, base: KnowledgeBase) -> dict[str, Any]:
        """Rights are rows of their own."""
        shown = super().to_representation(base)
        return {**shown, "access": access_of(base) if self._rights.may_edit(base) else []}


class ProgressSerializer(serializers.Serializer[Any]):
    """Passages indexed so far, of how many; 0 of 0 before the document was cut."""

    done = serializers.IntegerField(source="chunks_done")
    total = serializers.IntegerField(source="chunks_total")


class DocumentSerializer(serializers.ModelSerializer[Document]):
    """A document and how far its indexing is; ``reason`` says why it failed."""

    progress = ProgressSerializer(source="*", read_only=True)

    class Meta:
        model = Document
        fields = (
            *("id", "name", "media_type", "size", "sha256", "state", "reason"),
            *("passages", "progress", "created_at", "updated_at"),
        )
        read_only_fields = fields


class UploadSerializer(serializers.Serializer[Any]):
    """Files of one request; a document of the same name is replaced."""

    files = serializers.ListField(child=serializers.FileField(use_url=False))


class QuestionSerializer(serializers.Serializer[Any]):
    """What to look for."""

    query = serializers.CharField(max_length=4_000)
    k = serializers.IntegerField(min_value=1, max_value=MOST, default=5)
    min_score = serializers.FloatField(min_value=0, max_value=1, default=None, allow_null=True)
    highlights = serializers.BooleanField(default=False)


class MarkSerializer(serializers.Serializer[Any]):
    """``text[start:end]`` matches by its words, or is the sentence nearest in meaning."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()
    kind = serializers.ChoiceField(["words", "meaning"])


class HitSerializer(serializers.Serializer[Any]):
    """A passage, best first; ``score`` is from 0 to 1 and never rises from one to the next."""

    text = serializers.CharField()
    score = serializers.FloatField()
    document = serializers.CharField(help_text="The document's name.")
    document_id = serializers.UUIDField()
    chunk = serializers.IntegerField(help_text="Its number within the document, from 1.")
    page = serializers.SerializerMethodField()
    heading = serializers.CharField()
    found_by = serializers.SerializerMethodField()
    highlights = serializers.SerializerMethodField()

    def get_page(self, hit: Any) -> int | None:
        """From 1; null where the format has no pages."""
        return hit.page or None

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(["words", "meaning"])))
    def get_found_by(self, hit: Any) -> list[str]:
        """Which halves of the search found it."""
        return sorted(hit.found_by, reverse=True)

    @extend_schema_field(MarkSerializer(many=True))
    def get_highlights(self, hit: Any) -> list[dict[str, Any]]:
        """Where it matches; empty unless asked for."""
        return [mark._asdict() for mark in hit.highlights]


class HitsSerializer(serializers.Serializer[Any]):
    """The answer of a search."""

    results = HitSerializer(many=True)
    took_ms = serializers.FloatField()
