"""Whether a call to a model may be made now: asked before each, told afterwards what it has used.

Rooms above this one know the limits; until one appoints its keeper, every call may be made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Keeper(Protocol):
    """Counts the calls to models. Both are called in the thread of who asks the model."""

    def enter(self, model: str, cancelled: Callable[[], bool]) -> None:
        """Count a request to the model of this slug. May wait a little where a limit is reached.

        Raises GatewayError ``throttled`` with ``retry_after_s`` and ``limit`` where that does not help.
        """
        ...

    def spent(self, model: str, tokens: int) -> None:
        """Count the tokens of an answer."""
        ...


class _Everybody:
    def enter(self, model: str, cancelled: Callable[[], bool]) -> None:
        """Without limits."""

    def spent(self, model: str, tokens: int) -> None:
        """Without limits."""


keeper: Keeper = _Everybody()


def appoint(new: Keeper) -> None:
    """Have ``new`` asked from now on."""
    global keeper  # noqa: PLW0603 - one a process
    keeper = new
