"""The local demo model: a small model in a process of its own on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents import local
from agents.providers.base import Account, Connection, Structure
from agents.providers.wire import openai_client

if TYPE_CHECKING:
    from pydantic_ai.models import Model


class Local:
    """SmolLM2-135M through llama.cpp; its grammar holds an answer to its schema token by token."""

    structure: Structure = "native"
    beside_tools: Structure | None = None
    most_tokens: int | None = local.MOST_TOKENS

    def connect(self, account: Account, cancelled: Callable[[], bool]) -> Connection:
        """Start the server at its first use and wait until it answers; raises GatewayError."""
        server = local.running(cancelled)
        return Connection("local", account.model_name, f"{server.address}/v1", server.api_key)

    def build(self, connection: Connection) -> Model[Any]:
        """The model. The schema is left out of the prompt: it would only confuse one this small."""
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.profiles.openai import OpenAIModelProfile
        from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

        client = openai_client(connection, foreign=True, on_this_machine=True)
        return OpenAIChatModel(
            connection.model_name,
            provider=OpenAICompatibleProvider("local", openai_client=client),
            profile=OpenAIModelProfile(supports_json_schema_output=True),
        )
