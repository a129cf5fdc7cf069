"""Pages of the orchestrations and the builder."""

from __future__ import annotations

from django.urls import path

from builder import views

urlpatterns = [
    path("orchestrations/", views.orchestrations, name="orchestrations"),
    path("orchestrations/new/", views.new, name="new_orchestration"),
    path("orchestrations/import/", views.bring_in, name="import_orchestration"),
    path("orchestrations/<slug:slug>/edit/", views.builder, name="builder"),
    path("orchestrations/<slug:slug>/edits/", views.edits, name="builder_edits"),
    path("orchestrations/<slug:slug>/fields/", views.fields, name="builder_fields"),
    path("orchestrations/<slug:slug>/state/", views.state, name="builder_state"),
    path("orchestrations/<slug:slug>/lot/", views.lot, name="builder_lot"),
    path("orchestrations/<slug:slug>/publish/", views.publish, name="publish_orchestration"),
    path("orchestrations/<slug:slug>/access/", views.set_access, name="orchestration_access"),
    path("orchestrations/<slug:slug>/export/", views.export, name="export_orchestration"),
    path("orchestrations/<slug:slug>/delete/", views.delete, name="delete_orchestration"),
]
