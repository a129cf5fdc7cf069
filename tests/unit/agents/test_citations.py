"""Which passages an answer draws on, by counting words."""

from __future__ import annotations

from agents.citations import cite
from agents.prompt import Passage

REFUNDS = Passage("A customer may return an item within 30 days with the receipt.", "Handbook.md", 3, 2, 0.8)
HOURS = Passage("We are open on Saturdays from 10 to 14.", "Handbook.md", 7)


def marks(question, answer, *passages):
    return [(c["used"], c["drawn_on"]) for c in cite(passages or (REFUNDS, HOURS), question, answer)]


def test_a_passage_that_holds_the_answers_own_words_is_marked():
    assert marks("Can I return it?", "Yes, within 30 days with the receipt.") == [(0.8, True), (0.0, False)]


def test_words_of_the_question_prove_nothing():
    question = "May a customer return an item with the receipt?"
    assert marks(question, "A customer may return an item on Saturdays.") == [(0.0, False), (1.0, True)]


def test_an_answer_that_only_repeats_the_question_is_measured_by_all_its_words():
    assert marks("Return within 30 days?", "Return within 30 days.")[0] == (1.0, True)


def test_one_shared_word_among_many_is_chance():
    answer = "Saturdays bring rain, thunder, hail and much wind."
    assert marks("What is the weather?", answer)[1] == (0.14, False)


def test_an_answer_of_one_word_may_rest_on_it():
    assert marks("How many days?", "30") == [(1.0, True), (0.0, False)]


def test_common_words_do_not_count():
    assert marks("Why?", "There they are, with them all.") == [(0.0, False), (0.0, False)]


def test_no_answer_draws_on_nothing():
    assert marks("Why?", "") == [(0.0, False), (0.0, False)]


def test_a_citation_says_where_its_passage_is_from():
    (citation,) = cite((REFUNDS,), "When?", "Within 30 days.")
    assert citation == {
        "number": 1,
        "document": "Handbook.md",
        "chunk": 3,
        "page": 2,
        "score": 0.8,
        "text": REFUNDS.text,
        "used": 1.0,
        "drawn_on": True,
    }
