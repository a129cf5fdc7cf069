"""Anthropic's models, over its Messages API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents.providers.base import Account, Connection, Structure
from agents.providers.keys import key_of
from agents.providers.wire import http_client, timeout

if TYPE_CHECKING:
    from pydantic_ai.models import Model

ADDRESS = "https://api.anthropic.com"


class Anthropic:
    """Claude; the key is the model's credential, else the setting ANTHROPIC_API_KEY.

    A schema is asked for as a tool's argument, which every model of theirs can do.
    """

    structure: Structure = "tool"
    beside_tools: Structure | None = "tool"
    most_tokens: int | None = None

    def connect(self, account: Account, cancelled: Callable[[], bool]) -> Connection:
        """Find the key; raises GatewayError ``configuration`` without one."""
        key = key_of(account, "ANTHROPIC_API_KEY")
        return Connection("anthropic", account.model_name, account.base_url or ADDRESS, key)

    def build(self, connection: Connection) -> Model[Any]:
        """The model, without the SDK's retries: the engine retries, where people can see it."""
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        client = AsyncAnthropic(
            base_url=connection.base_url,
            api_key=connection.api_key,
            max_retries=0,
            timeout=timeout(),
            http_client=http_client(on_this_machine=False),
        )
        return AnthropicModel(connection.model_name, provider=AnthropicProvider(anthropic_client=client))
