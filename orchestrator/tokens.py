"""Tokens of REST: JSON Web Tokens that end with a person's sign-ins, and a person's own API tokens."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.tokens import Token

from orchestrator.errors import Conflict, Invalid
from orchestrator.ids import new_id
from orchestrator.models import ApiToken, User

CLAIM = "rev"  # the person's sign_in_revision when the token was made
PREFIX = "orc_"  # tells an API token from a JSON Web Token
MOST_TOKENS = 20
USED_EVERY = timedelta(minutes=1)  # how exact `used_at` is


class JWT(JWTAuthentication):
    """Bearer tokens that count until the person's role, password or switch changes."""

    def get_user(self, validated_token: Token) -> Any:
        """The active person that the token was made for; raises AuthenticationFailed."""
        try:
            user = super().get_user(validated_token)
        except ValidationError as error:
            raise AuthenticationFailed("This token names nobody.", code="user_not_found") from error
        _check(validated_token, cast(User, user))
        return user

    def authenticate(self, request: Request) -> Any:
        """Leave API tokens to their own class."""
        return None if _api_token(request) else super().authenticate(request)


class ApiTokens(BaseAuthentication):
    """``Authorization: Bearer orc_...``: a token that a person made for a program."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's person; raises AuthenticationFailed for one that does not count."""
        given = _api_token(request)
        return bearer_of(given) if given else None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 says is expected."""
        return "Bearer"


def bearer_of(given: str) -> tuple[User, ApiToken]:
    """The person behind an API token. Raises AuthenticationFailed for an unknown, ended or revoked one."""
    token = ApiToken.objects.select_related("user").filter(digest=_digest(given)).first()
    now = timezone.now()
    ended = token is None or token.revoked_at or (token.expires_at and token.expires_at <= now)
    if token is None or ended or not token.user.is_active:
        raise AuthenticationFailed("This API token does not count (any more).", code="token_not_valid")
    if token.used_at is None or now - token.used_at > USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)
    return token.user, token


def make_api_token(user: User, name: str, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """A new token and its text, which cannot be read again. Raises Invalid, Conflict over MOST_TOKENS."""
    name = name.strip()
    if not name or len(name) > 80:
        raise Invalid("Give the token a name of at most 80 characters.", field="name")
    if expires_at is not None and expires_at <= timezone.now():
        raise Invalid("The token must end in the future.", field="expires_at")
    if ApiToken.objects.filter(user=user, revoked_at=None).count() >= MOST_TOKENS:
        raise Conflict(f"There are {MOST_TOKENS} tokens already; revoke one first.", code="too_many_tokens")
    text = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user, name=name, digest=_digest(text), hint=text[:10], expires_at=expires_at
    )
    return token, text


def revoke_api_token(token: ApiToken) -> None:
    """End a token; doing it twice is harmless."""
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])


class PairSerializer(TokenObtainPairSerializer):
    """Name and password for a pair of tokens."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """Sign in with Django's own request, on which a lockout is noted for the middleware to answer."""
        self._context = {**self.context, "request": self.context["request"]._request}
        return super().validate(attrs)

    @classmethod
    def get_token(cls, user: Any) -> Any:
        """A token that knows which sign-in it belongs to."""
        token = super().get_token(user)
        token[CLAIM] = user.sign_in_revision
        return token


class RefreshSerializer(TokenRefreshSerializer):
    """A refresh token for a new access token."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        """Refuse a token of a sign-in that has ended."""
        refresh = self.token_class(attrs["refresh"])
        try:
            user = User.objects.filter(pk=str(refresh.payload.get("user_id", new_id()))).first()
        except ValidationError:
            user = None
        if user is None:
            raise AuthenticationFailed("This token's person is gone.", code="user_not_found")
        _check(refresh, user)
        return super().validate(attrs)


def revoke_all(sender: type[User], user: User, **_: Any) -> None:
    """End all API tokens of a person whose sign-ins have ended."""
    ApiToken.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())


def _check(token: Token, user: User) -> None:
    if token.get(CLAIM, 0) != user.sign_in_revision:
        message = "This sign-in has ended: the role, the password or the account was changed."
        raise AuthenticationFailed(message, code="signed_out")


def _api_token(request: Request) -> str:
    kind, _, given = get_authorization_header(request).decode("latin1").partition(" ")
    return given.strip() if kind.lower() == "bearer" and given.strip().startswith(PREFIX) else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
