"""Vectors in a dictionary: the reference for the conformance suite, and what fast tests use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np

from knowledge.embeddings.base import Vectors
from knowledge.stores.base import Near


class MemoryStore:
    """A VectorStore that lasts as long as its object."""

    def __init__(self) -> None:
        self._bases: defaultdict[UUID, dict[UUID, tuple[UUID, Vectors]]] = defaultdict(dict)

    def put(self, base: UUID, chunks: Mapping[UUID, UUID], vectors: Vectors) -> None:
        """Store vectors."""
        for (chunk, document), vector in zip(chunks.items(), vectors, strict=True):
            self._bases[base][chunk] = (document, vector)

    def nearest(self, base: UUID, vector: Vectors, n: int) -> list[Near]:
        """Compare with every vector."""
        rows = list(self._bases[base].items())
        found = [Near(chunk, float(np.dot(stored, vector))) for chunk, (_, stored) in rows]
        return sorted(found, key=lambda near: -near.cosine)[:n]

    def remove(self, base: UUID, chunks: Sequence[UUID]) -> None:
        """Forget chunks."""
        for chunk in chunks:
            self._bases[base].pop(chunk, None)

    def forget(self, base: UUID, document: UUID) -> None:
        """Forget a document."""
        self.remove(base, [chunk for chunk, (owner, _) in self._bases[base].items() if owner == document])

    def drop(self, base: UUID) -> None:
        """Forget the base."""
        self._bases.pop(base, None)

    def ids(self, base: UUID) -> set[UUID]:
        """What is stored."""
        return set(self._bases[base])

    def count(self, base: UUID) -> int:
        """How much is stored."""
        return len(self._bases[base])
