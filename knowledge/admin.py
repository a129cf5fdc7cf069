"""Django's admin: bases, documents and their passages; deleting goes through the verbs.

The verbs are imported where they are called: every command loads this module, few need numpy (0.25 s).
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from knowledge.models import Chunk, Document, KnowledgeBase
from orchestrator.errors import ProductError
from orchestrator.models import User

Rows = QuerySet[Any]


@admin.register(KnowledgeBase)
class KnowledgeBaseAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "revision", "created_by", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("name", "slug", "description")
    readonly_fields = ("slug", "revision", "created_by", "created_at")
    actions = ("rebuild_vectors",)
    list_per_page = 50

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        from knowledge import ingest

        if change:
            ingest.change_base(obj, obj.name, obj.description)
            return
        user = request.user if isinstance(request.user, User) else None
        made = ingest.create_base(user, obj.name, obj.description)
        obj.pk, obj.slug, obj._state.adding = made.pk, made.slug, False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        from knowledge import ingest

        ingest.delete_base(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Rows) -> None:
        from knowledge import ingest

        for base in queryset:
            ingest.delete_base(base)

    @admin.action(description="Make the vectors of the selected knowledge bases again")
    def rebuild_vectors(self, request: HttpRequest, queryset: Rows) -> None:
        from knowledge import vectors

        for base in queryset:
            made = vectors.rebuild(base)
            self.message_user(request, f"{base.name}: {made:,} vectors made.")


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "base", "state", "passages", "size", "uploaded_by", "updated_at")
    list_filter = ("state", "base")
    list_select_related = ("base", "uploaded_by")
    search_fields = ("name", "sha256", "reason")
    actions = ("try_again",)
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # an upload is more than a row

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        from knowledge import ingest

        ingest.delete_document(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Rows) -> None:
        from knowledge import ingest

        for document in queryset:
            ingest.delete_document(document)

    @admin.action(description="Try the selected failed documents again", permissions=["view"])
    def try_again(self, request: HttpRequest, queryset: Rows) -> None:
        from knowledge import ingest

        for document in queryset:
            try:
                ingest.retry_document(document)
            except ProductError as error:
                self.message_user(request, error.message, level="warning")


@admin.register(Chunk)
class ChunkAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("document", "number", "heading", "generation")
    list_filter = ("base",)
    list_select_related = ("document",)
    search_fields = ("text", "heading")
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only along with its document or base: Django asks this for the rows that those take along."""
        here = request.resolver_match
        return here is not None and not str(here.url_name).startswith("knowledge_chunk_")
