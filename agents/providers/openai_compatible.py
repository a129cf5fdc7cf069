"""Any server that speaks OpenAI's chat completions: vLLM, Ollama, llama.cpp, LM Studio, gateways."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents.errors import GatewayError
from agents.providers.base import Account, Connection, Structure
from agents.providers.wire import openai_client

if TYPE_CHECKING:
    from pydantic_ai.models import Model

NO_KEY = "none"  # many such servers need none, but the SDK insists on one


class OpenAICompatible:
    """Models at an address that an administrator gave."""

    structure: Structure = "native"
    beside_tools: Structure | None = "tool"  # many such servers take a schema or tools, not both
    most_tokens: int | None = None

    def connect(self, account: Account, cancelled: Callable[[], bool]) -> Connection:
        """Take the model's address and key; raises GatewayError ``configuration`` without an address."""
        if not account.base_url:
            raise GatewayError(f"“{account.name}” has no address (base URL).", code="configuration")
        return Connection(
            "openai_compatible", account.model_name, account.base_url, account.api_key or NO_KEY
        )

    def build(self, connection: Connection) -> Model[Any]:
        """The model; the schema stands in the prompt too, for servers that ignore ``response_format``."""
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.profiles.openai import OpenAIModelProfile
        from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

        provider = OpenAICompatibleProvider(
            "openai-compatible", openai_client=openai_client(connection, foreign=True)
        )
        profile = OpenAIModelProfile(
            supports_json_schema_output=True,
            native_output_requires_schema_in_instructions=True,
            openai_chat_supports_multiple_system_messages=False,  # chat templates often know one only
        )
        return OpenAIChatModel(connection.model_name, provider=provider, profile=profile)
