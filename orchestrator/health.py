"""Health for load balancers: alive, and ready to serve."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse


def live(request: HttpRequest) -> JsonResponse:
    """200 while the process answers."""
    return JsonResponse({"status": "live"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database answers too, else 503."""
    try:
        get_user_model().objects.exists()
    except DatabaseError as error:
        return JsonResponse({"status": "not ready", "database": type(error).__name__}, status=503)
    return JsonResponse({"status": "ready", "database": "ok"})
