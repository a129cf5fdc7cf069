"""Plain text: UTF-8, or UTF-16 with its mark."""

from __future__ import annotations

import codecs
import re
import unicodedata

from knowledge.readers.base import Reader, Section, Unreadable

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
CONTROL_SHARE = 0.01  # above this it is not text that a person wrote


def decode(content: bytes) -> str:
    """The text of a file, in Unicode's composed form, with plain line ends.

    Raises Unreadable for what is empty, binary or in an encoding that we would have to guess.
    """
    if not content.strip(b" \t\r\n\x00"):
        raise Unreadable("The file is empty. Upload one that holds text.")
    encoding = "utf-16" if content.startswith(UTF16) else "utf-8-sig"
    if b"\x00" in content and encoding != "utf-16":
        raise Unreadable("The file holds binary data, not text. Upload its text instead.")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"The file is not UTF-8 text (the byte at position {error.start + 1:,} does not fit). "
            "Save it as UTF-8 and upload it again."
        ) from error
    if len(CONTROL.findall(text)) > len(text) * CONTROL_SHARE:
        raise Unreadable("The file holds control characters, not text. Upload its text instead.")
    text = CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text)
    if not text.strip():
        raise Unreadable("The file holds nothing but blanks. Upload one that holds text.")
    return text


def read(content: bytes) -> list[Section]:
    """The whole file as one section."""
    return [Section(decode(content))]


READER = Reader("plain text", (".txt", ".text"), ("text/plain",), read)
