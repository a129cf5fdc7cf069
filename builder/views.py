"""Pages of the orchestrations: the list, new and import, the builder and what it posts."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from builder import edits as edits_of
from builder import forms, overview, posted, verbs, view_model
from builder.answer import answer, context, form_context, refusal
from builder.document import Kind, dump, parse
from builder.models import Orchestration
from builder.policies import EXPORT
from orchestrator import access, grants
from orchestrator.errors import ProductError
from orchestrator.models import User

CARDS = 24  # of a page of the list


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)


def _draft(request: HttpRequest, slug: str, action: str = access.EDIT) -> Orchestration:
    return access.get(_person(request), action, Orchestration, slug=slug)


@login_required
@require_GET
def orchestrations(request: HttpRequest) -> HttpResponse:
    """What the person may see, as cards."""
    query = request.GET.get("q", "").strip()[:120]
    found = Paginator(overview.found(_person(request), query), CARDS)
    page = found.get_page(request.GET.get("page"))
    values = {
        "cards": [overview.card(_person(request), one) for one in page],
        "page": page,
        "query": query,
        "found": found.count,
        "may_create": access.allowed(_person(request), access.CREATE, Orchestration),
    }
    return render(request, "builder/orchestrations.html", values)


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new, empty draft."""
    access.check(_person(request), access.CREATE, Orchestration)
    form = forms.NewOrchestration(request.POST or None)
    if form.is_valid():
        made = verbs.create(_person(request), **form.cleaned_data)
        return redirect("builder", made.slug)
    return render(request, "builder/new.html", {"form": form})


@login_required
@require_http_methods(["GET", "POST"])
def bring_in(request: HttpRequest) -> HttpResponse:
    """Import a document as a draft, and publish it where that was asked."""
    access.check(_person(request), access.CREATE, Orchestration)
    form = forms.ImportOrchestration(request.POST or None, request.FILES or None)
    values: dict[str, Any] = {"form": form}
    if form.is_valid():
        try:
            document = parse(*form.content())
            made = verbs.import_document(_person(request), document, publish=form.cleaned_data["publish"])
            return redirect("builder", made.slug)
        except ProductError as error:
            values["refusal"] = error.message
    return render(request, "builder/import.html", values, status=400 if form.is_bound else 200)


@login_required
@require_GET
def builder(request: HttpRequest, slug: str) -> HttpResponse:
    """The builder; for htmx and the page's own script only the inspector."""
    orchestration = _draft(request, slug, access.VIEW)
    if not _person(request).designs:
        if access.allowed(_person(request), access.START, orchestration):
            return redirect("start", slug)
        return redirect(f"{reverse('runs')}?orchestration={slug}")
    values = context(view_model.page(_person(request), orchestration))
    values |= form_context(
        orchestration, request.GET.get("step"), _person(request), settings="settings" in request.GET
    )
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "builder/_inspector.html" if fragment else "builder/builder.html", values)


@login_required
@require_POST
def edits(request: HttpRequest, slug: str) -> HttpResponse:
    """Do an edit; answer what looks different now, or why it was refused."""
    orchestration = _draft(request, slug)
    body = posted.read(request)
    current = body["revision"] == orchestration.revision
    before = view_model.page(_person(request), orchestration) if current else None
    try:
        applied = posted.perform(_person(request), orchestration, body)
    except ProductError as error:  # an answer like any other: browsers log a 4xx as the page's own error
        return JsonResponse({"refused": refusal(error)})
    after = view_model.page(_person(request), orchestration)
    made = list(applied.keys.values())
    return JsonResponse(answer(request, before, after, added=made, redraw=posted.redraws(body)))


@login_required
@require_GET
def state(request: HttpRequest, slug: str) -> HttpResponse:
    """The whole draft as it is now, for a page that fell behind."""
    page = view_model.page(_person(request), _draft(request, slug, EXPORT))
    return JsonResponse(answer(request, None, page, added=[], redraw=True))


@login_required
@require_GET
def lot(request: HttpRequest, slug: str) -> HttpResponse:
    """The steps that ``step`` names with the edges between them, for the clipboard."""
    draft = _draft(request, slug, EXPORT).draft
    keys = set(request.GET.getlist("step"))
    steps = [step for step in draft["steps"] if step["key"] in keys]
    edges = [edge for edge in draft["edges"] if edge["source"] in keys and edge["target"] in keys]
    return JsonResponse({"steps": steps, "edges": edges})


@login_required
@require_POST
def fields(request: HttpRequest, slug: str) -> HttpResponse:
    """Save a form of the inspector as a whole; for browsers without script."""
    orchestration = _draft(request, slug)
    key = request.POST.get("step", "")
    revision = int(request.POST.get("revision") or 0)
    for edit in posted.changed(orchestration, key, request.POST):
        revision = edits_of.apply(_person(request), orchestration, edit, revision).revision
    where = f"?step={key}" if key else "?settings=1"
    return redirect(f"{reverse('builder', args=[slug])}{where}#inspector")


@login_required
@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    """Make the draft a version, with a note."""
    orchestration = _draft(request, slug)
    form = forms.Publish(request.POST or None)
    if request.method == "POST" and form.is_valid():
        verbs.publish(_person(request), orchestration, form.cleaned_data["note"])
        return redirect("builder", slug)
    values = context(view_model.page(_person(request), orchestration))
    return render(request, "builder/publish.html", {**values, "form": form})


@login_required
@require_POST
def set_access(request: HttpRequest, slug: str) -> HttpResponse:
    """Who may view, start, approve and edit it."""
    orchestration = _draft(request, slug)
    verbs.set_access(_person(request), orchestration, grants.posted(request.POST))
    if request.headers.get("HX-Request") != "true":
        return redirect(f"{reverse('builder', args=[slug])}?settings=1#ip-access")
    values = {"page": {"slug": slug}, "saved_access": True, **grants.sharing(orchestration)}
    return render(request, "builder/_access.html", values)


@login_required
@require_GET
def export(request: HttpRequest, slug: str) -> HttpResponse:
    """The draft as a file, JSON or YAML."""
    orchestration = _draft(request, slug, EXPORT)
    kind: Kind = "yaml" if request.GET.get("format") == "yaml" else "json"
    headers = {"Content-Disposition": f'attachment; filename="{slug}.{kind}"'}
    return HttpResponse(dump(orchestration.draft, kind), content_type=f"application/{kind}", headers=headers)


@login_required
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask once, then remove the orchestration with its versions."""
    orchestration = _draft(request, slug)
    if request.method == "POST":
        verbs.delete(_person(request), orchestration)
        return redirect("orchestrations")
    return render(request, "builder/delete.html", {"orchestration": orchestration})
