"""Who is at the other end of a socket: a signed-in browser from an allowed origin, or a bearer of a token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.db import database_sync_to_async
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError

from orchestrator import tokens

BEARER = "bearer"
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def who_is_there(app: Application) -> Application:
    """Put ``user`` (anonymous if unknown) and ``subprotocol`` (what to accept with) into the scope."""

    async def identify(scope: dict[str, Any], receive: Any, send: Any) -> None:
        offered = scope.get("subprotocols") or []
        if offered[:1] == [BEARER]:
            user = await _bearer(offered[1]) if len(offered) == 2 else AnonymousUser()
            scope = {**scope, "user": user, "subprotocol": BEARER}
        else:
            user = await _session(scope["cookies"]) if origin_allowed(scope) else AnonymousUser()
            scope = {**scope, "user": user, "subprotocol": None}
        await app(scope, receive, send)

    return CookieMiddleware(identify)  # type: ignore[no-any-return]


def origin_allowed(scope: dict[str, Any]) -> bool:
    """Whether the page that opened the socket is ours; other sites' pages would send our cookie too."""
    headers = dict(scope.get("headers") or [])
    origin = headers.get(b"origin", b"").decode("latin1").lower()
    host = headers.get(b"host", b"").decode("latin1").lower()
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return False
    if origin == settings.PUBLIC_URL.lower() or origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    name, _ = split_domain_port(host)
    return parts.netloc == host and bool(name) and validate_host(name, settings.ALLOWED_HOSTS)


@database_sync_to_async  # type: ignore[untyped-decorator]
def _bearer(token: str) -> Any:
    backend = tokens.JWT()
    try:
        if token.startswith(tokens.PREFIX):
            return tokens.bearer_of(token)[0]
        return backend.get_user(backend.get_validated_token(token.encode()))
    except (AuthenticationFailed, TokenError):
        return AnonymousUser()


@database_sync_to_async  # type: ignore[untyped-decorator]
def _session(cookies: dict[str, str]) -> Any:
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    request = HttpRequest()
    request.session = SessionStore(key)
    if not key or SESSION_KEY not in request.session:
        return AnonymousUser()
    return get_user(request)
