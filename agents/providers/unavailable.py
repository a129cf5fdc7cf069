"""Providers that a model row may name and this version does not call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from agents.errors import GatewayError
from agents.providers.base import Account, Connection, Structure

if TYPE_CHECKING:
    from pydantic_ai.models import Model


class Unavailable:
    """Answers every call with one clear sentence."""

    structure: Structure = "native"
    most_tokens: int | None = None

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor

    def connect(self, account: Account, cancelled: Callable[[], bool]) -> Connection:
        """Raise GatewayError ``configuration``."""
        return self._refuse(account.name)

    def build(self, connection: Connection) -> Model[Any]:
        """Raise GatewayError ``configuration``."""
        return self._refuse(connection.model_name)

    def _refuse(self, name: str) -> NoReturn:
        raise GatewayError(
            f"“{name}” is a model of {self.vendor}, which this version does not call. "
            "Choose an OpenAI, OpenAI-compatible or local model.",
            code="configuration",
        )
