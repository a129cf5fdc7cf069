"""REST addresses of this room, under /api/v1/."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from agents import api

router = SimpleRouter()
router.register("llm-models", api.LLMModels, basename="llm-model")
router.register("agents", api.Agents, basename="agent")
router.register("tools", api.Tools, basename="tool")
router.register("credentials", api.Credentials, basename="credential")
urlpatterns = router.urls
