"""REST addresses of orchestrations."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from builder.api import Orchestrations

router = SimpleRouter(use_regex_path=False)
router.register("orchestrations", Orchestrations, basename="orchestration")
urlpatterns = [path("", include(router.urls))]
