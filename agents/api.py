"""REST: models, agents, tools and credentials, and one real call to a model to see whether it answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import models
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from agents import changes, serializers, verbs
from agents.models import Agent, Credential, LLMModel, Named, Tool
from orchestrator import access
from orchestrator.api import IDEMPOTENCY_KEY, idempotent


class Kept(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Any]):
    """List, detail and changes of what the person may see; ``slug`` is made from the name and stays."""

    model: type[Named]
    lookup_value_converter = "uuid"
    filter_backends = (SearchFilter, OrderingFilter)
    search_fields = ("name", "slug")
    ordering_fields = ("name", "slug", "created_at", "updated_at")
    related: tuple[str, ...] = ()

    def get_queryset(self) -> models.QuerySet[Any]:
        """Only what access allows."""
        rows = access.visible(self.request.user, self.model)  # type: ignore[arg-type]
        return rows.select_related(*self.related) if self.related else rows

    @extend_schema(parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def create(self, request: Request) -> Response:
        """Make one."""
        access.check(request.user, access.CREATE, self.model)  # type: ignore[arg-type]
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        secret = body.validated_data.pop("secret", "")
        made = changes.create(request.user, self.model(**body.validated_data), secret)  # type: ignore[arg-type]
        return Response(self.get_serializer(made).data, status=201)

    def update(self, request: Request, pk: UUID) -> Response:
        """Replace what it says; a secret that is left out stays."""
        return self._changed(request, pk, partial=False)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change some of it."""
        return self._changed(request, pk, partial=True)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Remove it; 409 ``in_use`` names what uses it."""
        changes.delete(self._row(pk))
        return Response(status=204)

    def _changed(self, request: Request, pk: UUID, *, partial: bool) -> Response:
        row = self._row(pk)
        body = self.get_serializer(row, data=request.data, partial=partial)
        body.is_valid(raise_exception=True)
        secret = body.validated_data.pop("secret", "")
        for name, value in body.validated_data.items():
            setattr(row, name, value)
        return Response(self.get_serializer(changes.change(row, secret)).data)

    def _row(self, pk: UUID) -> Any:
        return access.get(self.request.user, access.EDIT, self.model, pk=pk)  # type: ignore[arg-type]


class LLMModels(Kept):
    """Language models."""

    model = LLMModel
    queryset = LLMModel.objects.none()
    serializer_class = serializers.LLMModelSerializer
    related = ("credential",)

    @extend_schema(request=None, responses=serializers.ReplySerializer, parameters=[IDEMPOTENCY_KEY])
    @action(detail=True, methods=["post"])
    @idempotent
    def test(self, request: Request, pk: UUID) -> Response:
        """Make one small real call; 502 says what is wrong."""
        return Response(serializers.ReplySerializer(verbs.probe(self._row(pk))).data)


class Agents(Kept):
    """Agents."""

    model = Agent
    queryset = Agent.objects.none()
    serializer_class = serializers.AgentSerializer
    related = ("model",)


class Tools(Kept):
    """Tools."""

    model = Tool
    queryset = Tool.objects.none()
    serializer_class = serializers.ToolSerializer
    related = ("credential",)


class Credentials(Kept):
    """Credentials, without their secrets."""

    model = Credential
    queryset = Credential.objects.none()
    serializer_class = serializers.CredentialSerializer
