"""Which of the given passages an answer draws on; attached by the gateway, never asked of the model.

A model that is asked to cite invents numbers. Counting words can't: ``used`` is the share of the
answer's own words (those that the question does not hold already) that stand in the passage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agents.prompt import Passage

DRAWN_ON_FROM = 0.3  # a passage that holds less than this share of the answer's own words is not marked
LEAST_WORDS = 2  # nor one that shares a single word: that may be chance

_WORD = re.compile(r"\w{3,}|\d+")
# fmt: off
_COMMON = frozenset((
    "about", "according", "also", "and", "answer", "any", "are", "been", "but", "can", "could",
    "does", "for", "from", "had", "has", "have", "her", "here", "his", "how", "into", "its", "may",
    "more", "not", "other", "our", "out", "passage", "question", "says", "shall", "should", "some",
    "such", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "was", "were", "what", "when", "where", "which", "who", "will", "with", "would", "you",
    "your",
))
# fmt: on


def words(text: str) -> frozenset[str]:
    """The words of ``text`` that carry meaning: lower case, numbers, no common words."""
    return frozenset(_WORD.findall(text.casefold())) - _COMMON


def cite(passages: Sequence[Passage], question: str, answer: str) -> list[dict[str, Any]]:
    """The passages that were given, in order, each with how much of ``answer`` it holds.

    Returns ``[{number, document, chunk, page, score, text, used, drawn_on}]``; ``used`` is 0 to 1.
    """
    said = words(answer)
    own = said - words(question) or said
    return [_citation(number, passage, own) for number, passage in enumerate(passages, start=1)]


def _citation(number: int, passage: Passage, own: frozenset[str]) -> dict[str, Any]:
    shared = own & words(passage.text)
    used = round(len(shared) / len(own), 2) if own else 0.0
    return {
        "number": number,
        "document": passage.document,
        "chunk": passage.chunk,
        "page": passage.page,
        "score": passage.score,
        "text": passage.text,
        "used": used,
        "drawn_on": used >= DRAWN_ON_FROM and len(shared) >= min(LEAST_WORDS, len(own)),
    }
