"""A delay asks for a sleep and holds no thread."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import steps
from steps.base import Sleep, StepError, StepResult
from steps.delay import MAX_S, Delay


def test_seconds_are_slept(at_work):
    assert Delay().run(at_work({"seconds": 2.5})) == Sleep(2.5)


def test_a_moment_is_slept_until(at_work):
    due = datetime.now(UTC) + timedelta(hours=1)
    sleep = Delay().run(at_work({"until": due.isoformat()}))
    assert isinstance(sleep, Sleep)
    assert 3590 < sleep.seconds <= 3600


def test_a_moment_without_a_zone_is_utc(at_work):
    due = (datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=None)
    assert 3590 < Delay().run(at_work({"until": due.isoformat()})).seconds <= 3600


@pytest.mark.parametrize("config", [{"seconds": 0}, {"until": "2001-01-01T00:00:00Z"}])
def test_a_time_that_has_come_does_not_wait(at_work, config):
    result = Delay().run(at_work(config))
    assert isinstance(result, StepResult)
    assert result.output == {"waited_s": 0}


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"seconds": -1},
        {"seconds": "5"},
        {"seconds": MAX_S + 1},
        {"until": "soon"},
        {"until": "9999-12-31"},
    ],
)
def test_a_time_that_is_none_fails(at_work, config):
    with pytest.raises(StepError) as caught:
        Delay().run(at_work(config))
    assert caught.value.code == "bad_config"


def test_both_or_an_unreadable_moment_are_problems():
    def fields(config):
        return [p.field for p in steps.config_problems("wait", "delay", config, lambda *_: True)]

    assert fields({"seconds": 1, "until": "2030-01-01"}) == ["config.until"]
    assert fields({"until": "tomorrow"}) == ["config.until"]
    assert fields({}) == ["config"]
    assert fields({"until": "{{ input.when }}"}) == []
    assert fields({"seconds": "{{ input.seconds }}"}) == []


def test_it_has_no_failure_port():
    assert Delay().ports({}) == ("success",)
    assert Delay().line({"seconds": 60}) == "60 s"
    assert Delay().line({"until": "2030-01-01T09:00"}) == "until 2030-01-01T09:00"
