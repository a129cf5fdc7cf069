"""OpenAI itself, over its Responses API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents.providers.base import Account, Connection, Structure
from agents.providers.keys import key_of
from agents.providers.wire import openai_client

if TYPE_CHECKING:
    from pydantic_ai.models import Model

ADDRESS = "https://api.openai.com/v1"


class OpenAI:
    """Models of OpenAI; the key is the model's credential, else the setting OPENAI_API_KEY."""

    structure: Structure = "native"
    beside_tools: Structure | None = "native"
    most_tokens: int | None = None

    def connect(self, account: Account, cancelled: Callable[[], bool]) -> Connection:
        """Find the key; raises GatewayError ``configuration`` without one."""
        key = key_of(account, "OPENAI_API_KEY")
        return Connection("openai", account.model_name, account.base_url or ADDRESS, key)

    def build(self, connection: Connection) -> Model[Any]:
        """The model; nothing of a conversation is stored at OpenAI."""
        from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
        from pydantic_ai.providers.openai import OpenAIProvider

        return OpenAIResponsesModel(
            connection.model_name,
            provider=OpenAIProvider(openai_client=openai_client(connection, foreign=False)),
            settings=OpenAIResponsesModelSettings(openai_store=False),
        )
