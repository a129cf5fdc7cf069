"""The items of a map in the step's panel: filtered, fifty a page."""

from __future__ import annotations

import pytest
from django.urls import reverse

from runs import verbs
from tests.integration.runs.conftest import chain

FAILS = 3


@pytest.fixture
def mapped(lab, user):
    """Sixty items; three of them fail for good and are skipped."""
    inner = {"type": "validation", "config": {"value": 1, "checks": [
        {"kind": "expression", "when": "item > 2", "message": "Too small."}]}}  # fmt: skip
    config = {"items": "{{ input.list }}", "step": inner, "on_item_failure": "skip"}
    orchestration = lab.publish(chain({"key": "each", "type": "map", "config": config}))
    lab.grant(user, "start", orchestration)
    run = verbs.start(user, orchestration, {"list": list(range(60))})
    lab.drain()
    return run


def panel(client, run, query):
    return client.get(f"{reverse('run_view', args=[run.pk])}?step=each{query}").json()["regions"]["side"]


def test_a_long_list_comes_in_pages(as_, mapped, user):
    first = panel(as_(user), mapped, "")
    assert "57 of 60, 3 failed" in first
    assert "1 to 50 of 60" in first
    assert "?step=each&amp;page=2" in first
    second = panel(as_(user), mapped, "&page=2")
    assert "51 to 60 of 60" in second
    assert 'rel="next"' not in second
    assert "51 to 60" in panel(as_(user), mapped, "&page=99")


def test_only_those_that_failed_with_what_they_said(as_, mapped, user):
    shown = panel(as_(user), mapped, "&items=failed")
    assert shown.count('class="why"') == FAILS
    assert "Completed, 57" in shown
    assert "50 of" not in shown
    assert "57 of 60, 3 failed" in panel(as_(user), mapped, "&items=nonsense")
