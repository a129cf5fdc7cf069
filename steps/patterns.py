"""Regular expressions that cannot hang a worker.

``(a|aa)+$`` takes longer than the universe on sixty letters, so matching has a deadline; and
``(?:a{1000}){1000}`` takes gigabytes to compile, so what a pattern expands to is bounded first.
"""

from __future__ import annotations

import re
from functools import lru_cache

import regex

MATCH_S = 0.5
MAX_PATTERN = 1000  # characters
MAX_TEXT = 1_000_000  # characters
MAX_EXPANDED = 100_000  # parts after counted repeats are written out

_TOKEN = re.compile(
    r"\\(?:[pPN]\{[^}]*\}|.)|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?:\?[^:=!<>()]*[:=!>]?)?|\)"
    r"|\{(?P<low>\d*)(?:,(?P<high>\d*))?\}|.",
    re.DOTALL,
)
_RECURSIVE = re.compile(r"\(\?(?:R|[+-]?\d|&|P>)")
_LITERAL = re.compile(r"\\(?:[pPN]\{[^}]*\}|.)|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_FUZZY = re.compile(r"\{[^{}\d,][^{}]*\}")


class PatternError(ValueError):
    """A pattern that cannot be read or would take too much; the text is a sentence."""


def searched(pattern: str, text: str) -> bool:
    """Whether ``pattern`` is found somewhere in ``text``. Raises PatternError, TimeoutError after MATCH_S."""
    if len(text) > MAX_TEXT:
        raise PatternError(f"Patterns are looked for in texts of up to {MAX_TEXT:,} characters.")
    return compiled(pattern).search(text, timeout=MATCH_S, concurrent=True) is not None


@lru_cache(maxsize=512)
def compiled(pattern: str) -> regex.Pattern[str]:
    """The compiled pattern. Raises PatternError."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"A pattern has at most {MAX_PATTERN:,} characters.")
    if _RECURSIVE.search(pattern) or _FUZZY.search(_LITERAL.sub("", pattern)):
        raise PatternError("Recursion and fuzzy matching are not available; write \\{ for a brace.")
    if expanded(pattern) > MAX_EXPANDED:
        raise PatternError("The pattern repeats too much; lower the numbers in { }.")
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise PatternError(f"The pattern cannot be read: {str(error)[:200]}.") from error


def expanded(pattern: str) -> int:
    """About how many parts ``pattern`` has once ``x{3}`` is written as ``xxx``."""
    sizes, last = [0], 0  # of the open groups, and of the part before a repeat
    for token in _TOKEN.finditer(pattern):
        piece = token.group()
        if token["low"] is not None and piece != "{}":
            times = int((token["high"] or token["low"] or "1")[:9])
            sizes[-1] += last * max(0, times - 1)
            last *= max(1, times)
        elif piece.startswith("("):
            sizes.append(0)
            last = 0
        elif piece == ")" and len(sizes) > 1:
            last = sizes.pop() + 1
            sizes[-1] += last
        elif piece not in "*+?|":
            last = 1
            sizes[-1] += 1
    return sum(sizes)
