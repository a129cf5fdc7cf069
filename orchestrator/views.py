"""Home, sign in, profile."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from orchestrator import access, tokens
from orchestrator import home as home_page
from orchestrator.errors import ProductError
from orchestrator.forms import THEMES, NameForm, PasswordForm, SignInForm
from orchestrator.models import ApiToken, User

YEAR_S = 31_536_000
ROLES = {
    "superadmin": "SuperAdmin: governs the platform, its people and everything they make.",
    "admin": "Admin: designs orchestrations, runs them, and sees what they do.",
    "user": "User: starts runs, watches them and answers what they ask.",
}
SAVED = {
    "name": "Saved.",
    "password": "Your password is changed.",
    "browser": "Kept for this browser.",
    "revoked": "The token does not count any more.",
}


class SignIn(LoginView):
    """Sign in; the session ends with the browser unless the person asked to stay signed in."""

    form_class = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: SignInForm) -> HttpResponse:  # type: ignore[override]
        """Open the session for as long as was asked."""
        response = super().form_valid(form)
        if not form.cleaned_data["stay"]:
            self.request.session.set_expiry(0)
        return response


def locked_out(request: HttpRequest, response: HttpResponse, credentials: dict[str, str]) -> HttpResponse:
    """Answer who has tried too many passwords: 429, as a page or as JSON, and when to come back."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    message = f"Too many wrong passwords. Wait {seconds // 60} minutes, then sign in."
    if request.path.startswith("/api/"):
        body = {"code": "too_many_requests", "message": message, "details": {"retry_after_s": seconds}}
        answer: HttpResponse = JsonResponse(body, status=429)
    else:
        error = ProductError(message, code="too_many_requests")
        answer = render(request, "orchestrator/error.html", {"error": error}, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What waits for the person, what runs, what they may start; to the script its live part alone."""
    template = "orchestrator/_home_live.html" if request.htmx else "orchestrator/home.html"  # type: ignore[attr-defined]
    return render(request, template, home_page.page(_person(request)))


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Who the person is here; each of the page's forms is saved by itself."""
    person, part = _person(request), request.POST.get("part", "")
    if part == "browser":
        return _keep(request)
    if part == "revoke":
        own = access.get(person, access.EDIT, ApiToken, pk=request.POST.get("token", ""))
        tokens.revoke_api_token(own)
        return redirect(f"{request.path}?done=revoked")
    sent = request.POST if request.method == "POST" else None
    named = NameForm(sent if part == "name" else None, instance=User.objects.get(pk=person.pk))
    word = PasswordForm(person, sent if part == "password" else None)
    forms: dict[str, NameForm | PasswordForm] = {"name": named, "password": word}
    chosen = forms.get(part)
    if chosen is not None and chosen.is_valid():
        chosen.save()
        if part == "password":
            update_session_auth_hash(request, word.user)
        return redirect(f"{request.path}?done={part}")
    shown = {"name_form": named, "password_form": word, "themes": THEMES, "role": ROLES[person.role]}
    shown |= _tokens(person, request.POST.get("name", "") if part == "token" else None)
    return render(
        request, "orchestrator/profile.html", {**shown, "done": SAVED.get(request.GET.get("done", ""))}
    )


def _tokens(person: User, name: str | None) -> dict[str, Any]:
    """The person's API tokens; with ``name`` a new one, whose text is shown this once."""
    shown: dict[str, Any] = {}
    if name is not None:
        try:
            token, text = tokens.make_api_token(person, name)
            shown["made"] = {"name": token.name, "text": text}
        except ProductError as error:
            shown["token_error"] = error.message
    return {**shown, "tokens": access.visible(person, ApiToken)}


def _keep(request: HttpRequest) -> HttpResponse:
    """Remember colours and keys in this browser."""
    response = redirect(f"{request.path}?done=browser")
    theme = request.POST.get("theme", "")
    choices = {
        "theme": theme if theme in dict(THEMES) else "",
        "keys": "on" if request.POST.get("keys") else "off",
    }
    for name, value in choices.items():
        response.set_cookie(name, value, max_age=YEAR_S, samesite="Lax")
    return response


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # login_required saw to it
    return request.user
