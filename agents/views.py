"""Pages of models, agents, tools and credentials: lists, forms with a try beside them, deletion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents import changes, forms, trial, uses
from agents.models import Agent, Credential, LLMModel, Named, Tool
from orchestrator import access
from orchestrator.errors import Invalid
from orchestrator.models import User


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the four kinds of rows, as its pages say it."""

    slug: str
    model: type[Named]
    form: type[forms.Dressed]
    noun: str
    summary: str
    icon: str
    ask: str = ""

    @property
    def nouns(self) -> str:
        """More than one of them."""
        return f"{self.noun}s"


# fmt: off
KINDS = {kind.slug: kind for kind in (
    Kind("agents", Agent, forms.AgentForm, "Agent", "An agent has instructions, a model and tools.",
         "agents", "Question"),
    Kind("models", LLMModel, forms.LLMModelForm, "Model", "A model is whom agents and steps ask.", "t-llm",
         "Question"),
    Kind("tools", Tool, forms.ToolForm, "Tool", "A tool is a call that agents may make.", "t-http",
         "Arguments as JSON"),
    Kind("credentials", Credential, forms.CredentialForm, "Credential",
         "A credential proves who calls; its secret is never shown.", "lock"),
)}
# fmt: on


def _person(request: HttpRequest) -> User:
    return cast("User", request.user)


def _page(request: HttpRequest, name: str, kind: Kind, status: int = 200, **values: Any) -> HttpResponse:
    shown = {"kind": kind, "kinds": KINDS.values(), "tries": trial.possible(kind.model), **values}
    return render(request, f"agents/{name}.html", shown, status=status)


@login_required
@require_GET
def listing(request: HttpRequest, kind: str) -> HttpResponse:
    """All of a kind."""
    access.check(_person(request), access.CREATE, KINDS[kind].model)
    rows = access.visible(_person(request), KINDS[kind].model).order_by("name")
    return _page(request, "list", KINDS[kind], rows=rows)


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, kind: str) -> HttpResponse:
    """Make one."""
    access.check(_person(request), access.CREATE, KINDS[kind].model)
    form = KINDS[kind].form(request.POST or None)
    if form.is_valid() and _stored(request, form, fresh=True):
        return redirect("edit_agent_row", kind, form.instance.slug)
    return _page(request, "form", KINDS[kind], 400 if form.is_bound else 200, form=form)


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, kind: str, slug: str) -> HttpResponse:
    """Change one, and try it."""
    row = access.get(_person(request), access.EDIT, KINDS[kind].model, slug=slug)
    again = access.get(_person(request), access.EDIT, KINDS[kind].model, slug=slug)
    form = KINDS[kind].form(request.POST or None, instance=again)
    if form.is_valid() and _stored(request, form, fresh=False):
        return redirect("edit_agent_row", kind, slug)
    return _page(request, "form", KINDS[kind], 400 if form.is_bound else 200, form=form, row=row)


@login_required
@require_POST
def attempt(request: HttpRequest, kind: str, slug: str) -> HttpResponse:
    """Try what is stored; for htmx the outcome alone."""
    row = access.get(_person(request), access.EDIT, KINDS[kind].model, slug=slug)
    if not trial.possible(KINDS[kind].model):
        raise Invalid(f"A {KINDS[kind].noun.lower()} cannot be tried by itself.")
    text = request.POST.get("text", "")
    outcome = trial.run(row, text)
    if getattr(request, "htmx", False):
        return render(request, "agents/_outcome.html", {"outcome": outcome})
    form = KINDS[kind].form(instance=row)
    return _page(request, "form", KINDS[kind], form=form, row=row, outcome=outcome, text=text)


@login_required
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, kind: str, slug: str) -> HttpResponse:
    """Ask once, then remove it; what is in use stays."""
    row = access.get(_person(request), access.EDIT, KINDS[kind].model, slug=slug)
    if request.method == "POST":
        changes.delete(row)
        return redirect("agent_rows", kind)
    return _page(request, "delete", KINDS[kind], row=row, used=uses.sentence(uses.of(row)))


def _stored(request: HttpRequest, form: forms.Dressed, *, fresh: bool) -> bool:
    """Store what the form says; a refusal is put beside its field."""
    secret = form.cleaned_data.get("secret") or None
    try:
        if fresh:
            changes.create(_person(request), form.instance, secret)
        else:
            changes.change(form.instance, secret)
    except Invalid as error:
        field = error.details.get("field")
        form.add_error(field if field in form.fields else None, error.message)
        return False
    return True
