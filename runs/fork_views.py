"""Running again with changes: the page, and the form that starts the new run."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from orchestrator import access
from orchestrator.errors import Conflict, Invalid
from runs import forks
from runs.pages import forking
from runs.views import reader, run_of


@login_required
@require_http_methods(["GET", "POST"])
def fork(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show what can be changed, or start the run with what the form holds and go to it."""
    user, run = reader(request), run_of(request, pk)
    access.check(user, access.START, run.orchestration)
    sent = request.POST if request.method == "POST" else None
    page = forking.page(user, run, request.GET if sent is None else sent, sent)
    if sent is not None and page.ready:
        try:
            made = forks.fork(user, run, page.start, page.given, page.changed, page.version)
        except Invalid as error:
            page.blame(error)
        except Conflict as error:
            page.refused = error.message
        else:
            return redirect("run", made.pk)
    return render(request, "runs/fork.html", {"run": run, "page": page, "form": page.form})
