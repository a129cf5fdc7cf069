"""Where vectors live. They can always be made again from the chunk rows, so a store may lose them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from knowledge.embeddings.base import Vectors
from orchestrator.errors import ProductError


class VectorsUnavailable(ProductError):
    """503: the store does not answer; the message names it. Trying again later may help."""

    status = 503
    code = "vectors_unavailable"
    retryable = True


class Near(NamedTuple):
    """A chunk and the cosine between its vector and the one that was asked about."""

    chunk: UUID
    cosine: float


class VectorStore(Protocol):
    """One collection of vectors per knowledge base, made by the first ``put``.

    Safe to use from several threads. All verbs may be repeated. Those that read answer "nothing" for a
    base that has no collection, or whose collection was lost. All raise VectorsUnavailable.
    """

    def put(self, base: UUID, chunks: Mapping[UUID, UUID], vectors: Vectors) -> None:
        """Store a vector for each chunk; replaces those of the same chunks.

        ``chunks`` maps chunk to document, in the order of the rows of ``vectors``.
        """
        ...

    def nearest(self, base: UUID, vector: Vectors, n: int) -> list[Near]:
        """At most ``n`` chunks of the base, the most similar first."""
        ...

    def remove(self, base: UUID, chunks: Sequence[UUID]) -> None:
        """Forget these chunks."""
        ...

    def forget(self, base: UUID, document: UUID) -> None:
        """Forget every chunk of a document."""
        ...

    def drop(self, base: UUID) -> None:
        """Forget the whole base."""
        ...

    def ids(self, base: UUID) -> set[UUID]:
        """The chunks that have a vector."""
        ...

    def count(self, base: UUID) -> int:
        """How many chunks have a vector."""
        ...
