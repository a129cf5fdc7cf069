"""Markdown: a section for each heading (ATX and Setext, CommonMark 4.2 and 4.3), outside of code fences.

Front matter (``---`` to ``---`` at the top) is about the file, not of it, and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from knowledge.readers.base import Reader, Section, Unreadable
from knowledge.readers.text import decode

ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
NOT_A_PARAGRAPH = re.compile(r" {4}|\t| {0,3}(?:[-*+>|#]|\d+[.)]\s|`{3}|~{3})")
FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
MARKS = re.compile(r"[*_`]+|!?\[([^\]]*)\]\([^)]*\)")

Line = tuple[int, str]  # heading level from 1 to 6, or 0 for a line of text


def read(content: bytes) -> list[Section]:
    """One section per heading that has text under it; raises Unreadable where there is none."""
    path: dict[int, str] = {}
    body: list[str] = []
    sections: list[Section] = []

    def end() -> None:
        text = "\n".join(body).strip("\n")
        if text.strip():
            sections.append(Section(text, " › ".join(path[level] for level in sorted(path)), markup=True))
        body.clear()

    for level, line in _lines(FRONT_MATTER.sub("", decode(content))):
        if not level:
            body.append(line)
            continue
        end()
        path = {above: title for above, title in path.items() if above < level}
        if line:
            path[level] = line
    end()
    if not sections:
        raise Unreadable("The file holds headings without any text. Upload one that holds text.")
    return sections


def _lines(text: str) -> Iterator[Line]:
    """Lines of text and of headings; the underline of a Setext heading is gone with it."""
    fence = ""
    held: str | None = None  # a line that the next one may turn into a heading
    for line in text.split("\n"):
        underline = SETEXT.match(line) if held is not None and not fence else None
        if underline and held is not None:
            yield (1 if underline[1][0] == "=" else 2), _plain(held)
            held = None
            continue
        if held is not None:
            yield 0, held
            held = None
        fence, is_text = _fence(fence, line)
        heading = None if is_text else ATX.match(line)
        if heading:
            yield len(heading[1]), _plain(heading[2] or "")
        elif is_text or not line.strip() or NOT_A_PARAGRAPH.match(line):
            yield 0, line
        else:
            held = line
    if held is not None:
        yield 0, held


def _fence(fence: str, line: str) -> tuple[str, bool]:
    """The code fence that is open after ``line``, and whether ``line`` belongs to it."""
    mark = FENCE.match(line)
    if not fence:
        return (mark[1], True) if mark else ("", False)
    closes = mark and mark[1].startswith(fence) and not line[mark.end() :].strip()
    return ("" if closes else fence), True


def _plain(title: str) -> str:
    """A heading without emphasis, code marks and link targets."""
    return MARKS.sub(lambda mark: mark[1] or "", title).strip()


READER = Reader("Markdown", (".md", ".markdown", ".mdown"), ("text/markdown", "text/x-markdown"), read)
