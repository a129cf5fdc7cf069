"""What a person sees marked in a passage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import embeddings
from knowledge.embeddings.fake import WordHash
from knowledge.highlights import Mark, meaning_marks, pieces, word_marks
from knowledge.terms import terms


@pytest.fixture(autouse=True)
def fake_embedding(monkeypatch):
    monkeypatch.setattr(embeddings, "current", WordHash)


def marked(text: str, mark: Mark | None) -> str:
    return text[mark.start : mark.end] if mark else ""


def test_the_words_of_the_question_are_marked_where_they_stand():
    text = "Shoes can be returned; a shoe box too."
    assert [marked(text, mark) for mark in word_marks(text, terms("returned shoes"))] == [
        "Shoes",
        "returned",
        "shoe",
    ]


def test_the_sentence_nearest_to_the_question_is_marked():
    text = "Gift cards are excluded. Articles with signs of use are credited. It costs 140.00 € today."
    (mark,) = meaning_marks([text], "signs of use on articles")
    assert marked(text, mark) == "Articles with signs of use are credited."


def test_a_number_does_not_end_a_sentence():
    text = "It costs 140.00 € today. Nothing else."
    assert marked(text, meaning_marks([text], "costs € today")[0]) == "It costs 140.00 € today."


def test_lines_and_other_scripts_have_sentences_too():
    text = "Opening hours\nMonday to Friday\n周一到周五。周末休息。"
    assert marked(text, meaning_marks([text], "周末休息")[0]) == "周末休息。"


def test_a_text_of_one_sentence_has_nothing_to_single_out():
    assert meaning_marks(["Only one.", ""], "one") == [None, None]
    assert meaning_marks([], "one") == []


def test_words_are_seen_within_the_marked_sentence():
    text = "abc def ghi"
    assert pieces(text, [Mark(0, 11, "meaning"), Mark(4, 7, "words")]) == [
        ("abc ", "meaning"),
        ("def", "words"),
        (" ghi", "meaning"),
    ]


@given(st.text(max_size=200), st.text(max_size=50))
def test_the_pieces_are_the_whole_text(text, question):
    marks = word_marks(text, terms(question))
    assert "".join(piece.text for piece in pieces(text, marks)) == text
