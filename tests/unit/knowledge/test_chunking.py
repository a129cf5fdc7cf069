"""Sections to passages."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.chunking import LARGEST, Passage, passages
from knowledge.readers import Section


def words(text: str) -> int:
    return len(text.split())


def cut(text: str, heading: str = "", markup: bool = False, max_tokens: int = 100) -> list[Passage]:
    return list(passages([Section(text, heading, markup=markup)], words, max_tokens))


def test_a_short_section_is_one_passage_that_begins_with_its_heading():
    assert cut("30 days.", "Returns › Time") == [Passage(1, "Returns › Time\n30 days.", "Returns › Time", 0)]


def test_passages_are_numbered_through_the_document():
    found = list(passages([Section("a"), Section("b", "H", page=2)], words, 100))
    assert [(each.number, each.text, each.page) for each in found] == [(1, "a", 0), (2, "H\nb", 2)]


def test_passages_fit_the_model_and_end_at_sentences():
    text = " ".join(f"This is sentence number {n} of the text." for n in range(200))
    found = cut(text)
    assert all(words(each.text) <= 100 for each in found)
    assert all(each.text.endswith(".") for each in found)


def test_nothing_of_the_text_is_lost():
    text = "\n\n".join(f"Paragraph {n}: " + "word " * (n % 60) for n in range(300))
    kept = " ".join(each.text for each in cut(text))
    assert kept.split() == text.split()


def test_the_heading_counts_towards_what_fits():
    found = cut("word " * 300, heading="heading " * 30)
    assert max(words(each.text) for each in found) <= 100


def test_markdown_is_cut_between_its_blocks():
    text = "\n".join(f"- item {n} with a few words more" for n in range(60))
    assert all(each.text.startswith("- item") for each in cut(text, markup=True))


@pytest.mark.parametrize("text", ["a" * 300_000, "退货政策" * 25_000, "a " * 100_000, "\u0301" * 100_000])
def test_a_text_without_seams_is_still_cut_in_good_time(text):
    began = time.perf_counter()
    found = cut(text)
    assert time.perf_counter() - began < 10
    assert max(len(each.text) for each in found) <= LARGEST


def test_blanks_give_no_passage():
    assert cut(" \n \n") == []


@given(st.text(max_size=3_000), st.text(max_size=300), st.booleans())
def test_any_text_gives_passages_that_are_not_blank(text, heading, markup):
    for each in cut(text, heading, markup):
        assert each.text.strip()
        assert len(each.heading) <= 255
