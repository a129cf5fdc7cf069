"""File names and addresses from what people and browsers send."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from django.utils.text import slugify

from orchestrator.errors import Invalid

LONGEST = 200
RESERVED = frozenset({"new"})  # a page beside the bases has this address
# control, format (bidi overrides, zero width), surrogates, private use, line and paragraph separators
UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def file_name(sent: str) -> str:
    """The name by which a document is known: no folders, nothing invisible, at most 200 characters.

    It is only shown and compared; the stored file has a random name. Raises Invalid where nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", sent))[-1]
    seen = "".join(c for c in last if unicodedata.category(c) not in UNSEEN_CATEGORIES)
    name = re.sub(r"\s+", " ", seen).strip().strip(".").strip()
    if not name:
        raise Invalid("A document needs a file name.", file=sent[:LONGEST])
    stem, dot, suffix = name.rpartition(".")
    if len(name) <= LONGEST:
        return name
    return (
        f"{stem[: LONGEST - len(suffix) - 1]}{dot}{suffix}" if stem and len(suffix) < 16 else name[:LONGEST]
    )


def slugs(name: str) -> Iterator[str]:
    """Addresses for a name, the plain one first: ``refund-policy``, ``refund-policy-2`` ..."""
    plain = slugify(name)[:100].strip("-") or "base"
    if plain not in RESERVED:
        yield plain
    number = 2
    while True:
        yield f"{plain}-{number}"
        number += 1
