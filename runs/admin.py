"""Runs in the Django admin: read-only, since the journal owns the truth."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from runs import models


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's own are not subscriptable
    """Shows, never changes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(models.OrchestrationInstance)
class RunAdmin(ReadOnly):
    list_display = ("orchestration", "number", "status", "started_by", "started_at", "finished_at", "tokens")
    list_filter = ("status", "orchestration")
    search_fields = ("orchestration__name", "orchestration__slug", "started_by__username")
    date_hierarchy = None
    list_select_related = ("orchestration", "started_by")


@admin.register(models.StepRun)
class StepRunAdmin(ReadOnly):
    list_display = ("instance", "key", "type", "status", "epoch", "attempt", "started_at", "finished_at")
    list_filter = ("status", "type")
    search_fields = ("key", "name")
    list_select_related = ("instance",)


@admin.register(models.StepLog)
class StepLogAdmin(ReadOnly):
    list_display = ("at", "instance", "step", "level", "message")
    list_filter = ("level",)
    search_fields = ("message", "step")
    list_select_related = ("instance",)


@admin.register(models.JournalEntry)
class JournalEntryAdmin(ReadOnly):
    list_display = ("instance", "seq", "at", "kinds")
    search_fields = ("events",)
    list_select_related = ("instance",)

    @admin.display(description="events")
    def kinds(self, entry: models.JournalEntry) -> str:
        return ", ".join(event["kind"] for event in entry.events)


@admin.register(models.Approval)
class ApprovalAdmin(ReadOnly):
    list_display = ("message", "instance", "step", "status", "requested_at", "decided_by", "decided_at")
    list_filter = ("status",)
    search_fields = ("message", "step", "decided_by")
    list_select_related = ("instance",)


@admin.register(models.ApprovalMail)
class ApprovalMailAdmin(ReadOnly):
    list_display = ("user", "instance", "state", "due_at", "tries", "error")
    list_filter = ("state",)
    search_fields = ("user__username", "error")
    list_select_related = ("instance", "user")


@admin.register(models.Payload)
class PayloadAdmin(ReadOnly):
    list_display = ("sha256", "instance", "size", "created_at")
    search_fields = ("sha256",)
    list_select_related = ("instance",)


@admin.register(models.Timer)
class TimerAdmin(ReadOnly):
    list_display = ("instance", "step", "kind", "due_at")
    list_filter = ("kind",)
    search_fields = ("step",)
    list_select_related = ("instance",)


@admin.register(models.Worker)
class WorkerAdmin(ReadOnly):
    list_display = ("name", "host", "pid", "beat", "beat_at", "stopped_at")
    list_filter = ("host",)
    search_fields = ("name", "host")
