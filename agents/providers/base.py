"""The contract of a provider: one file each, one line in the registry (``providers/__init__.py``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from pydantic_ai.models import Model

Structure = Literal["native", "tool", "prompted"]


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a model is and how to get in; hashable, so that equal connections share one client."""

    provider: str
    model_name: str
    base_url: str
    api_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """What an LLMModel row says of its provider, secrets in the clear; it lives for one call."""

    name: str  # as people call it, for messages
    model_name: str
    base_url: str
    api_key: str = field(repr=False)


class Provider(Protocol):
    """One way to reach language models.

    ``structure`` is how it is asked for JSON of a schema, unless the model's ``defaults`` say otherwise:
    ``native`` (the API enforces the schema), ``tool`` (the answer is the argument of a tool call) or
    ``prompted`` (the schema stands in the prompt); ``beside_tools`` is how where tools are given too, None
    for a provider whose models use no tools. ``most_tokens`` bounds an answer, None does not.
    """

    structure: Structure
    beside_tools: Structure | None
    most_tokens: int | None

    def connect(self, account: Account, cancelled: Callable[[], bool]) -> Connection:
        """Resolve key and address in the caller's thread; may start what has to run.

        Raises GatewayError ``configuration`` for what an administrator must set right.
        """
        ...

    def build(self, connection: Connection) -> Model[Any]:
        """The pydantic-ai model; called once per connection, in the caller's thread."""
        ...
