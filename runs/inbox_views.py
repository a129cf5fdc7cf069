"""The inbox, and answering what waits there."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from orchestrator import access
from orchestrator.errors import Invalid
from orchestrator.models import User
from runs import verbs
from runs.models import Approval
from runs.pages import inbox as pages
from runs.pages.forms import SchemaForm
from runs.pages.questions import PREFIX
from runs.views import reader, went


@login_required
@require_GET
def inbox(request: HttpRequest, pk: uuid.UUID | None = None) -> HttpResponse:
    """What waits for the reader, with one question opened."""
    template = "runs/_inbox.html" if request.htmx else "runs/inbox.html"  # type: ignore[attr-defined]
    return render(request, template, pages.page(reader(request), pk))


@login_required
@require_POST
def decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Answer a question: approve, reject or submit, with a comment and the question's own form."""
    user = reader(request)
    approval = access.get(user, access.VIEW, Approval, pk=pk)
    try:
        answer(user, approval, request.POST)
    except Invalid as error:
        if "application/json" in request.headers.get("Accept", ""):
            raise
        shown = pages.page(user, pk, request.POST)
        if shown["asked"]["form"] and shown["asked"]["form"].valid:
            shown["asked"]["form"].blame(error.details.get("field"), error.message)
        return render(request, "runs/inbox.html", shown)
    return went(request, reverse("inbox"))


def answer(user: User, approval: Approval, sent: QueryDict) -> None:
    """Answer by a form that was ``sent``. Raises what ``verbs.decide_approval`` does."""
    form = SchemaForm(approval.form or {}, data=sent, prefix=PREFIX)
    decision, comment, read = (sent.get(name, "") for name in ("decision", "comment", "content_hash"))
    if not form.valid and decision != "reject":
        raise _refusal(form)
    verbs.decide_approval(user, approval, decision, comment, form.value if approval.form else None, read)


def _refusal(form: SchemaForm) -> Invalid:
    """All that is wrong with a form, each fault under its field's name; nothing is stored."""
    faults = form.faulty
    problems = [{"field": one.name, "label": one.label, "message": one.error} for one in faults]
    if not faults:
        return Invalid(form.error)
    message = f"{faults[0].label}: {faults[0].error}"
    if len(faults) > 1:
        message = f"Nothing was sent: {len(faults)} fields need another look."
    return Invalid(message, field=faults[0].name, problems=problems)
