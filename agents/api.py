"""REST: what there is, and one real call to a model to see whether it answers."""

from __future__ import annotations

from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from agents import serializers, verbs
from agents.models import Agent, Credential, LLMModel, Tool
from orchestrator import access
from orchestrator.api import IDEMPOTENCY_KEY, idempotent


class Listed(ReadOnlyModelViewSet[Any]):
    """List and detail of what the person may see."""

    model: type[models.Model]
    filter_backends = (SearchFilter, OrderingFilter)
    search_fields = ("name", "slug")
    ordering_fields = ("name", "slug", "created_at", "updated_at")
    related: tuple[str, ...] = ()

    def get_queryset(self) -> models.QuerySet[Any]:
        """Only what access allows."""
        rows = access.visible(self.request.user, self.model)  # type: ignore[arg-type]
        return rows.select_related(*self.related) if self.related else rows


class LLMModels(Listed):
    """Language models."""

    model = LLMModel
    queryset = LLMModel.objects.none()
    serializer_class = serializers.LLMModelSerializer
    related = ("credential",)

    @extend_schema(request=None, responses=serializers.ReplySerializer, parameters=[IDEMPOTENCY_KEY])
    @action(detail=True, methods=["post"])
    @idempotent
    def test(self, request: Request, pk: str) -> Response:
        """Make one small real call; 502 says what is wrong."""
        model = access.get(request.user, access.EDIT, LLMModel, pk=pk)  # type: ignore[arg-type]
        return Response(serializers.ReplySerializer(verbs.probe(model)).data)


class Agents(Listed):
    """Agents."""

    model = Agent
    queryset = Agent.objects.none()
    serializer_class = serializers.AgentSerializer
    related = ("model",)


class Tools(Listed):
    """Tools."""

    model = Tool
    queryset = Tool.objects.none()
    serializer_class = serializers.ToolSerializer
    related = ("credential",)


class Credentials(Listed):
    """Credentials, without their secrets."""

    model = Credential
    queryset = Credential.objects.none()
    serializer_class = serializers.CredentialSerializer
