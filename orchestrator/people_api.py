"""REST for SuperAdmins: people and the audit log; for everybody: their own API tokens."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from orchestrator import access, people, tokens
from orchestrator.api import IDEMPOTENCY_KEY, idempotent
from orchestrator.models import ApiToken, AuditEntry, Role, User


class PersonSerializer(serializers.ModelSerializer[User]):
    """A person as a SuperAdmin sees them."""

    name = serializers.CharField(source="display_name", read_only=True)

    class Meta:
        model = User
        fields = (
            *("id", "username", "name", "first_name", "last_name", "email", "role", "is_active"),
            *("last_login", "date_joined"),
        )
        read_only_fields = fields


class PersonChangeSerializer(serializers.Serializer[Any]):
    """What may be changed; another role or switch ends every sign-in of the person."""

    first_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    email = serializers.EmailField(required=False, allow_blank=True)
    role = serializers.ChoiceField(Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)


class NewPersonSerializer(serializers.Serializer[Any]):
    """A new person."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(write_only=True, max_length=1000)
    role = serializers.ChoiceField(Role.choices, default=Role.USER)
    first_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    last_name = serializers.CharField(required=False, allow_blank=True, max_length=150)
    email = serializers.EmailField(required=False, allow_blank=True)


class People(ReadOnlyModelViewSet[User]):
    """``users/``."""

    queryset = User.objects.none()
    serializer_class = PersonSerializer
    filter_backends = (SearchFilter, OrderingFilter)
    search_fields = ("username", "first_name", "last_name", "email")
    ordering_fields = ("username", "role", "last_login", "date_joined")
    ordering = ("username",)

    def get_queryset(self) -> QuerySet[User]:
        """Only what access allows."""
        access.check(_me(self.request), access.CREATE, User)
        return access.visible(_me(self.request), User)

    @extend_schema(
        request=NewPersonSerializer, responses={201: PersonSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Make a new person."""
        access.check(_me(request), access.CREATE, User)
        return Response(
            PersonSerializer(people.create_person(**_read(NewPersonSerializer, request))).data, 201
        )

    @extend_schema(request=PersonChangeSerializer, responses=PersonSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change names or role, switch the account off or on."""
        person = access.get(_me(request), access.EDIT, User, pk=pk)
        changes = _read(PersonChangeSerializer, request)
        return Response(PersonSerializer(people.change_person(person, **changes)).data)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="sign-out")
    def sign_out(self, request: Request, pk: str) -> Response:
        """End every session, token and socket of the person."""
        people.sign_out(access.get(_me(request), access.EDIT, User, pk=pk))
        return Response(status=204)


class AuditSerializer(serializers.ModelSerializer[AuditEntry]):
    """One change: who, what, before, after, from where."""

    at = serializers.DateTimeField(source="created_at")
    before = serializers.JSONField()
    after = serializers.JSONField()

    class Meta:
        model = AuditEntry
        fields = (
            *("id", "at", "actor", "address", "action", "kind", "object_id", "object_name"),
            *("before", "after"),
        )


class Audit(ReadOnlyModelViewSet[AuditEntry]):
    """``audit/``: newest first."""

    queryset = AuditEntry.objects.none()
    serializer_class = AuditSerializer
    filter_backends = (SearchFilter, OrderingFilter)
    search_fields = ("actor", "kind", "object_name", "object_id")
    ordering_fields = ("created_at",)

    def get_queryset(self) -> QuerySet[AuditEntry]:
        """Only what access allows."""
        access.check(_me(self.request), access.CREATE, User)
        return access.visible(_me(self.request), AuditEntry)


class ApiTokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token without its text."""

    class Meta:
        model = ApiToken
        fields = ("id", "name", "hint", "created_at", "expires_at", "used_at")


class NewApiTokenSerializer(serializers.Serializer[Any]):
    """A new token."""

    name = serializers.CharField(max_length=80)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class MadeApiTokenSerializer(ApiTokenSerializer):
    """A new token with its text, this once."""

    token = serializers.CharField()

    class Meta(ApiTokenSerializer.Meta):
        fields = (*ApiTokenSerializer.Meta.fields, "token")  # type: ignore[assignment]


class MyTokens(mixins.ListModelMixin, GenericViewSet[ApiToken]):
    """``me/tokens/``: the caller's own."""

    queryset = ApiToken.objects.none()
    serializer_class = ApiTokenSerializer

    def get_queryset(self) -> QuerySet[ApiToken]:
        """The caller's tokens that count."""
        return access.visible(_me(self.request), ApiToken)

    @extend_schema(request=NewApiTokenSerializer, responses={201: MadeApiTokenSerializer})
    def create(self, request: Request) -> Response:
        """Make a token; its text is in this answer only."""
        token, text = tokens.make_api_token(_me(request), **_read(NewApiTokenSerializer, request))
        return Response({**ApiTokenSerializer(token).data, "token": text}, 201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Revoke a token."""
        tokens.revoke_api_token(access.get(_me(request), access.EDIT, ApiToken, pk=pk))
        return Response(status=204)


def _me(request: Request) -> User:
    return cast(User, request.user)


def _read(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    sent = kind(data=request.data)
    sent.is_valid(raise_exception=True)
    return cast("dict[str, Any]", sent.validated_data)


router = SimpleRouter()
router.register("users", People, basename="user")
router.register("audit", Audit, basename="audit")
router.register("me/tokens", MyTokens, basename="api-token")
