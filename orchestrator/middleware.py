"""What every response carries, and how a refusal becomes a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from orchestrator import health
from orchestrator.errors import ProductError

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
zones = cache(available_timezones)
GetResponse = Callable[[HttpRequest], HttpResponse]


class Probes:
    """Answers health probes before anything else: they come without TLS, to an address of the machine's."""

    answers: ClassVar[dict[str, GetResponse]] = {"/health/live": health.live, "/health/ready": health.ready}

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe; pass everything else on."""
        return self.answers.get(request.path_info, self.get_response)(request)


class ContentSecurityPolicy:
    """A strict policy on every response: our own files only, nothing inline."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the header to what the view answered."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class ReadersZone:
    """Pages say times in the reader's own zone, which their browser told in the cookie ``tz``.

    The admin and REST stay in UTC: MongoDB truncates dates in no other zone.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer in the reader's zone; a zone that does not exist counts as none."""
        zone = request.COOKIES.get("tz", "")
        if zone not in zones() or request.path.startswith(("/admin/", "/api/")):
            return self.get_response(request)
        with timezone.override(ZoneInfo(zone)):
            return self.get_response(request)


class ProductErrors:
    """Show a verb's refusal on pages as a page (or fragment for htmx) with its sentence and status."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass through; errors arrive in ``process_exception``."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Translate a ProductError; everything else goes on to Django."""
        if not isinstance(error, ProductError):
            return None
        if "application/json" in request.headers.get("Accept", ""):
            body = {"code": error.code, "message": error.message, "details": error.details}
            return JsonResponse(body, status=error.status)
        htmx = bool(getattr(request, "htmx", False))
        template = "orchestrator/_refusal.html" if htmx else "orchestrator/error.html"
        return render(request, template, {"error": error}, status=error.status)
