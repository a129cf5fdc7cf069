"""Runs in the Django admin: read-only, since the journal owns the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar

import orjson
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from orchestrator.errors import ProductError
from orchestrator.models import User
from orchestrator.read_only import ReadOnly
from runs import journal as journals
from runs import models, verbs

Run = models.OrchestrationInstance
Runs = QuerySet[Run]
JOURNAL_ROWS = 200


def _shown(value: Any) -> SafeString:
    return format_html("<pre>{}</pre>", orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def _link(row: Model, text: str) -> SafeString:
    """A link to a row's own page in the admin."""
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, text)


def _at(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="milliseconds")


def _kinds(entry: models.JournalEntry) -> str:
    return ", ".join(event["kind"] for event in entry.events)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> SafeString:
    head = format_html_join("", "<th>{}</th>", ((one,) for one in heads))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", head, body)


@admin.register(models.OrchestrationInstance)
class RunAdmin(ReadOnly):
    """Runs with their steps and journal; what is done to them here is done by the run page's verbs."""

    list_display = (
        "orchestration", "number", "status", "started_by", "started_at", "finished_at", "tokens", "page",
    )  # fmt: skip
    list_filter = ("status", "orchestration")
    search_fields = ("orchestration__name", "orchestration__slug", "started_by__username")
    date_hierarchy = None
    list_select_related = ("orchestration", "started_by")
    actions = ("cancel", "retry", "roll_back", "rebuild")
    fields = (
        "page", "orchestration", "version", "number", "status", "started_by", "started_at", "finished_at",
        "forked_from", "parent", "tokens", "cost", "given", "result", "fault", "steps", "journal",
    )  # fmt: skip
    readonly_fields = fields

    @admin.display(description="Run page")
    def page(self, run: Run) -> SafeString:
        return format_html('<a href="{}">Open run {}</a>', reverse("run", args=[run.pk]), run.number)

    @admin.display(description="Input")
    def given(self, run: Run) -> SafeString:
        return _shown(run.input)

    @admin.display(description="Output")
    def result(self, run: Run) -> SafeString:
        return _shown(run.output)

    @admin.display(description="Error")
    def fault(self, run: Run) -> SafeString:
        return _shown(run.error)

    @admin.display(description="Steps")
    def steps(self, run: Run) -> SafeString:
        rows = models.StepRun.objects.filter(instance=run).order_by("position")
        return _table(
            ("Step", "Type", "Status", "Epoch", "Attempt"),
            ((_link(row, row.key), row.type, row.status, row.epoch, row.attempt) for row in rows),
        )

    @admin.display(description="Journal")
    def journal(self, run: Run) -> SafeString:
        entries = models.JournalEntry.objects.filter(instance=run).order_by("-seq")[:JOURNAL_ROWS]
        return _table(
            (f"Entry (the last {JOURNAL_ROWS})", "At", "Events"),
            ((_link(entry, str(entry.seq)), _at(entry.at), _kinds(entry)) for entry in entries),
        )

    @admin.action(description="Cancel the selected runs", permissions=["view"])
    def cancel(self, request: HttpRequest, chosen: Runs) -> None:
        self._each(
            request, chosen, "cancelled", lambda user, run: verbs.cancel(user, run, "In the admin site")
        )

    @admin.action(description="Retry what failed or was cancelled in the selected runs", permissions=["view"])
    def retry(self, request: HttpRequest, chosen: Runs) -> None:
        self._each(request, chosen, "retried", verbs.retry)

    @admin.action(description="Roll the selected runs back as a whole", permissions=["view"])
    def roll_back(self, request: HttpRequest, chosen: Runs) -> None:
        self._each(
            request,
            chosen,
            "rolled back",
            lambda user, run: verbs.rollback(user, run, None, "In the admin site"),
        )

    @admin.action(
        description="Make the rows of the selected runs again from their journal", permissions=["view"]
    )
    def rebuild(self, request: HttpRequest, chosen: Runs) -> None:
        self._each(request, chosen, "made again", lambda _, run: journals.rebuild(run.pk))

    def _each(self, request: HttpRequest, chosen: Runs, done: str, verb: Callable[[User, Run], Any]) -> None:
        """Do it to each; what the verb refuses is told, and the others go on."""
        assert isinstance(request.user, User)  # the admin site lets nobody else in
        count = 0
        for run in chosen.select_related("orchestration"):
            try:
                verb(request.user, run)
                count += 1
            except ProductError as error:
                said = f"{run.orchestration.name}, run {run.number}: {error.message}"
                self.message_user(request, said, level="warning")
        if count:
            self.message_user(request, f"{count} run{'' if count == 1 else 's'} {done}.")


class OfRun(ReadOnly):
    """What belongs to a run, and leads to it."""

    list_select_related: ClassVar[Any] = ("instance__orchestration",)

    @admin.display(description="Run")
    def run(self, row: Any) -> SafeString:
        return _link(row.instance, f"{row.instance.orchestration.name}, run {row.instance.number}")


@admin.register(models.StepRun)
class StepRunAdmin(OfRun):
    list_display = ("key", "run", "type", "status", "epoch", "attempt", "started_at", "finished_at")
    list_filter = ("status", "type")
    search_fields = ("key", "name")


@admin.register(models.StepLog)
class StepLogAdmin(OfRun):
    list_display = ("at", "run", "step", "level", "message")
    list_filter = ("level",)
    search_fields = ("message", "step")


@admin.register(models.JournalEntry)
class JournalEntryAdmin(OfRun):
    list_display = ("seq", "run", "at", "kinds")
    search_fields = ("events",)
    fields = ("run", "seq", "at", "contents")
    readonly_fields = fields

    @admin.display(description="Events")
    def kinds(self, entry: models.JournalEntry) -> str:
        return _kinds(entry)

    @admin.display(description="Events")
    def contents(self, entry: models.JournalEntry) -> SafeString:
        return _shown(entry.events)


@admin.register(models.Approval)
class ApprovalAdmin(OfRun):
    list_display = ("message", "run", "step", "status", "requested_at", "decided_by", "decided_at")
    list_filter = ("status",)
    search_fields = ("message", "step", "decided_by")


@admin.register(models.ApprovalRecipient)
class ApprovalRecipientAdmin(ReadOnly):
    list_display = ("who", "approval")
    search_fields = ("who",)
    list_select_related = ("approval",)


@admin.register(models.ApprovalMail)
class ApprovalMailAdmin(OfRun):
    list_display = ("user", "run", "state", "due_at", "tries", "error")
    list_filter = ("state",)
    search_fields = ("user__username", "error")
    list_select_related: ClassVar[Any] = ("instance__orchestration", "user")


@admin.register(models.Payload)
class PayloadAdmin(OfRun):
    list_display = ("sha256", "run", "size", "created_at")
    search_fields = ("sha256",)


@admin.register(models.Timer)
class TimerAdmin(OfRun):
    list_display = ("step", "run", "kind", "due_at")
    list_filter = ("kind",)
    search_fields = ("step",)


@admin.register(models.Worker)
class WorkerAdmin(ReadOnly):
    list_display = ("name", "host", "pid", "beat", "beat_at", "stopped_at")
    list_filter = ("host",)
    search_fields = ("name", "host")


@admin.register(models.Limit)
class LimitAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("kind", "subject", "concurrency", "requests_per_minute", "tokens_per_minute")
    list_filter = ("kind",)
    search_fields = ("subject",)
