"""Answering by a link that came by mail. Opening it decides nothing; only its form does."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from orchestrator.errors import Conflict, Invalid
from orchestrator.models import User
from runs import answer_links
from runs.inbox_views import answer
from runs.models import Approval
from runs.pages.questions import question


@require_http_methods(["GET", "HEAD", "POST"])
def answer_by_link(request: HttpRequest, word: str) -> HttpResponse:
    """The question with its evidence; with POST, the answer of the person whose link it is."""
    approval, user = answer_links.read(word)
    if request.method != "POST":
        return _page(request, user, approval)
    try:
        answer(user, approval, request.POST)
    except Invalid as error:
        return _page(request, user, approval, error)
    except Conflict as error:
        return _page(request, user, answer_links.read(word)[0], error)
    return HttpResponseRedirect(request.path)


def _page(
    request: HttpRequest, user: User, approval: Approval, error: Invalid | Conflict | None = None
) -> HttpResponse:
    asked = question(user, approval, request.POST or None)
    if isinstance(error, Invalid) and asked["form"] and asked["form"].valid:
        asked["form"].blame(error.details.get("field"), error.message)
    shown = {"asked": asked, "reader": user, "refusal": error if isinstance(error, Conflict) else None}
    response = render(request, "runs/answer.html", shown, status=error.status if error else 200)
    response["X-Robots-Tag"] = "noindex"
    add_never_cache_headers(response)
    return response
