"""Pages of limits: all of them, and what the forms of a model and an orchestration save."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from builder import verbs as orchestrations
from builder.models import Orchestration
from orchestrator import access
from orchestrator.errors import NotFound, ProductError
from orchestrator.models import User
from runs import limits
from runs.limit_forms import AnyLimitForm, LimitForm, RunningForm, stored
from runs.limits_told import NOUNS, called, each_said
from runs.models import Limit

PAGES = (Limit.Kind.MODEL, Limit.Kind.ORCHESTRATION)  # of which there is a page with their form


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)


@login_required
@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """All limits, and for SuperAdmins a form that sets, changes and lifts them."""
    person = _person(request)
    access.check(person, access.CREATE, Limit)
    kind, subject = request.GET.get("kind", ""), request.GET.get("subject", "")
    shown = {"kind": kind, "subject": subject, **stored(kind, subject)} if kind else None
    form = AnyLimitForm(request.POST or None, initial=shown, may_set=person.governs)
    if form.is_valid() and _put(person, form, form.cleaned_data["kind"], form.cleaned_data["subject"]):
        return redirect("limits")
    known = access.visible(person, Limit)
    rows = [{"limit": row, "called": called(row), "says": each_said(row)} for row in known]
    values = {"rows": rows, "form": form, "may_set": person.governs}
    return render(request, "runs/limits.html", values, status=400 if form.is_bound else 200)


@login_required
@require_POST
def save(request: HttpRequest, kind: str, subject: str) -> HttpResponse:
    """Save the limits of a model, or how an orchestration runs; for htmx the form alone."""
    person = _person(request)
    access.check(person, access.CREATE, Limit)
    if kind not in PAGES:
        raise NotFound("There is no page with such a form.")
    form = form_of(person, kind, subject, request.POST)
    saved = form.is_valid() and _put(person, form, kind, subject)
    if request.headers.get("HX-Request") == "true":
        return render(request, "runs/_limits.html", shown(person, kind, subject, form, saved=saved))
    return redirect(back(kind, subject))


def form_of(person: User, kind: str, subject: str, posted: Any = None) -> LimitForm:
    """The form for a subject, as it is stored or as it was posted."""
    made = RunningForm if kind == Limit.Kind.ORCHESTRATION else LimitForm
    return made(posted, initial=stored(kind, subject), may_set=limits.may_set(person, kind, subject))


def shown(person: User, kind: str, subject: str, form: LimitForm, *, saved: bool = False) -> dict[str, Any]:
    """What the form's template needs."""
    usual = limits.found(kind, "")
    each = limits.found(Limit.Kind.USER, "") if kind == Limit.Kind.ORCHESTRATION else None
    return {
        "form": form,
        "saved_limits": saved,
        "may_set": limits.may_set(person, kind, subject),
        "address": reverse("save_limits", args=[kind, subject]),
        "usual": each_said(usual) if usual is not None and limits.found(kind, subject) is None else "",
        "people": each_said(each) if each is not None else "",
        "noun": NOUNS[kind],
    }


def back(kind: str, subject: str) -> str:
    """The page that the form is on."""
    if kind == Limit.Kind.ORCHESTRATION:
        return f"{reverse('builder', args=[subject])}?settings=1#ip-running"
    return reverse("edit_agent_row", args=["models", subject])


def _put(person: User, form: LimitForm, kind: str, subject: str) -> bool:
    """Store what the form says; a refusal is put beside its field."""
    try:
        if "keep_days" in form.fields:
            row = access.get(person, access.EDIT, Orchestration, slug=subject)
            orchestrations.keep_runs(row, form.cleaned_data["keep_days"])
        limits.put(person, kind, subject, **form.most)
    except ProductError as error:
        field = error.details.get("field")
        form.add_error(field if field in form.fields else None, error.message)
        return False
    return True
