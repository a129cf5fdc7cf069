"""What a reader of a file format gives: the file's text in sections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.errors import ProductError


class Unreadable(ProductError):
    """The content cannot be indexed; the message says why and what to do about it."""

    code = "unreadable"


@dataclass(frozen=True, slots=True)
class Section:
    """A run of text under one heading. ``heading`` is the path to it, outermost first: ``A › B``."""

    text: str
    heading: str = ""
    page: int = 0  # counts from 1; 0 where the format has no pages
    markup: bool = False  # Markdown: cut at its blocks rather than at lines


@dataclass(frozen=True, slots=True)
class Reader:
    """A file format: what it is called, how its files are recognised, and how they are read.

    ``read`` takes the whole file and raises Unreadable. It never runs, imports or follows anything
    that the file holds or names.
    """

    label: str  # "Markdown"
    suffixes: tuple[str, ...]  # lower case, with the dot
    media_types: tuple[str, ...]
    read: Callable[[bytes], list[Section]]
