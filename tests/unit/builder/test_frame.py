from __future__ import annotations

import pytest

from builder.frame import canonical
from orchestrator.errors import Invalid


def one(**fields):
    return {"name": "x", "steps": [{"key": "a", "type": "llm", **fields}], "edges": []}


def test_what_is_default_is_left_out():
    document = canonical(
        one(
            name="  ",
            config={},
            retry={"max_attempts": 1, "backoff": 2.0},
            timeout_s=None,
            join="any",
            on_failure={"action": "fail", "to": "a", "max_times": 3},
            position={},
            compensate={},
        )
        | {"description": "", "input": {}, "output": None}
    )
    assert document == {"schema": 1, "name": "x", "steps": [{"key": "a", "type": "llm"}], "edges": []}


def test_fields_stand_in_the_order_of_the_contract():
    step = one(
        position={"y": 1.4, "x": -2},
        on_failure={"max_times": 2, "to": "a", "action": "rollback"},
        join="all",
        timeout_s=5.0,
        retry={"delay_s": 0.5, "max_attempts": 2},
        config={"z": 1, "a": 2},
    )
    made = canonical(step)["steps"][0]
    assert list(made) == ["key", "type", "config", "retry", "timeout_s", "join", "on_failure", "position"]
    assert list(made["config"]) == ["z", "a"]
    assert made["position"] == {"x": -2, "y": 1}
    assert made["on_failure"] == {"action": "rollback", "to": "a", "max_times": 2}
    assert made["retry"] == {"max_attempts": 2, "delay_s": 0.5}


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"retry": {"max_attempts": 0}}, "retry.max_attempts", "whole number from 1 to 100"),
        ({"retry": {"max_attempts": 1.5}}, "retry.max_attempts", "whole number"),
        ({"retry": {"max_attempts": True}}, "retry.max_attempts", "whole number"),
        ({"retry": {"tries": 1}}, "retry.tries", "not a field here"),
        ({"retry": []}, "retry", "must be an object"),
        ({"timeout_s": 0}, "timeout_s", "a number from"),
        ({"timeout_s": float("inf")}, "timeout_s", "a number from"),
        ({"join": "some"}, "join", "any, all, first"),
        ({"join": ["any"]}, "join", "any, all, first"),
        ({"on_failure": {"action": "ignore"}}, "on_failure.action", "fail, continue, rollback"),
        ({"on_failure": {"action": "rollback", "to": "A b"}}, "on_failure.to", "lower-case"),
        ({"position": {"x": "1", "y": 2}}, "position.x", "a number"),
        ({"position": {"x": 1}}, "position.y", "a number"),
        ({"name": 5}, "name", "must be text"),
        ({"name": "x" * 201}, "name", "may have 200"),
        ({"config": []}, "config", "must be an object"),
        ({"cfg": {}}, "cfg", "not a field here"),
    ],
)
def test_a_frame_that_is_wrong_names_step_and_field(fields, field, says):
    with pytest.raises(Invalid, match=says) as refusal:
        canonical(one(**fields))
    assert refusal.value.details == {"step": "a", "field": field}


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("a", "Step number 1 must be an object"),
        ({"type": "llm"}, "its key is missing"),
        ({"key": "\u00dcber", "type": "llm"}, "lower-case letters"),
        ({"key": "a" * 65, "type": "llm"}, "at most 64"),
        ({"key": "a\n", "type": "llm"}, "lower-case letters"),
        ({"key": "a", "type": None}, "its type is missing"),
    ],
)
def test_a_step_without_a_proper_key_or_type_is_refused(step, says):
    with pytest.raises(Invalid, match=says):
        canonical({"name": "x", "steps": [step]})


@pytest.mark.parametrize(
    ("edge", "says"),
    [
        (5, "must be an object"),
        ({"source": "a"}, "its target is missing"),
        ({"source": "a", "target": "a", "label": "x"}, "not a field of an edge"),
        ({"source": "a", "target": "a", "port": "No"}, "lower-case"),
        ({"source": {}, "target": "a"}, "lower-case"),
    ],
)
def test_an_edge_that_is_none_is_refused(edge, says):
    with pytest.raises(Invalid, match=says):
        canonical(one() | {"edges": [edge]})
