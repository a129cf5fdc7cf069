"""The file formats that a knowledge base reads: one file and one line here for each."""

from __future__ import annotations

from pathlib import PurePosixPath

from knowledge.readers import markdown, text
from knowledge.readers.base import Reader, Section, Unreadable
from orchestrator.errors import Unsupported

__all__ = ["READERS", "Reader", "Section", "Unreadable", "accepted", "labels", "reader_for"]

READERS: tuple[Reader, ...] = (markdown.READER, text.READER)


def reader_for(name: str, media_type: str) -> Reader:
    """The reader of a file: by its suffix, and where it has none by its media type.

    The suffix comes first, since browsers send whatever the uploader's machine has registered. Raises
    Unsupported.
    """
    suffix = PurePosixPath(name).suffix.lower()
    kind = media_type.partition(";")[0].strip().lower()
    for reader in READERS:
        if suffix in reader.suffixes or (not suffix and kind in reader.media_types):
            return reader
    what = f"{suffix} files" if suffix else f"files of type {kind or 'unknown'}"
    raise Unsupported(f"{name} cannot be read: {what} are not supported, {labels()} files are.", file=name)


def labels() -> str:
    """The formats in words: ``Markdown and plain text``."""
    names = [reader.label for reader in READERS]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def accepted() -> str:
    """The ``accept`` attribute of a file input."""
    return ",".join(suffix for reader in READERS for suffix in reader.suffixes)
