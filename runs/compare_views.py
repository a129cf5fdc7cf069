"""Two runs beside each other."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.pages import comparing
from runs.views import reader


@login_required
@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """The runs ``left`` and ``right``, step by step; without ``right`` the likeliest other one."""
    return render(request, "runs/compare.html", comparing.page(reader(request), request.GET))
