"""Two JSON values beside each other, field by field: which lines differ, and which words in them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

JSON = Any
DEEPEST = 6  # objects and lists are told apart this deep
MOST = 200  # lines
LONGEST = 2_000  # characters of a line
WORDS = 400  # a longer text differs as a whole between its equal ends
WORD = re.compile(r"\s+|\d+(?:\.\d+)?|\w+|[^\w\s]")
MISSING: JSON = object()


@dataclass(frozen=True, slots=True)
class Line:
    """One field on both sides as pieces ``(differs, text)``; a side without the field is empty."""

    left: tuple[tuple[bool, str], ...]
    right: tuple[tuple[bool, str], ...]
    same: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """The lines, how many of them differ, and how many are not shown."""

    lines: tuple[Line, ...]
    differ: int
    of: int
    more: int


def differences(left: JSON, right: JSON) -> Difference:
    """Both values field by field, in the order of ``left`` and then of ``right``."""
    ours, theirs = dict(_fields("", left, 0)), dict(_fields("", right, 0))
    names = list(dict.fromkeys([*ours, *theirs]))
    unlike = [name for name in names if ours.get(name, MISSING) != theirs.get(name, MISSING)]
    shown = names if len(names) <= MOST else [*unlike, *(name for name in names if name not in set(unlike))]
    lines = tuple(_line(name, ours.get(name), theirs.get(name)) for name in shown[:MOST])
    return Difference(lines, len(unlike), len(names), max(0, len(names) - MOST))


def _fields(path: str, value: JSON, depth: int) -> Iterator[tuple[str, str]]:
    """Each field with its value as text; empty and deep ones are a field by themselves."""
    if isinstance(value, dict) and value and depth < DEEPEST:
        for name, part in value.items():
            yield from _fields(f"{path}.{name}" if path else str(name), part, depth + 1)
    elif isinstance(value, list) and value and depth < DEEPEST:
        for index, part in enumerate(value):
            yield from _fields(f"{path}[{index}]", part, depth + 1)
    else:
        yield path, f'"{value}"' if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(name: str, left: str | None, right: str | None) -> Line:
    label = f"{name}: " if name else ""
    if left is None or right is None or left == right:
        return Line(_whole(label, left, right), _whole(label, right, left), left == right)
    ours, theirs = _pieces(left[:LONGEST], right[:LONGEST])
    return Line(((False, label), *ours), ((False, label), *theirs), same=False)


def _whole(label: str, text: str | None, other: str | None) -> tuple[tuple[bool, str], ...]:
    if text is None:
        return ()
    return ((False, label), (text != other, text[:LONGEST] + ("…" if len(text) > LONGEST else "")))


def _pieces(left: str, right: str) -> tuple[list[tuple[bool, str]], list[tuple[bool, str]]]:
    """What is the same and what is not, by words."""
    ours, theirs = WORD.findall(left), WORD.findall(right)
    if len(ours) > WORDS or len(theirs) > WORDS:
        return [(True, left)], [(True, right)]
    found: tuple[list[tuple[bool, str]], list[tuple[bool, str]]] = ([], [])
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        for side, words in zip(found, (ours[a:b], theirs[c:d]), strict=True):
            if words:
                side.append((kind != "equal", "".join(words)))
    return _joined(found[0]), _joined(found[1])


def _joined(pieces: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    """The pieces with those together that only a space parts: two changed words read as one change."""
    made: list[tuple[bool, str]] = []
    for at, (differs, text) in enumerate(pieces):
        between = 0 < at < len(pieces) - 1 and not differs and not text.strip()
        if made and made[-1][0] == (differs or between):
            made[-1] = (made[-1][0], made[-1][1] + text)
        else:
            made.append((differs, text))
    return made
