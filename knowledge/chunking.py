"""Sections to passages that fit the embedding model, cut where the text itself has a seam. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from knowledge.readers.base import Section

# The splitter looks at the whole rest for each cut where it finds no seam: 400,000 letters without a
# sentence's end took 31 s, in blocks of this many 2 s.
BLOCK_CHARACTERS = 10_000
SMALLEST, LARGEST = 80, 1_600  # characters of one passage, whatever the tokens say
SHARE = 0.8  # of the model's tokens: a block's tokens are not spread evenly
HEADING_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document. Its text begins with its heading, which is what makes it understandable."""

    number: int  # counts from 1 within the document
    text: str
    heading: str
    page: int


def passages(
    sections: Iterable[Section], count_tokens: Callable[[str], int], max_tokens: int
) -> Iterator[Passage]:
    """Cut ``sections`` into passages of at most about ``max_tokens``; none crosses a heading."""
    number = 0
    for section in sections:
        heading = section.heading[:HEADING_CHARACTERS]
        room = max_tokens * SHARE - (count_tokens(heading) if heading else 0)
        for block in _blocks(section.text):
            for piece in _cut(block, max(room, max_tokens / 4), count_tokens, section.markup):
                number += 1
                text = f"{heading}\n{piece}" if heading else piece
                yield Passage(number, text, heading, section.page)


def _cut(text: str, tokens: float, count_tokens: Callable[[str], int], markup: bool) -> list[str]:
    """Pieces of ``text``; how many characters make a token is measured on the text itself."""
    density = max(count_tokens(text), 1) / len(text)
    largest = int(min(max(tokens / density, SMALLEST), LARGEST))
    splitter = MarkdownSplitter if markup else TextSplitter
    return splitter(largest).chunks(text)


def _blocks(text: str) -> Iterator[str]:
    """``text`` in blocks of at most BLOCK_CHARACTERS, cut at a blank line, a line's end or a blank."""
    start = 0
    while start < len(text):
        end = start + BLOCK_CHARACTERS
        if end < len(text):
            seams = (text.rfind(seam, start + BLOCK_CHARACTERS // 2, end) for seam in ("\n\n", "\n", " "))
            end = next((seam for seam in seams if seam > 0), end)
        if block := text[start:end].strip("\n"):
            yield block
        start = end
