"""Words as search compares them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from bm25s.stopwords import STOPWORDS_EN_PLUS

# Scripts written without blanks (kana, Han, Hangul) count letter by letter; else a run of letters and digits.
UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
STOP = frozenset(STOPWORDS_EN_PLUS)


class Span(NamedTuple):
    """A term and where it stands in the text: ``text[start:end]``."""

    term: str
    start: int
    end: int


def spans(text: str) -> Iterator[Span]:
    """The terms of ``text`` in order, without the words that every English text has."""
    for word in WORD.finditer(text):
        if term := _term(word[0]):
            yield Span(term, word.start(), word.end())


def terms(text: str) -> list[str]:
    """As ``spans``, the terms alone."""
    return [span.term for span in spans(text)]


@lru_cache(maxsize=65_536)
def _term(word: str) -> str:
    folded = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return "" if plain in STOP else _singular(plain)


def _singular(word: str) -> str:
    """Harman's S stemmer (JASIS 42, 1991): only plurals, so that it does little harm to other languages."""
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]
