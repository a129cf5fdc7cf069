"""Who searches a base. Rooms above this one know, and say so through ``register``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from knowledge.models import KnowledgeBase
from orchestrator.models import User


class Use(NamedTuple):
    """Something that searches a base, as a link."""

    name: str
    url: str


Finder = Callable[[User, KnowledgeBase], list[Use]]
_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """Have ``finder`` asked; each room calls this once, when the apps are ready."""
    _finders.append(finder)


def of(user: User, base: KnowledgeBase) -> list[Use]:
    """What searches ``base``, as far as ``user`` may see it."""
    return [use for finder in _finders for use in finder(user, base)]
