"""What does not fit a schema is said in sentences, and nothing that does not fit goes unsaid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from steps.base import StepError
from steps.schema import require, schema_problem, violations

KINDS = {
    "oneOf": [
        {
            "properties": {"kind": {"const": "a"}, "n": {"title": "N", "type": "integer"}},
            "required": ["kind", "n"],
        },
        {"properties": {"kind": {"const": "b"}, "t": {"type": "string"}}, "required": ["kind", "t"]},
    ]
}


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "integer"}, "x", [("", "The value must be a whole number.")]),
        ({"type": ["number", "null"]}, "x", [("", "The value must be a number or empty.")]),
        ({"title": "Age", "minimum": 18}, 3, [("", "Age must be at least 18.")]),
        ({"properties": {"a": {"minLength": 1}}}, {"a": ""}, [("a", "a is empty.")]),
        ({"properties": {"a": {"minLength": 3}}}, {"a": "x"}, [("a", "a needs at least 3 characters.")]),
        ({"properties": {"a": {"enum": ["x", 1]}}}, {"a": 2}, [("a", "a must be one of x, 1.")]),
        ({"required": ["a", "b"]}, {}, [("a", "a is missing."), ("b", "b is missing.")]),
        ({"properties": {"a": {"title": "Name"}}, "required": ["a"]}, {}, [("a", "Name is missing.")]),
        ({"additionalProperties": False, "properties": {}}, {"z": 1}, [("z", "'z' is not known here.")]),
        ({"items": {"pattern": "^a$"}}, ["a", "b"], [("1", "1 does not have the form ^a$.")]),
        ({"properties": {"a": {"pattern": "^a$", "x-says": "Only a."}}}, {"a": "b"}, [("a", "Only a.")]),
        (
            {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "x-says": "Give a or b."},
            {},
            [("", "Give a or b.")],
        ),
        (KINDS, {"kind": "a", "n": "x"}, [("n", "N must be a whole number.")]),
        (KINDS, {"kind": "b"}, [("t", "t is missing.")]),
        (KINDS, {"kind": "c"}, [("kind", "kind must be one of a, b.")]),
        ({"const": 3}, 4, [("", "The value must be 3.")]),
        ({"uniqueItems": True}, [1, 1], [("", "The value does not fit: [1, 1] has non-unique elements.")]),
        (False, 1, [("", "The value does not fit: False schema does not allow 1.")]),
    ],
)
def test_what_does_not_fit_is_a_sentence_with_its_field(schema, value, said):
    assert violations(schema, value, templates=False) == said


def test_templates_count_as_fitting_until_they_are_worked_out():
    schema = {
        "properties": {"k": {"type": "integer"}, "x": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}
    }
    config = {"k": "{{ input.k }}", "x": "{{ input.x }}"}
    assert violations(schema, config) == []
    assert len(violations(schema, config, templates=False)) == 2


def test_a_schema_that_is_none_is_said():
    assert schema_problem({"type": "object"}) == ""
    assert schema_problem({"properties": {"a": {"type": "thing"}}}).startswith(
        "The JSON Schema is not valid at properties.a.type:"
    )
    assert schema_problem([1])


def test_a_schema_without_end_is_said():
    assert violations({"$ref": "#"}, 1)


def test_a_resolved_config_that_does_not_fit_is_a_step_error():
    with pytest.raises(StepError, match=r"k must be a whole number\. \(config\.k\)") as caught:
        require({"properties": {"k": {"type": "integer"}}}, {"k": "five"})
    assert caught.value.code == "bad_config"
    require({"properties": {"k": {"type": "integer"}}}, {"k": 5})


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", ""]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "n", "t"]), inner, max_size=3)
    ),
    max_leaves=6,
)
schemas = st.recursive(
    st.sampled_from(
        [
            {},
            {"type": "integer"},
            {"type": "object"},
            {"const": "a"},
            {"enum": ["a", 1]},
            {"minLength": 1},
            KINDS,
        ]
    ),
    lambda inner: (
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner)
        | st.builds(lambda a, b: {"oneOf": [a, b]}, inner, inner)
        | st.builds(lambda a: {"not": a}, inner)
        | st.builds(lambda a: {"properties": {"kind": a}, "required": ["n"]}, inner)
        | st.builds(lambda a: {"items": a, "maxItems": 2}, inner)
    ),
    max_leaves=5,
)


@given(schema=schemas, value=values)
def test_something_is_said_exactly_when_something_does_not_fit(schema, value):
    fits = Draft202012Validator(schema).is_valid(value)
    said = violations(schema, value, templates=False)
    assert (said == []) is fits
    assert all(sentence.endswith(".") for _, sentence in said)
