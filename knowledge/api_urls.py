"""REST addresses of this room, under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from knowledge.api import Documents, KnowledgeBases

DOCUMENTS = "knowledge-bases/<uuid:base>/documents/"
urlpatterns: list[URLPattern] = [
    path(
        "knowledge-bases/",
        KnowledgeBases.as_view({"get": "list", "post": "create"}),
        name="knowledge-base-list",
    ),
    path(
        "knowledge-bases/<uuid:pk>/",
        KnowledgeBases.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="knowledge-base-detail",
    ),
    path(
        "knowledge-bases/<uuid:pk>/search/",
        KnowledgeBases.as_view({"post": "search"}),
        name="knowledge-base-search",
    ),
    path(DOCUMENTS, Documents.as_view({"get": "list", "post": "create"}), name="document-list"),
    path(
        f"{DOCUMENTS}<uuid:pk>/",
        Documents.as_view({"get": "retrieve", "delete": "destroy"}),
        name="document-detail",
    ),
    path(f"{DOCUMENTS}<uuid:pk>/retry/", Documents.as_view({"post": "retry"}), name="document-retry"),
]
