"""REST addresses of runs and approvals."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from runs.api import Approvals, Runs, StartRun
from runs.limits_api import Limits

router = SimpleRouter(use_regex_path=False)
router.register("runs", Runs, basename="run")
router.register("approvals", Approvals, basename="approval")
router.register("limits", Limits, basename="limit")
urlpatterns = [
    path("orchestrations/<uuid:pk>/runs/", StartRun.as_view(), name="api_start_run"),
    path("", include(router.urls)),
]
