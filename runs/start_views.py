"""Starting a run: the form drawn from the version's input schema."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from builder.models import Orchestration
from orchestrator import access
from orchestrator.errors import Invalid
from orchestrator.models import User
from runs import verbs
from runs.pages import starting


@login_required
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form, or start a run with what it holds."""
    assert isinstance(request.user, User)  # login_required saw to it
    orchestration = access.get(request.user, access.START, Orchestration, slug=slug)
    sent = request.POST if request.method == "POST" else None
    shown = starting.page(request.user, orchestration, request.GET, sent)
    form = shown["form"]
    if form is not None and sent is not None and form.valid:
        try:
            run = verbs.start(request.user, orchestration, form.value)
        except Invalid as error:
            form.blame(error.details.get("field"), error.message)
        else:
            return redirect("run", run.pk)
    return render(request, "runs/start.html", shown)
