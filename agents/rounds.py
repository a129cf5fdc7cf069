"""Tools in a talk with a model: what it may call, what it called, and what came of it. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told of it. ``name`` is ``[a-zA-Z0-9_-]``, ``schema`` of type object."""

    name: str
    description: str
    schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for; ``arguments`` is text that need not fit the schema."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gave, as text for the model: the result, or what went wrong."""

    id: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Round:
    """One answer of the model that asked for tools (as JSON, opaque), and their results."""

    message: Any
    results: tuple[ToolResult, ...]
