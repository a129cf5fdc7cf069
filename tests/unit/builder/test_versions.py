from __future__ import annotations

import copy

import pytest

from builder.versions import count_changes, diff


@pytest.fixture
def other(refund):
    """The same, changed in every way."""
    made = copy.deepcopy(refund)
    made["steps"] = [step for step in made["steps"] if step["key"] != "policy"]
    made["steps"].append({"key": "wait", "type": "delay"})
    made["steps"][0]["config"]["prompt"] = "New"
    made["steps"][0]["retry"] = {"max_attempts": 2}
    made["steps"][1]["position"] = {"x": 1, "y": 1}
    made["edges"] = [edge for edge in made["edges"] if edge["source"] != "policy"]
    made["edges"].append({"source": "tell", "target": "wait"})
    made["name"] = "Refunds"
    return made


def test_all_that_differs_is_listed(refund, other):
    found = diff(refund, other)
    assert {(one["step"], one["what"]) for one in found["steps"]} == {
        ("policy", "removed"),
        ("wait", "added"),
        ("classify", "changed"),
    }
    fields = next(one["fields"] for one in found["steps"] if one["step"] == "classify")
    assert {"field": "retry", "before": None, "after": {"max_attempts": 2}} in fields
    assert {"field": "config.prompt", "before": "Classify: {{ input.message }}", "after": "New"} in fields
    assert found["edges_added"] == [{"source": "tell", "port": "success", "target": "wait"}]
    assert found["edges_removed"] == [{"source": "policy", "port": "success", "target": "propose"}]
    assert [one["field"] for one in found["settings"]] == ["name"]
    assert found["moved"] == ["propose"]


def test_changes_are_counted_and_all_moves_are_one(refund, other):
    assert count_changes(refund, other) == 3 + 2 + 1 + 1
    assert count_changes(refund, copy.deepcopy(refund)) == 0
