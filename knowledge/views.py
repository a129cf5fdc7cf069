"""Pages of what is known: the list of bases, a base with its documents and a search to try, a document."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from knowledge import ingest, overview, readers, trial, uploads, uses
from knowledge.forms import BaseForm, SearchForm
from knowledge.models import Chunk, Document, KnowledgeBase
from knowledge.policies import Rights
from orchestrator import access, grants
from orchestrator.errors import Invalid, NotFound
from orchestrator.models import User


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)


def _base(request: HttpRequest, slug: str, action: str = access.EDIT) -> KnowledgeBase:
    return access.get(_person(request), action, KnowledgeBase, slug=slug)


def _document(request: HttpRequest, slug: str, pk: UUID, action: str = access.EDIT) -> Document:
    return access.get(_person(request), action, Document, pk=pk, base__slug=slug)


def _panel(request: HttpRequest, base: KnowledgeBase) -> dict[str, Any]:
    """What the documents panel shows."""
    may_edit = Rights(_person(request)).may_edit(base)
    return {"base": base, "panel": overview.panel(base, timezone.now()), "may_edit": may_edit}


def _around(request: HttpRequest, base: KnowledgeBase) -> dict[str, Any]:
    """What the page of a base shows beside a search."""
    return {"uses": uses.of(_person(request), base), **_panel(request, base), **_limits()}


@login_required
@require_GET
def bases(request: HttpRequest) -> HttpResponse:
    """The knowledge bases and how much is in them; for who may see none there is no such page."""
    query = request.GET.get("q", "").strip()[:120]
    found = access.visible(_person(request), KnowledgeBase)
    may_create = access.allowed(_person(request), access.CREATE, KnowledgeBase)
    if not may_create and not found.exists():
        raise NotFound("There is no such page.")
    shown = found.filter(name__icontains=query) if query else found
    values = {"bases": overview.bases(shown), "query": query, "any": found.exists()}
    values |= {"may_create": may_create}
    return render(request, "knowledge/bases.html", values)


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make a base."""
    access.check(_person(request), access.CREATE, KnowledgeBase)
    form = BaseForm(request.POST or None)
    if form.is_valid():
        made = ingest.create_base(_person(request), **form.cleaned_data)
        return redirect("knowledge_base", made.slug)
    return render(request, "knowledge/new.html", {"form": form}, status=400 if form.is_bound else 200)


@login_required
@require_GET
@vary_on_headers("HX-Request")  # or "back" may show the cached fragment as a page
def base(request: HttpRequest, slug: str) -> HttpResponse:
    """One base: its documents, and a search to try; for htmx the results alone."""
    shown = _base(request, slug, access.VIEW)
    values = {"base": shown, "trial": trial.run(shown, *SearchForm(request.GET).asked())}
    if getattr(request, "htmx", False):
        return render(request, "knowledge/_results.html", values)
    return render(request, "knowledge/base.html", {**values, **_around(request, shown)})


@login_required
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def documents(request: HttpRequest, slug: str) -> HttpResponse:
    """The documents panel, and uploads into it."""
    shown = _base(request, slug, access.VIEW if request.method == "GET" else access.EDIT)
    refused: list[str] | None = None
    if request.method == "POST":
        files = [file for _, found in request.FILES.lists() for file in found]
        refused = uploads.take(_person(request), shown, files) if files else ["Choose at least one file."]
    if getattr(request, "htmx", False):
        values = {"refused": refused, "update": True, **_panel(request, shown)}
        return render(request, "knowledge/_documents.html", values)
    if refused:
        values = {"refused": refused, "trial": trial.Trial(), **_around(request, shown)}
        return render(request, "knowledge/base.html", values, status=400)
    return redirect("knowledge_base", slug)


@login_required
@require_GET
def document(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """One document: how it is, and the passages that searches see."""
    shown = _document(request, slug, pk, access.VIEW)
    rows = Chunk.objects.filter(document=shown, generation=shown.live_generation)
    page = Paginator(rows, trial.PASSAGES_A_PAGE).get_page(request.GET.get("page"))
    line = overview.line(shown, timezone.now())
    values = {"line": line, "page": page, "may_edit": Rights(_person(request)).may_edit(shown.base)}
    return render(request, "knowledge/document.html", {**values, **_limits()})


@login_required
@require_POST
def replace(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """Give a document another file."""
    shown = _document(request, slug, pk)
    file = request.FILES.get("file")
    if file is None:
        raise Invalid("Choose a file that replaces it.", field="file")
    ingest.check_upload(file.name or "", file.size or 0, file.content_type or "")
    ingest.replace_document(_person(request), shown, file.name or "", file.read(), file.content_type or "")
    return redirect("knowledge_base", slug)


@login_required
@require_POST
def retry(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """Index a failed document once more."""
    shown = ingest.retry_document(_document(request, slug, pk))
    if getattr(request, "htmx", False):
        values = {"update": True, **_panel(request, _base(request, slug))}
        return render(request, "knowledge/_documents.html", values)
    return redirect("knowledge_base", shown.base.slug)


@login_required
@require_http_methods(["GET", "POST"])
def delete_document(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """Ask once, then remove the document."""
    shown = _document(request, slug, pk)
    if request.method == "POST":
        ingest.delete_document(shown)
        return redirect("knowledge_base", slug)
    return render(request, "knowledge/delete_document.html", {"document": shown})


@login_required
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Rename or describe a base."""
    shown = _base(request, slug)
    form = BaseForm(request.POST or None, instance=_base(request, slug))
    if form.is_valid():
        ingest.change_base(shown, **form.cleaned_data)
        return redirect("knowledge_base", slug)
    values = {"base": shown, "form": form, "sizes": overview.size(shown), **grants.sharing(shown)}
    return render(request, "knowledge/settings.html", values, status=400 if form.is_bound else 200)


@login_required
@require_POST
def set_access(request: HttpRequest, slug: str) -> HttpResponse:
    """Who may view and edit a base."""
    shown = _base(request, slug)
    grants.set_access(_person(request), shown, grants.posted(request.POST))
    if not getattr(request, "htmx", False):
        return redirect(f"{reverse('change_knowledge_base', args=[slug])}#access")
    values = {"base": shown, "saved_access": True, **grants.sharing(shown)}
    return render(request, "knowledge/_access.html", values)


@login_required
@require_http_methods(["GET", "POST"])
def delete_base(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask once, then remove the base with all that is in it."""
    shown = _base(request, slug)
    if request.method == "POST":
        ingest.delete_base(shown)
        return redirect("knowledge")
    values = {"base": shown, "sizes": overview.size(shown), "uses": uses.of(_person(request), shown)}
    return render(request, "knowledge/delete_base.html", values)


def _limits() -> dict[str, Any]:
    """What may be uploaded, in words and for the file input."""
    most = settings.UPLOAD_MAX_BYTES
    return {
        "accepts": readers.accepted(),
        "formats": readers.labels(),
        "most": most,
        "most_words": filesizeformat(most).replace(".0", ""),
    }
