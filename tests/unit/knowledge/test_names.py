"""Names that strangers choose."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.names import LONGEST, file_name, slugs
from orchestrator.errors import Invalid


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ("notes.md", "notes.md"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\x\\plan.md", "plan.md"),
        ("/absolute/path.txt", "path.txt"),
        ("..hidden.md", "hidden.md"),
        ("a\x00b\nc.md", "abc.md"),
        ("invoice\u202etxt.exe.md", "invoicetxt.exe.md"),
        ("  two   blanks .md ", "two blanks .md"),
        ("Übersicht 退货.md", "Übersicht 退货.md"),
        ("cafe\u0301.md", "caf\u00e9.md"),
        ("<script>.md", "<script>.md"),
        ("a\u200b.md", "a.md"),
    ],
)
def test_a_name_keeps_what_a_person_would_read(sent, known):
    assert file_name(sent) == known


@pytest.mark.parametrize("sent", ["", "..", "/", "a/", "\x00", "\u202e", " . "])
def test_a_name_of_nothing_is_refused(sent):
    with pytest.raises(Invalid):
        file_name(sent)


def test_a_long_name_keeps_its_suffix():
    name = file_name("x" * 500 + ".md")
    assert len(name) == LONGEST
    assert name.endswith("x.md")


@given(st.text(max_size=400))
def test_no_name_has_folders_or_invisible_characters(sent):
    try:
        name = file_name(sent)
    except Invalid:
        return
    assert not set(name) & set("/\\\x00\n\r\t\u202e\u200b\u2028")
    assert 0 < len(name) <= LONGEST
    assert file_name(name) == name


def test_addresses_are_numbered_when_taken():
    assert list(islice(slugs("Refund policy"), 3)) == ["refund-policy", "refund-policy-2", "refund-policy-3"]


@pytest.mark.parametrize("name", ["退货政策", "!!!", ""])
def test_a_name_without_latin_letters_still_gets_an_address(name):
    assert next(slugs(name)) == "base"
