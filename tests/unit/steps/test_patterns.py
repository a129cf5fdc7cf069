"""Patterns find what they should, and no pattern hangs or fills the machine."""

from __future__ import annotations

import time

import pytest

from steps.patterns import MAX_TEXT, PatternError, expanded, searched


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^\d{4}-\d{2}-\d{2}$", "2026-01-31", True),
        (r"^\d{4}-\d{2}-\d{2}$", "on 2026-01-31", False),
        (r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){1,7}", "DE89 3704 0044 0532 0130 00", True),
        (r"^(?=.*\d)(?=.*[a-z]).{8,}$", "abcdefg1", True),
        (r"(\w+) \1", "the the", True),
        (r"\p{Lu}\p{Ll}+", "Äpfel", True),
        (r"^[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+$", "ben.aalto@example.org", True),
        (r"[]{2}]", "2", True),
        (r"\{x\}", "{x}", True),
    ],
)
def test_a_pattern_is_searched_for(pattern, text, found):
    assert searched(pattern, text) is found


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a|aa)+$", "a" * 80 + "!"),
        (r"(\w+\s?)+$", "word " * 100_000 + "!"),
        (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 5_000),
        (r"((a{1,40}){1,40}){1,40}b", "a" * 5000),
    ],
)
def test_a_pattern_that_explodes_is_stopped(pattern, text):
    began = time.thread_time()
    with pytest.raises(TimeoutError):
        searched(pattern, text)
    assert time.thread_time() - began < 2


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?:(?:(?:a{1000}){1000}){1000}){1000}",
        r"(?:a{1000}){1000}",
        r"((a{1,1000}){1,1000}){1,1000}",
        r"(?:[ab]{9999}){9999}",
        r"a{99999999999999}",
        r"(?R)",
        r"(a(?1)?b)",
        r"(?&x)(?P<x>a)",
        r"(?:foo){e}",
        r"(?:foo){e<=3:[a-z]}",
        "(" * 500 + ")" * 500,
        "x" * 1001,
        "(unclosed",
        "[unclosed",
        "*",
    ],
)
def test_a_pattern_that_cannot_be_used_says_so(pattern):
    began = time.thread_time()
    with pytest.raises(PatternError):
        searched(pattern, "aaaa")
    assert time.thread_time() - began < 2


def test_very_long_texts_are_refused():
    with pytest.raises(PatternError):
        searched("a", "b" * (MAX_TEXT + 1))


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [("abc", 3), ("a{3}b", 4), ("(ab){10}", 30), ("(?:a{10}){10}", 110), ("[a-z]{5,9}", 9)],
)
def test_counted_repeats_are_written_out_for_the_bound(pattern, parts):
    assert expanded(pattern) == parts
