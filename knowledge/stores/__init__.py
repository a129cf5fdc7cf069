"""The vector store of this installation: Chroma on a server if CHROMA_URL is set, else in DATA_DIR."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.conf import settings

from knowledge import embeddings
from knowledge.stores.base import Near, VectorStore, VectorsUnavailable
from knowledge.stores.chroma import ChromaStore
from knowledge.stores.folder import Folder
from knowledge.stores.server import Server

__all__ = ["Near", "VectorStore", "VectorsUnavailable", "current"]


def current() -> VectorStore:
    """The store that the settings name, shared by all threads of this process."""
    return _store(settings.CHROMA_URL, Path(settings.DATA_DIR) / "chroma", embeddings.current().id)


@cache
def _store(url: str, folder: Path, embedding: str) -> VectorStore:
    return ChromaStore(Server(url) if url else Folder(folder), embedding)
