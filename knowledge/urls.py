"""Addresses of the knowledge pages, under /knowledge/."""

from __future__ import annotations

from django.urls import path

from knowledge import views

urlpatterns = [
    path("", views.bases, name="knowledge"),
    path("new/", views.new, name="new_knowledge_base"),
    path("<slug:slug>/", views.base, name="knowledge_base"),
    path("<slug:slug>/settings/", views.change, name="change_knowledge_base"),
    path("<slug:slug>/access/", views.set_access, name="knowledge_base_access"),
    path("<slug:slug>/delete/", views.delete_base, name="delete_knowledge_base"),
    path("<slug:slug>/documents/", views.documents, name="documents"),
    path("<slug:slug>/documents/<uuid:pk>/", views.document, name="document"),
    path("<slug:slug>/documents/<uuid:pk>/replace/", views.replace, name="replace_document"),
    path("<slug:slug>/documents/<uuid:pk>/retry/", views.retry, name="retry_document"),
    path("<slug:slug>/documents/<uuid:pk>/delete/", views.delete_document, name="delete_document"),
]
