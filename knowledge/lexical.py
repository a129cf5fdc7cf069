"""The half of search that finds words: BM25 over a base's searchable chunks, kept until they change."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
from bm25s import BM25

from knowledge.models import Chunk, Document, KnowledgeBase
from knowledge.terms import terms

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets DEBUG for itself
KEPT = 16  # bases whose index stays in memory

_indexes: OrderedDict[UUID, Index] = OrderedDict()
_locks: defaultdict[UUID, threading.Lock] = defaultdict(threading.Lock)


class Index:
    """The words of one base at one revision. Immutable."""

    def __init__(self, revision: int, chunks: Iterable[tuple[UUID, str]]) -> None:
        self.revision = revision
        self.chunks: list[UUID] = []
        self._frequency: Counter[str] = Counter()  # in how many chunks a term stands
        vocabulary: dict[str, int] = {}
        rows: list[list[int]] = []
        for chunk, text in chunks:
            found = terms(text)
            self.chunks.append(chunk)
            self._frequency.update(set(found))
            rows.append([vocabulary.setdefault(term, len(vocabulary)) for term in found])
        self.live = frozenset(self.chunks)
        self._bm25: BM25 | None = None
        if vocabulary:
            self._bm25 = BM25(method="lucene")
            self._bm25.index((rows, vocabulary), show_progress=False, create_empty_token=False)

    def best(self, query: Sequence[str], n: int) -> list[UUID]:
        """At most ``n`` chunks that hold a term of ``query``, best BM25 score first."""
        known = [term for term in query if term in self._frequency]
        if not known or self._bm25 is None:
            return []
        scores = self._bm25.get_scores(known)
        top = np.argsort(-scores, kind="stable")[:n]
        return [self.chunks[row] for row in top if scores[row] > 0]

    def coverage(self, query: Sequence[str], text: str) -> float:
        """How much of ``query`` stands in ``text``, from 0 to 1; rare terms weigh more (BM25's idf)."""
        weights = {term: self._weight(term) for term in set(query)}
        whole = sum(weights.values())
        held = set(terms(text))
        return sum(weight for term, weight in weights.items() if term in held) / whole if whole else 0.0

    def _weight(self, term: str) -> float:
        frequency = self._frequency[term]
        return math.log(1 + (len(self.chunks) - frequency + 0.5) / (frequency + 0.5))


def index_of(base: UUID) -> Index:
    """The index of the base as it is now; built by the first who asks after a change."""
    revision = KnowledgeBase.objects.values_list("revision", flat=True).get(pk=base)
    with _locks[base]:
        known = _indexes.get(base)
        if known is None or known.revision != revision:
            known = _indexes[base] = Index(revision, searchable(base))
        _indexes.move_to_end(base)
        while len(_indexes) > KEPT:
            _indexes.popitem(last=False)
    return known


def searchable(base: UUID) -> Iterable[tuple[UUID, str]]:
    """The chunks of each document's live generation, as (id, text), in a stable order."""
    live = dict(Document.objects.filter(base=base).values_list("pk", "live_generation"))
    rows = Chunk.objects.filter(base=base).order_by("document_id", "number")
    for pk, document, generation, text in rows.values_list(
        "pk", "document_id", "generation", "text"
    ).iterator():
        if live.get(document) == generation:
            yield pk, text
