"""What turns text into vectors. One file per model; all pass the same conformance suite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import ProductError

Vectors = NDArray[np.float32]


class EmbeddingUnavailable(ProductError):
    """503: the model cannot be loaded; the message says how to get it."""

    status = 503
    code = "embedding_unavailable"


class Embedding(Protocol):
    """A model of meaning: texts that mean the same get vectors that point the same way.

    Safe to call from several threads at once. Nothing is loaded before the first call.
    """

    id: str  # carried by stored vectors: those of another model are rebuilt, never compared
    dimension: int
    max_tokens: int  # what lies beyond is not seen by ``embed``

    def count_tokens(self, text: str) -> int:
        """How many tokens ``text`` has, without the marks that a model adds."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of length 1 per text, in order: shape ``(len(texts), dimension)``.

        The dot product of two rows is their cosine, from -1 to 1. Raises EmbeddingUnavailable.
        """
        ...
