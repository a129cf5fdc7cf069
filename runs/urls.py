"""Addresses of the run pages, the start form and the inbox."""

from __future__ import annotations

from django.urls import path

from runs import answer_views, compare_views, fork_views, inbox_views, limit_views, start_views, views

urlpatterns = [
    path("orchestrations/<slug:slug>/start/", start_views.start, name="start"),
    path("runs/", views.runs, name="runs"),
    path("runs/compare/", compare_views.compare, name="run_compare"),
    path("runs/<uuid:pk>/", views.run, name="run"),
    path("runs/<uuid:pk>/view.json", views.run_view, name="run_view"),
    path("runs/<uuid:pk>/cancel/", views.cancel, name="run_cancel"),
    path("runs/<uuid:pk>/steps/<str:key>/cancel/", views.cancel_step, name="run_cancel_step"),
    path("runs/<uuid:pk>/retry/", views.retry, name="run_retry"),
    path("runs/<uuid:pk>/rollback/", views.rollback, name="run_rollback"),
    path("runs/<uuid:pk>/rollback/resolve/", views.resolve, name="run_resolve"),
    path("runs/<uuid:pk>/fork/", fork_views.fork, name="run_fork"),
    path("answer/<str:word>/", answer_views.answer_by_link, name="answer"),
    path("limits/", limit_views.listing, name="limits"),
    path("limits/<str:kind>/<slug:subject>/", limit_views.save, name="save_limits"),
    path("inbox/", inbox_views.inbox, name="inbox"),
    path("inbox/<uuid:pk>/", inbox_views.inbox, name="approval"),
    path("inbox/<uuid:pk>/decide/", inbox_views.decide, name="decide"),
]
