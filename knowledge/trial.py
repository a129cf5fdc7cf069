"""The search that an admin tries on a page: the hits with their marks, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from knowledge.highlights import Mark, Piece, pieces
from knowledge.models import KnowledgeBase
from knowledge.overview import counted
from knowledge.search import Hit, search
from orchestrator.errors import ProductError

PASSAGES_A_PAGE = 50  # of a document's page, where hits lead to


@dataclass(frozen=True, slots=True)
class Found:
    """A hit as the page shows it."""

    hit: Hit
    heading: list[Piece]
    body: list[Piece]
    percent: int
    by: str  # "found by words and meaning", or why a step would not use it
    page: int  # of the document's page
    used: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A question and what it found. ``refusal`` is a sentence where the search could not be made."""

    question: str = ""
    k: int = 5
    limit: float = 0.0
    found: list[Found] = field(default_factory=list)
    took: str = ""  # "4 passages in 31 ms"
    refusal: str = ""


def run(base: KnowledgeBase, question: str, k: int, limit: float) -> Trial:
    """Search as a step with ``k`` and ``limit`` would, and show what the limit keeps out too."""
    if not question.strip():
        return Trial(k=k, limit=limit)
    began = time.perf_counter()
    try:
        hits = search(base, question, k)
        ms = (time.perf_counter() - began) * 1000  # what a step waits for; the marks are for the page
        marked = search(base, question, k, mark=True) if hits else []
    except ProductError as error:
        return Trial(question, k, limit, refusal=error.message)
    took = f"{counted(len(hits), 'passage')} in {round(ms):,} ms"
    return Trial(question, k, limit, [_found(hit, limit) for hit in marked], took)


def _found(hit: Hit, limit: float) -> Found:
    head = max(hit.body - 1, 0)
    used = hit.score >= limit
    return Found(
        hit,
        heading=pieces(hit.text[:head], _within(hit.highlights, 0, head)),
        body=pieces(hit.text[hit.body :], _within(hit.highlights, hit.body, len(hit.text))),
        percent=round(hit.score * 100),
        by=f"found by {' and '.join(sorted(hit.found_by, reverse=True))}"
        if used
        else f"below the limit of {limit:.2f}, not used",
        page=(hit.chunk - 1) // PASSAGES_A_PAGE + 1,
        used=used,
    )


def _within(marks: Sequence[Mark], start: int, end: int) -> list[Mark]:
    """The marks, or parts of marks, that lie in ``text[start:end]``, counted from ``start``."""
    clipped = [Mark(max(mark.start, start) - start, min(mark.end, end) - start, mark.kind) for mark in marks]
    return [mark for mark in clipped if mark.start < mark.end]
