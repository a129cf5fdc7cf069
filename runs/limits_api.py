"""REST for limits: thin doors to runs.limits."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator import access
from orchestrator.api import IDEMPOTENCY_KEY, idempotent
from orchestrator.models import User
from runs import limits
from runs.models import Limit


class MostSerializer(serializers.Serializer[Any]):
    """How much; null does not bound."""

    concurrency = serializers.IntegerField(
        min_value=0, required=False, allow_null=True, help_text="Steps at once."
    )
    requests_per_minute = serializers.IntegerField(min_value=0, required=False, allow_null=True)
    tokens_per_minute = serializers.IntegerField(min_value=0, required=False, allow_null=True)


class NewLimitSerializer(MostSerializer):
    """Of what: a user name or a slug; empty: each one that has no limit of its own."""

    kind = serializers.ChoiceField(Limit.Kind.choices)
    subject = serializers.CharField(required=False, allow_blank=True, default="", max_length=150)


class LimitSerializer(serializers.ModelSerializer[Limit]):
    """A limit."""

    class Meta:
        model = Limit
        fields = ("id", "kind", "subject", *limits.MOSTS, "created_at")


class Limits(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Limit]):
    """``limits/``: Admins see them all; SuperAdmins set all of them, others those of what they may edit."""

    queryset = Limit.objects.none()
    serializer_class = LimitSerializer
    lookup_value_converter = "uuid"
    filter_backends = (SearchFilter, OrderingFilter)
    search_fields = ("kind", "subject")
    ordering_fields = ("kind", "subject", "created_at")
    ordering = ("kind", "subject")

    def get_queryset(self) -> QuerySet[Limit]:
        """Only what access allows."""
        return access.visible(cast(User, self.request.user), Limit)

    @extend_schema(request=NewLimitSerializer, responses={201: LimitSerializer}, parameters=[IDEMPOTENCY_KEY])
    @idempotent
    def create(self, request: Request) -> Response:
        """A new limit; what is beyond it already goes on, what comes next waits."""
        access.check(cast(User, request.user), access.CREATE, Limit)
        body = NewLimitSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        made = limits.create(cast(User, request.user), **body.validated_data)
        return Response(LimitSerializer(made).data, status=201)

    @extend_schema(request=MostSerializer, responses=LimitSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Other figures; those that are left out stay."""
        body = MostSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        changed = limits.change(cast(User, request.user), self._row(pk), **body.validated_data)
        return Response(LimitSerializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Lift it; what waits goes on."""
        limits.delete(cast(User, request.user), self._row(pk))
        return Response(status=204)

    def _row(self, pk: UUID) -> Limit:
        return access.get(cast(User, self.request.user), access.EDIT, Limit, pk=pk)
