"""The run page and what one can do there; each acting view calls one verb."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from orchestrator import access
from orchestrator.models import User
from runs import verbs
from runs.models import OrchestrationInstance
from runs.pages import listing, view_model
from runs.pages.look import WHOLE

REGIONS = ("bar", "verdict", "side", "slider")  # of the run page, each a template `_<name>.html`


@login_required
@require_GET
def runs(request: HttpRequest) -> HttpResponse:
    """The runs that the reader may see, newest first."""
    return render(request, "runs/runs.html", listing.page(reader(request), request.GET))


@login_required
@require_GET
def run(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One run, as the query says: which step, which tab, which moment."""
    return render(
        request, "runs/run.html", view_model.page(reader(request), run_of(request, pk), request.GET)
    )


@login_required
@require_GET
def run_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The same as JSON, for the page's script: what each card and edge is, and the regions as HTML."""
    shown = view_model.page(reader(request), run_of(request, pk), request.GET)
    answer = {
        "seq": shown["seq"],
        "now": shown["now"],
        "status": shown["status"],
        "over": shown["over"],
        "past": bool(shown["past"]),
        "hot": shown["hot"],
        "cards": {card["key"]: card["now"] for card in shown["cards"]},
        "edges": [edge["css"] for edge in shown["edges"]],
        "notes": [back["note"] for back in shown["backs"]],
        "regions": {name: render_to_string(f"runs/_{name}.html", shown, request) for name in REGIONS},
    }
    return JsonResponse(answer)


@login_required
@require_POST
def cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Stop the run."""
    return _act(request, pk, lambda user, one: verbs.cancel(user, one, reason=request.POST.get("reason", "")))


@login_required
@require_POST
def cancel_step(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponse:
    """Give up one step."""
    reason = request.POST.get("reason", "")
    return _act(request, pk, lambda user, one: verbs.cancel_step(user, one, key, reason))


@login_required
@require_POST
def retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let what failed run again."""
    return _act(request, pk, verbs.retry)


@login_required
@require_POST
def rollback(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Roll back to the step that the preview showed."""
    to, reason = request.POST.get("to", ""), request.POST.get("reason", "")
    return _act(
        request,
        pk,
        lambda user, one: verbs.rollback(user, one, to=None if to == WHOLE else to, reason=reason),
    )


@login_required
@require_POST
def resolve(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Say how a rollback goes on that is stuck."""
    step, action = request.POST.get("step", ""), request.POST.get("action", "")
    reason = request.POST.get("reason", "")
    return _act(request, pk, lambda user, one: verbs.resolve(user, one, step, action, reason))


def _act(
    request: HttpRequest, pk: uuid.UUID, verb: Callable[[User, OrchestrationInstance], Any]
) -> HttpResponse:
    """Do it, then show the run as it is now."""
    verb(reader(request), run_of(request, pk))
    return went(request, reverse("run", args=[pk]))


def went(request: HttpRequest, default: str) -> HttpResponse:
    """Where to go after an act: an address of ours that the form named, else ``default``."""
    named = request.POST.get("next", "")
    to = (
        named
        if url_has_allowed_host_and_scheme(named, {request.get_host()}, request.is_secure())
        else default
    )
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"go": to})
    return HttpResponseRedirect(to)


def run_of(request: HttpRequest, pk: uuid.UUID) -> OrchestrationInstance:
    """The run, with what its pages show of it. Raises NotFound where the reader may not see it."""
    found = access.get(reader(request), access.VIEW, OrchestrationInstance, pk=pk)
    return OrchestrationInstance.objects.select_related("orchestration", "version", "started_by").get(
        pk=found.pk
    )


def reader(request: HttpRequest) -> User:
    """Who is signed in."""
    assert isinstance(request.user, User)  # login_required saw to it
    return request.user
