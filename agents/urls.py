"""Addresses of the pages of agents, models, tools and credentials."""

from __future__ import annotations

from django.urls import path, register_converter

from agents import views


class KindConverter:
    """One of the four kinds."""

    regex = "|".join(views.KINDS)

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


register_converter(KindConverter, "kind")
urlpatterns = [
    path("<kind:kind>/", views.listing, name="agent_rows"),
    path("<kind:kind>/new/", views.new, name="new_agent_row"),
    path("<kind:kind>/<slug:slug>/", views.edit, name="edit_agent_row"),
    path("<kind:kind>/<slug:slug>/try/", views.attempt, name="try_agent_row"),
    path("<kind:kind>/<slug:slug>/delete/", views.delete, name="delete_agent_row"),
]
