"""The form of a subject's limits, for pages of other rooms."""

from __future__ import annotations

from typing import Any

from django import template

from runs.limit_views import form_of, shown

register = template.Library()


@register.inclusion_tag("runs/_limits.html", takes_context=True)
def limits_of(context: Any, kind: str, subject: str) -> dict[str, Any]:
    """What bounds a subject (``model``, ``orchestration``), to read and to set."""
    person = context["request"].user
    values = shown(person, kind, subject, form_of(person, kind, subject))
    return {**values, "csrf_token": context.get("csrf_token")}
