"""What to mark in a found passage: the question's words, and the sentence nearest in meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from knowledge import embeddings
from knowledge.terms import spans

SENTENCE = re.compile(r"[^\n]+?(?:[.!?]+[\"'”’)\]]*(?=\s|$)|[。！？]+|(?=\n)|$)")
LONGEST = 12  # sentences of a passage that are looked at


class Mark(NamedTuple):
    """``text[start:end]`` matches by ``kind``. Word marks may lie within a meaning mark."""

    start: int
    end: int
    kind: Literal["words", "meaning"]


class Piece(NamedTuple):
    """A run of a passage's text with one look; ``kind`` is empty where nothing is marked."""

    text: str
    kind: str


def word_marks(text: str, query: Sequence[str]) -> list[Mark]:
    """Where the terms of ``query`` stand in ``text``."""
    wanted = set(query)
    return [Mark(span.start, span.end, "words") for span in spans(text) if span.term in wanted]


def meaning_marks(texts: Sequence[str], query: str) -> list[Mark | None]:
    """For each text its sentence that is nearest to ``query``; None for a text of one sentence or less.

    Embeds every sentence, so it is for a page that a person reads, not for each step of a run.
    """
    sentences = [_sentences(text)[:LONGEST] for text in texts]
    flat = [text[start:end] for text, marks in zip(texts, sentences, strict=True) for start, end in marks]
    if not flat:
        return [None] * len(texts)
    vectors = embeddings.current().embed([query, *flat])
    near = iter((vectors[1:] @ vectors[0]).tolist())
    out: list[Mark | None] = []
    for marks in sentences:
        ranked = [(next(near), mark) for mark in marks]
        best = max(ranked, default=None)
        out.append(Mark(*best[1], "meaning") if best and len(marks) > 1 else None)
    return out


def pieces(text: str, marks: Sequence[Mark]) -> list[Piece]:
    """``text`` cut at its marks, in order; words win over the sentence that they stand in."""
    looks = [""] * len(text)
    for mark in sorted(marks, key=lambda each: each.kind == "words"):
        looks[mark.start : mark.end] = [mark.kind] * (mark.end - mark.start)
    out: list[Piece] = []
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or looks[at] != looks[start]:
            out.append(Piece(text[start:at], looks[start]))
            start = at
    return out


def _sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences stand, without the blanks around them."""
    out = []
    for sentence in SENTENCE.finditer(text):
        start = sentence.start() + len(sentence[0]) - len(sentence[0].lstrip())
        end = start + len(sentence[0].strip())
        if end - start > 2:
            out.append((start, end))
    return out
