"""Meaning as vectors; ``current()`` is the model that this product runs on."""

from __future__ import annotations

from knowledge.embeddings.base import Embedding, EmbeddingUnavailable
from knowledge.embeddings.minilm import MiniLM

__all__ = ["Embedding", "EmbeddingUnavailable", "current"]

_minilm = MiniLM()


def current() -> Embedding:
    """The one embedding model of this process, shared by all its threads."""
    return _minilm
