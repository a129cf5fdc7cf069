"""The vectors of a base follow its chunk rows: what is missing is made again, what is left over removed."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from itertools import islice
from uuid import UUID

from knowledge import embeddings, stores
from knowledge.models import Chunk, KnowledgeBase

log = logging.getLogger(__name__)
BATCH = 16  # chunks embedded and stored together: about half a second
AT_ONCE = 100  # a search waits while this many are made again; more go to the indexing thread

_locks: defaultdict[UUID, threading.Lock] = defaultdict(threading.Lock)
_checked: dict[UUID, tuple[int, int]] = {}  # base -> (identity of the store, revision) found complete


def add(base: UUID, texts: Mapping[UUID, tuple[UUID, str]]) -> None:
    """Embed and store chunks, given as chunk -> (document, text)."""
    vectors = embeddings.current().embed([text for _, text in texts.values()])
    stores.current().put(base, {chunk: document for chunk, (document, _) in texts.items()}, vectors)


def incomplete(base: UUID, revision: int, live: Set[UUID]) -> bool:
    """Whether vectors of ``live`` (the searchable chunks at ``revision``) still miss after mending a few.

    True means that there is work for ``heal``. Compares ids once per revision and process; after that a
    count tells a store that was lost.
    """
    store = stores.current()
    state = (id(store), revision)
    if _checked.get(base) == state and store.count(base) >= len(live):
        return False
    with _locks[base]:
        missing = live - store.ids(base)
        if len(missing) > AT_ONCE:
            return True
        if missing:
            log.warning("%d vectors of %s are missing; making them again.", len(missing), base)
            _fill(base, missing)
        _checked[base] = state
    return False


def heal(base: UUID) -> int:
    """Make the base's missing vectors and remove those without a row; answers how many were made."""
    store = stores.current()
    with _locks[base]:
        stored = store.ids(base)  # before the rows: what is stored after a row is deleted stays for next time
        rows = set(Chunk.objects.filter(base=base).values_list("pk", flat=True))
        if over := stored - rows:
            store.remove(base, list(over))
        return _fill(base, rows - stored)


def rebuild(base: KnowledgeBase) -> int:
    """Throw the base's vectors away and make them from its chunk rows; answers how many were made."""
    stores.current().drop(base.pk)
    return heal(base.pk)


def _fill(base: UUID, wanted: Set[UUID]) -> int:
    rows = Chunk.objects.filter(base=base).values_list("pk", "document_id", "text")
    texts = ((pk, (document, text)) for pk, document, text in rows.iterator() if pk in wanted)
    made = 0
    while batch := dict(islice(texts, BATCH)):
        add(base, batch)
        made += len(batch)
    return made


def forget(base: UUID, chunks: Iterable[UUID]) -> None:
    """Remove the vectors of chunks whose rows are gone."""
    stores.current().remove(base, list(chunks))
