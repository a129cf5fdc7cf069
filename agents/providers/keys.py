"""Where a hosted provider's key comes from: the model's credential, else a setting of the server."""

from __future__ import annotations

from django.conf import settings

from agents.errors import GatewayError
from agents.providers.base import Account


def key_of(account: Account, setting: str) -> str:
    """The key; raises GatewayError ``configuration`` that says where to put one."""
    key: str = account.api_key or getattr(settings, setting)
    if not key:
        raise GatewayError(
            f"“{account.name}” has no API key: give it a credential, or set {setting}.", code="configuration"
        )
    return key
