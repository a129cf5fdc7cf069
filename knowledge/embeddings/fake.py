"""An embedding without a model, for tests of what surrounds it: words in common are meaning in common."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from knowledge.embeddings.base import Vectors


class WordHash:
    """Deterministic over processes: each word lends its vector, a text is the sum of its words."""

    id = "word-hash"
    dimension = 64
    max_tokens = 256

    def count_tokens(self, text: str) -> int:
        """The number of words."""
        return len(_words(text))

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of ``texts``; see the protocol."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in _words(text)[: self.max_tokens] or [""]:
                vectors[row] += _direction(word, self.dimension)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _direction(word: str, dimension: int) -> Vectors:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
