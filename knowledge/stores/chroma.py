"""Vectors in Chroma, in a folder or on a server: one collection per knowledge base.

One each, since a metadata filter over a shared collection took 817 ms where none took 8 ms.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

import numpy as np

from knowledge.embeddings.base import Vectors
from knowledge.stores.base import Near

log = logging.getLogger(__name__)
R = TypeVar("R")
BATCH = 5_461  # Chroma refuses more in one call
HNSW = {"hnsw": {"space": "cosine"}}


class Access(Protocol):
    """How a Chroma client is come by: ``Folder`` or ``Server``."""

    def use(self, collection: str, act: Callable[[Any], R], *, write: bool = False) -> R:
        """Run ``act(client)``."""
        ...

    def lose(self, collection: str) -> None:
        """Drop a damaged collection."""
        ...

    def close(self) -> None:
        """Let go of files or connections until the next use."""
        ...


class ChromaStore:
    """A VectorStore for the vectors of one embedding model."""

    def __init__(self, access: Access, embedding: str) -> None:
        self._access = access
        self._embedding = embedding

    def put(self, base: UUID, chunks: Mapping[UUID, UUID], vectors: Vectors) -> None:
        """Store vectors, in batches that Chroma takes."""
        ids = [str(chunk) for chunk in chunks]
        owners = [{"document": str(document)} for document in chunks.values()]

        def act(client: Any) -> None:
            collection = self._made(client, base)
            for part in _parts(len(ids)):
                collection.upsert(ids=ids[part], embeddings=vectors[part], metadatas=owners[part])

        if ids:
            self._access.use(_name(base), act, write=True)

    def nearest(self, base: UUID, vector: Vectors, n: int) -> list[Near]:
        """Ask the collection's index; one that answers with less than it holds is damaged, and dropped."""

        def act(collection: Any) -> tuple[list[Near], int]:
            wanted = min(n, collection.count())
            if not wanted:
                return [], 0
            answer = collection.query(
                query_embeddings=np.asarray([vector]), n_results=wanted, include=["distances"]
            )
            pairs = zip(answer["ids"][0], answer["distances"][0], strict=True)
            return [Near(UUID(chunk), 1.0 - float(distance)) for chunk, distance in pairs], wanted

        nothing: tuple[list[Near], int] = ([], 0)
        found, wanted = self._read(base, act, nothing)
        if len(found) * 2 < wanted:  # an approximate index may miss a few, not most
            log.warning("The index of %s lost its vectors; dropping it.", _name(base))
            self._access.lose(_name(base))
        return found

    def remove(self, base: UUID, chunks: Sequence[UUID]) -> None:
        """Forget chunks."""
        ids = [str(chunk) for chunk in chunks]

        def act(collection: Any) -> None:
            for part in _parts(len(ids)):
                collection.delete(ids=ids[part])

        self._read(base, act, None, write=True)

    def forget(self, base: UUID, document: UUID) -> None:
        """Forget a document."""
        self._read(base, lambda found: found.delete(where={"document": str(document)}), None, write=True)

    def drop(self, base: UUID) -> None:
        """Forget the base."""

        def act(client: Any) -> None:
            if _found(client, base) is not None:
                client.delete_collection(_name(base))

        self._access.use(_name(base), act, write=True)

    def ids(self, base: UUID) -> set[UUID]:
        """What is stored."""
        nothing: list[str] = []
        stored = self._read(base, lambda collection: collection.get(include=[])["ids"], nothing)
        return {UUID(chunk) for chunk in stored}

    def count(self, base: UUID) -> int:
        """How much is stored."""
        return int(self._read(base, lambda collection: collection.count(), 0))

    def close(self) -> None:
        """Let go of the folder or the server until the next use."""
        self._access.close()

    def _read(self, base: UUID, act: Callable[[Any], R], nothing: R, *, write: bool = False) -> R:
        """``act(collection)``, or ``nothing`` where there is no collection of this model's vectors."""

        def look(client: Any) -> R:
            collection = _found(client, base)
            ours = collection is not None and (collection.metadata or {}).get("embedding") == self._embedding
            return act(collection) if ours else nothing

        return self._access.use(_name(base), look, write=write)

    def _made(self, client: Any, base: UUID) -> Any:
        """The base's collection; one of another embedding model is replaced."""
        collection = _found(client, base)
        if collection is not None and (collection.metadata or {}).get("embedding") == self._embedding:
            return collection
        if collection is not None:
            client.delete_collection(_name(base))
        return client.get_or_create_collection(  # "or": another machine may be quicker
            _name(base), metadata={"embedding": self._embedding}, configuration=HNSW, embedding_function=None
        )


def _parts(length: int) -> list[slice]:
    return [slice(start, start + BATCH) for start in range(0, length, BATCH)]


def _name(base: UUID) -> str:
    return f"kb-{base.hex}"


def _found(client: Any, base: UUID) -> Any:
    from chromadb.errors import NotFoundError

    try:
        return client.get_collection(_name(base), embedding_function=None)
    except NotFoundError:
        return None
