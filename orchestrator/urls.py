"""Every address of the product: pages, REST, health, admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from orchestrator import health

urlpatterns = [
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("", include("orchestrator.page_urls")),
    path("", include("builder.urls")),
    path("", include("runs.urls")),
    path("knowledge/", include("knowledge.urls")),
    path("", include("agents.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("orchestrator.api_urls")),
]
