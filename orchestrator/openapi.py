"""How the OpenAPI description names the ways to sign in."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A person's own token."""

    target_class = "orchestrator.tokens.ApiTokens"
    name = "apiToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A bearer token that begins with ``orc_``."""
        return {"type": "http", "scheme": "bearer", "description": "An API token: orc_..."}


class JWTScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """What ``auth/token/`` gives for name and password."""

    target_class = "orchestrator.tokens.JWT"
    name = "jwt"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A JSON Web Token as bearer."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
