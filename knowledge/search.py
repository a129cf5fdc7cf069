"""The verb that finds passages: by words and by meaning at once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from knowledge import embeddings, indexing, lexical, stores, vectors
from knowledge.highlights import Mark, meaning_marks, word_marks
from knowledge.lexical import Index
from knowledge.models import Chunk, KnowledgeBase
from knowledge.ranking import Candidate, fuse, scores
from knowledge.terms import terms
from orchestrator.errors import Invalid

log = logging.getLogger(__name__)
MOST = 50  # passages that one search may ask for
LONGEST_QUERY = 4_000  # characters that are looked at; the model reads about the first 1,000
DEPTH = 4  # each half looks this many times deeper than what is asked for
SHALLOWEST = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A found passage. ``score`` is 0 to 1, never rising from hit to hit (see ``knowledge.ranking``)."""

    text: str  # begins with the heading where there is one
    score: float
    document: str  # the document's name
    document_id: UUID
    chunk: int  # the passage's number within its document, from 1
    page: int  # from 1; 0 where the format has no pages
    heading: str
    found_by: frozenset[str]  # of "words" and "meaning"
    highlights: tuple[Mark, ...] = ()

    @property
    def body(self) -> int:
        """Where in ``text`` the passage itself begins, after its heading."""
        return len(self.heading) + 1 if self.heading and self.text.startswith(f"{self.heading}\n") else 0

    def as_json(self) -> dict[str, Any]:
        """The hit as REST and step outputs carry it."""
        return {
            "text": self.text,
            "score": self.score,
            "document": self.document,
            "chunk": self.chunk,
            "page": self.page or None,
            "heading": self.heading,
            "found_by": sorted(self.found_by, reverse=True),
        }


def search(
    base: KnowledgeBase, query: str, k: int = 5, min_score: float | None = None, *, mark: bool = False
) -> list[Hit]:
    """The at most ``k`` passages of ``base`` that answer ``query`` best, best first.

    Fewer where fewer are found, or where ``min_score`` is given and not reached. ``mark`` adds highlights.
    Raises Invalid for an empty query or a ``k`` outside 1 to 50, EmbeddingUnavailable and
    VectorsUnavailable. Anybody's rights are the caller's business.
    """
    query = query.strip()[:LONGEST_QUERY]
    if not query:
        raise Invalid("A search needs a question or some words.", field="query")
    if not 1 <= k <= MOST:
        raise Invalid(f"A search can give 1 to {MOST} passages, not {k}.", field="k")
    index = lexical.index_of(base.pk)
    if not index.chunks:
        return []
    words = terms(query)
    depth = max(k * DEPTH, SHALLOWEST)
    by_words, by_meaning = index.best(words, depth), _nearest(base.pk, query, index, depth)
    hits = [hit for hit in _hits(by_words, by_meaning, words, index)[:k] if hit.score >= (min_score or 0.0)]
    return _marked(hits, query, words) if mark else hits


def _nearest(base: UUID, query: str, index: Index, depth: int) -> list[tuple[UUID, float]]:
    """The ``depth`` live chunks nearest to ``query``; looks further where replaced ones are in the way."""
    if vectors.incomplete(base, index.revision, index.live):
        log.warning("Vectors of base %s are being made again; until then words find more.", base)
        indexing.heal_later(base)
    vector = embeddings.current().embed([query])[0]
    n = depth
    while True:
        near = stores.current().nearest(base, vector, n)
        live = [(chunk, cosine) for chunk, cosine in near if chunk in index.live]
        if len(live) >= depth or len(near) < n:
            return live[:depth]
        n *= 2


def _hits(
    by_words: Sequence[UUID], by_meaning: Sequence[tuple[UUID, float]], words: Sequence[str], index: Index
) -> list[Hit]:
    """Both rankings as one; chunks whose rows were deleted in this moment are left out."""
    found = {*by_words, *(chunk for chunk, _ in by_meaning)}
    chunks = {chunk.pk: chunk for chunk in Chunk.objects.filter(pk__in=found).select_related("document")}
    coverage = {pk: index.coverage(words, chunk.text) for pk, chunk in chunks.items()}
    ranked = fuse(by_words, by_meaning, coverage)
    return [_hit(chunks[each.chunk], each, score) for each, score in zip(ranked, scores(ranked), strict=True)]


def _hit(chunk: Chunk, candidate: Candidate, score: float) -> Hit:
    halves = (("words", candidate.by_words), ("meaning", candidate.by_meaning))
    return Hit(
        text=chunk.text,
        score=score,
        document=chunk.document.name,
        document_id=chunk.document_id,
        chunk=chunk.number,
        page=chunk.page,
        heading=chunk.heading,
        found_by=frozenset(half for half, by in halves if by),
    )


def _marked(hits: Sequence[Hit], query: str, words: Sequence[str]) -> list[Hit]:
    """The hits with marks: the sentence nearest in meaning only where meaning found the passage."""
    bodies = [hit.text[hit.body :] if "meaning" in hit.found_by else "" for hit in hits]
    out = []
    for hit, sentence in zip(hits, meaning_marks(bodies, query), strict=True):
        marks = word_marks(hit.text, words)
        if sentence:
            marks.append(Mark(sentence.start + hit.body, sentence.end + hit.body, sentence.kind))
        out.append(replace(hit, highlights=tuple(sorted(marks))))
    return out
