from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from runs.pages.words import Voice, about, ago, clock, count, duration, listed, money, ordinal

NOW = datetime(2026, 11, 24, 10, 46, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (3.14, "3.1 s"), (9.96, "10 s"), (59.6, "1 min"), (231, "3 min 51 s"), (3600, "1 h"),
     (86_399, "23 h 59 min"), (187_200, "2 d 4 h"), (-1, "0.0 s")],
)  # fmt: skip
def test_a_duration_is_said_with_its_two_largest_units(seconds, words):
    assert duration(seconds) == words


def test_a_column_writes_minutes_short():
    assert duration(231, short=True) == "3 m 51 s"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (40, "40 s"), (238, "4 min"), (7_300, "2 h"), (172_800, "2 days")]
)
def test_an_expectation_is_rounded(seconds, words):
    assert about(seconds) == words


def test_a_time_names_its_day_where_it_is_not_today():
    assert clock(NOW, NOW) == "10:46"
    assert clock(NOW + timedelta(days=1), NOW) == "tomorrow 10:46"
    assert clock(NOW - timedelta(days=1), NOW) == "yesterday 10:46"
    assert clock(NOW - timedelta(days=20), NOW) == "4 Nov 10:46"
    assert clock(NOW - timedelta(days=365), NOW) == "24 Nov 2025 10:46"


def test_a_time_is_said_in_the_readers_zone():
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        assert clock("2026-11-24T10:46:05+00:00", NOW) == "19:46"
        assert clock("2026-11-24T16:00:00+00:00", NOW) == "tomorrow 01:00"


def test_how_long_ago_becomes_a_time_when_it_is_long_ago():
    assert ago(NOW - timedelta(seconds=10), NOW) == "just now"
    assert ago(NOW - timedelta(minutes=4), NOW) == "4 min ago"
    assert ago(NOW - timedelta(hours=3), NOW) == "3 h ago"
    assert ago(NOW - timedelta(days=1), NOW) == "yesterday 10:46"


def test_figures_agree_with_their_nouns():
    assert count(1, "step") == "1 step"
    assert count(1214, "token") == "1,214 tokens"
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 22, 112)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "22nd",
        "112th",
    ]


def test_a_cost_shows_the_digits_it_needs():
    assert [money(cost) for cost in (0, 0.0001, 0.0234, 1234.5)] == [
        "",
        "under 0.001 €",
        "0.023 €",
        "1,234.50 €",
    ]


def test_lists_end_in_a_word():
    assert [listed(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_the_reader_is_you_and_comes_first():
    voice = Voice(NOW, me="mary", people={"omar": "Omar Haddad"})
    assert voice.asked(["omar", "mary"], "admin") == "you, Omar Haddad or an Admin"
    assert voice.who("gone") == "gone"
    assert voice.who(None) == "someone"
