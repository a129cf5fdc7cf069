"""Orchestrations in the Django admin: to look at. Drafts are changed by the builder's verbs only."""

from __future__ import annotations

from typing import Any

import orjson
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from builder.models import DraftEdit, Edge, Orchestration, OrchestrationVersion, Step
from orchestrator.read_only import ReadOnly


def _shown(value: Any) -> SafeString:
    return format_html("<pre>{}</pre>", orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


@admin.register(Orchestration)
class OrchestrationAdmin(ReadOnly):
    list_display = ("name", "slug", "published_number", "revision", "run_count", "created_by", "updated_at")
    list_filter = ("created_at", "updated_at")
    list_select_related = ("created_by",)
    search_fields = ("name", "slug", "description")
    ordering = ("name",)
    fields = (
        "name", "slug", "description", "created_by", "created_at", "updated_at", "revision",
        "published_number", "published_revision", "run_count", "keep_days",
        "document",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="Draft")
    def document(self, orchestration: Orchestration) -> SafeString:
        return _shown(orchestration.draft)


@admin.register(OrchestrationVersion)
class OrchestrationVersionAdmin(ReadOnly):
    list_display = ("orchestration", "number", "note", "published_by", "created_at")
    list_filter = ("created_at",)
    list_select_related = ("orchestration", "published_by")
    search_fields = ("orchestration__name", "orchestration__slug", "note")
    date_hierarchy = None
    ordering = ("-created_at",)
    fields = ("orchestration", "number", "note", "published_by", "created_at", "sha256", "contents")
    readonly_fields = fields

    @admin.display(description="Document")
    def contents(self, version: OrchestrationVersion) -> SafeString:
        return _shown(version.document)


@admin.register(Step)
class StepAdmin(ReadOnly):
    list_display = ("key", "name", "type", "orchestration")
    list_filter = ("type",)
    list_select_related = ("orchestration",)
    search_fields = ("key", "name", "orchestration__name")
    ordering = ("orchestration", "key")
    fields = ("orchestration", "key", "type", "name", "settings")
    readonly_fields = fields

    @admin.display(description="Config")
    def settings(self, step: Step) -> SafeString:
        return _shown(step.config)


@admin.register(Edge)
class EdgeAdmin(ReadOnly):
    list_display = ("source", "port", "target", "orchestration")
    list_filter = ("port",)
    list_select_related = ("orchestration",)
    search_fields = ("source", "target", "orchestration__name")
    ordering = ("orchestration", "source")


@admin.register(DraftEdit)
class DraftEditAdmin(ReadOnly):
    list_display = ("orchestration", "revision", "user", "says", "undone", "created_at")
    list_filter = ("undone", "created_at")
    list_select_related = ("orchestration", "user")
    search_fields = ("orchestration__name", "user__username")
    ordering = ("-created_at",)
    fields = ("orchestration", "revision", "user", "says", "undone", "created_at", "patches")
    readonly_fields = fields

    @admin.display(description="Edit")
    def says(self, edit: DraftEdit) -> str:
        return str(edit.edit.get("says", ""))

    @admin.display(description="Changes")
    def patches(self, edit: DraftEdit) -> SafeString:
        return _shown(edit.edit.get("patches", []))
