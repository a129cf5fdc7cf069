"""Files to sections: what is read, and what is refused with which reason."""

from __future__ import annotations

import pytest

from knowledge.readers import Unreadable, accepted, labels, markdown, reader_for, text
from orchestrator.errors import Unsupported


def headings(source: str) -> list[tuple[str, str]]:
    return [(section.heading, section.text) for section in markdown.read(source.encode())]


def test_text_is_one_section_without_a_heading():
    (section,) = text.read("Ab heute gilt:\r\nRückgabe 30 Tage.\r".encode())
    assert (section.text, section.heading, section.markup) == (
        "Ab heute gilt:\nRückgabe 30 Tage.\n",
        "",
        False,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_files_are_read_with_and_without_their_mark(encoding):
    assert text.decode("退货 für 5 €".encode(encoding)) == "退货 für 5 €"


def test_letters_and_their_accents_are_composed_so_that_words_compare_equal():
    assert text.decode("cafe\u0301".encode()) == "caf\u00e9"


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n", b"\x00\x00", "\ufeff \n".encode()])
def test_a_file_without_text_is_refused(content):
    with pytest.raises(Unreadable, match=r"(is empty|nothing but blanks)"):
        text.decode(content)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary data"),
        (b"MZ" + bytes(range(256)), "binary data"),
        ("Gr\u00fc\u00dfe".encode("latin-1"), "position 3 does not fit"),
        (b"\xff\xfe\x00\xd8", "position 3 does not fit"),
        (b"\x01\x02\x03\x04abc", "control characters"),
    ],
)
def test_what_is_not_text_is_refused_with_the_reason(content, why):
    with pytest.raises(Unreadable, match=why) as refused:
        text.decode(content)
    assert refused.value.message.endswith(".")


def test_a_few_control_characters_are_left_out():
    assert text.decode(b"page one\x0cpage two" + b" and so on" * 20 + b"\x07").count("\x07") == 0


def test_each_heading_begins_a_section_that_carries_the_path_to_it():
    source = "intro\n\n# Returns\nall\n## Time ##\n30 days\n### Late\nno\n## Fee\nnone\n# Other\nx"
    assert headings(source) == [
        ("", "intro"),
        ("Returns", "all"),
        ("Returns › Time", "30 days"),
        ("Returns › Time › Late", "no"),
        ("Returns › Fee", "none"),
        ("Other", "x"),
    ]


def test_underlined_headings_count_and_rules_do_not():
    assert headings("Title\n=====\na\n\n---\n\nPart\n----\nb\n\n- item\n---\nc") == [
        ("Title", "a\n\n---"),
        ("Title › Part", "b\n\n- item\n---\nc"),
    ]


def test_what_looks_like_a_heading_within_a_code_fence_is_code():
    assert headings("# Setup\n```sh\n# not a heading\nmake\n```\n~~~\n# nor this\n```\n~~~\n## Run\nx") == [
        ("Setup", "```sh\n# not a heading\nmake\n```\n~~~\n# nor this\n```\n~~~"),
        ("Setup › Run", "x"),
    ]


def test_a_heading_loses_its_marks_and_links():
    assert headings("# The **big** `plan` [here](http://x)\ntext")[0][0] == "The big plan here"


def test_hash_tags_are_text():
    assert headings("#hashtag is no heading\n####### seven") == [
        ("", "#hashtag is no heading\n####### seven")
    ]


def test_front_matter_is_left_out():
    assert headings("---\ntitle: x\ntags: [a]\n---\n# A\nb") == [("A", "b")]


def test_headings_without_text_are_refused():
    with pytest.raises(Unreadable, match="headings without any text"):
        markdown.read(b"# A\n## B\n")


@pytest.mark.parametrize(
    ("name", "media_type", "label"),
    [
        ("notes.md", "application/octet-stream", "Markdown"),
        ("NOTES.MARKDOWN", "", "Markdown"),
        ("a.txt", "text/html", "plain text"),
        ("README", "text/plain; charset=utf-8", "plain text"),
        ("README", "text/markdown", "Markdown"),
    ],
)
def test_the_suffix_names_the_reader_and_without_one_the_media_type(name, media_type, label):
    assert reader_for(name, media_type).label == label


@pytest.mark.parametrize(
    ("name", "media_type", "what"),
    [
        ("scan.pdf", "application/pdf", ".pdf files"),
        ("run.sh", "text/plain", ".sh files"),
        ("a.md.exe", "text/markdown", ".exe files"),
        ("README", "", "files of type unknown"),
    ],
)
def test_other_types_are_refused_by_name_with_what_is_read_instead(name, media_type, what):
    with pytest.raises(Unsupported) as refused:
        reader_for(name, media_type)
    assert what in refused.value.message
    assert labels() in refused.value.message
    assert refused.value.details == {"file": name}


def test_the_file_chooser_offers_every_suffix():
    assert accepted() == ".md,.markdown,.mdown,.txt,.text"
