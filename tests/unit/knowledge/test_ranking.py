"""Two rankings to one, and the score."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from knowledge.ranking import MEANING_FLOOR, fuse, scores

A, B, C, D = (uuid.UUID(int=n) for n in range(1, 5))


def order(by_words, by_meaning, coverage):
    return [each.chunk for each in fuse(by_words, by_meaning, coverage)]


def test_what_both_halves_find_comes_before_what_one_finds():
    assert order([A, B], [(B, 0.6), (C, 0.5)], {A: 0.5, B: 0.5, C: 0}) == [B, C, A]


def test_a_common_word_does_not_outvote_the_nearest_meaning():
    assert order([A], [(B, 0.6), (A, 0.3)], {A: 0.1, B: 0})[0] == B


def test_all_the_words_outvote_a_vague_meaning():
    assert order([A], [(B, 0.3), (C, 0.29), (A, 0.28)], {A: 1.0, B: 0, C: 0})[0] == A


def test_a_weak_meaning_is_no_find_but_informs_the_score():
    found = fuse([A], [(B, MEANING_FLOOR - 0.01), (A, 0.1)], {A: 0.5, B: 0})
    assert [(each.chunk, each.by_words, each.by_meaning, each.cosine) for each in found] == [
        (A, True, False, 0.1)
    ]


def test_a_passage_whose_row_is_gone_is_left_out():
    assert order([A, B], [(C, 0.9)], {B: 1.0}) == [B]


def test_the_score_is_the_meaning_alone_where_no_word_matches():
    assert scores(fuse([], [(A, 0.6)], {A: 0})) == [0.6]


def test_words_raise_the_score_as_a_second_witness():
    assert scores(fuse([A], [(A, 0.6)], {A: 0.5})) == [0.76]


def test_all_words_alone_are_not_certain():
    assert scores(fuse([A], [], {A: 1.0})) == [0.8]


def test_the_score_of_a_passage_does_not_depend_on_weaker_ones():
    assert scores(fuse([], [(A, 0.6), (B, 0.5)], {A: 0, B: 0}))[0] == scores(fuse([], [(A, 0.6)], {A: 0}))[0]


cosines = st.floats(-1, 1)
shares = st.floats(0, 1)


@given(
    st.permutations([A, B, C, D]),
    st.lists(st.tuples(st.sampled_from([A, B, C, D]), cosines), unique_by=lambda x: x[0]),
    st.lists(shares, min_size=4, max_size=4),
)
def test_scores_lie_between_0_and_1_and_never_rise(by_words, by_meaning, coverage):
    by_meaning = sorted(by_meaning, key=lambda pair: -pair[1])
    found = scores(fuse(by_words[:2], by_meaning, dict(zip([A, B, C, D], coverage, strict=True))))
    assert all(0 <= score <= 1 for score in found)
    assert found == sorted(found, reverse=True)
