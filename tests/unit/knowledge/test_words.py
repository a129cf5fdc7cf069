"""The half of search that finds words."""

from __future__ import annotations

import uuid

import pytest

from knowledge.lexical import Index
from knowledge.terms import spans, terms

A, B, C = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return", "Returns"),
        ("delivery", "deliveries"),
        ("CAFÉ", "cafe"),
        ("Straße", "STRASSE"),
        ("ﬁle", "file"),
        ("box", "box,"),
        ("bus", "bus"),
    ],
)
def test_words_that_a_person_takes_for_the_same_compare_equal(one, other):
    assert terms(one) == terms(other)


@pytest.mark.parametrize(("one", "other"), [("bus", "bu"), ("glass", "glas"), ("gas", "ga")])
def test_words_that_only_end_alike_stay_apart(one, other):
    assert terms(one) != terms(other)


def test_words_of_every_sentence_are_no_terms():
    assert terms("what is the and of to") == []


def test_scripts_without_blanks_are_found_letter_by_letter():
    assert terms("退货政策 30日") == ["退", "货", "政", "策", "30", "日"]


def test_a_span_says_where_the_word_stands():
    text = "Can shoes be Returned?"
    assert [text[start:end] for _, start, end in spans(text)][-2:] == ["shoes", "Returned"]


def test_the_best_match_comes_first_and_what_does_not_match_is_no_find():
    index = Index(
        1, [(A, "gift cards are excluded"), (B, "gift gift wrapping of gift"), (C, "opening hours")]
    )
    assert index.best(terms("gift"), 5) == [B, A]
    assert index.best(terms("gift"), 1) == [B]
    assert index.best(terms("unheard of"), 5) == []
    assert index.best([], 5) == []


@pytest.mark.parametrize("chunks", [[], [(A, "")], [(A, "the of and"), (B, "!?")]])
def test_a_base_without_words_finds_nothing(chunks):
    assert Index(1, chunks).best(terms("gift"), 5) == []


def test_rare_words_cover_more_of_a_question_than_common_ones():
    index = Index(1, [(A, "order parcel"), (B, "order label"), (C, "order fee")])
    question = terms("order label")
    assert index.coverage(question, "order label") == pytest.approx(1)
    assert index.coverage(question, "order") < 0.5 < index.coverage(question, "label")
    assert index.coverage(question, "nothing") == 0
    assert index.coverage([], "order") == 0


def test_a_word_that_the_base_lacks_lowers_the_coverage():
    index = Index(1, [(A, "order parcel")])
    assert index.coverage(terms("order zebra"), "order parcel") < 0.5
