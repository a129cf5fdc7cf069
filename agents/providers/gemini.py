"""Google's Gemini models, over the Gemini API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents.providers.base import Account, Connection, Structure
from agents.providers.keys import key_of
from agents.providers.wire import http_client

if TYPE_CHECKING:
    from pydantic_ai.models import Model

ADDRESS = "https://generativelanguage.googleapis.com"


class Gemini:
    """Gemini; the key is the model's credential, else the setting GEMINI_API_KEY.

    Most of its models refuse a schema of the API beside tools; then the schema is a tool's argument too.
    """

    structure: Structure = "native"
    beside_tools: Structure | None = "tool"
    most_tokens: int | None = None

    def connect(self, account: Account, cancelled: Callable[[], bool]) -> Connection:
        """Find the key; raises GatewayError ``configuration`` without one."""
        key = key_of(account, "GEMINI_API_KEY")
        return Connection("gemini", account.model_name, account.base_url or ADDRESS, key)

    def build(self, connection: Connection) -> Model[Any]:
        """The model. The SDK retries nothing unless it is told to, and reads without a limit of its own."""
        from google.genai.client import Client
        from google.genai.types import HttpOptions
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        client = Client(
            vertexai=False,
            api_key=connection.api_key,
            http_options=HttpOptions(
                base_url=connection.base_url, httpx_async_client=http_client(on_this_machine=False)
            ),
        )
        return GoogleModel(connection.model_name, provider=GoogleProvider(client=client))
