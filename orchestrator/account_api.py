"""REST for the person who calls: tokens and who they are."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orchestrator.models import User


class MeSerializer(serializers.Serializer[Any]):
    """The person behind the token."""

    id = serializers.UUIDField()
    username = serializers.CharField()
    name = serializers.CharField(source="display_name")
    email = serializers.EmailField()
    role = serializers.CharField()
    may = serializers.SerializerMethodField()

    def get_may(self, user: User) -> list[str]:
        """What the role permits, as verbs."""
        rights = ["start_runs", "answer_approvals"]
        if user.designs:
            rights += ["design_orchestrations", "manage_knowledge", "manage_models"]
        return [*rights, "govern_platform"] if user.governs else rights


class Me(APIView):
    """``GET me/``."""

    @extend_schema(responses=MeSerializer, operation_id="me")
    def get(self, request: Request) -> Response:
        """Who the caller is and what they may do."""
        return Response(MeSerializer(cast(User, request.user)).data)
