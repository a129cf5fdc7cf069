"""A transform gives what its output setting says."""

from __future__ import annotations

import steps
from steps.templates import render
from steps.transform import Transform

SCOPE = {"input": {"name": "Ben", "tags": ["a", "b"]}, "steps": {}, "run": {}}


def output_of(at_work, output):
    compiled = steps.compile_config("transform", {"output": output})
    return Transform().run(at_work(render(compiled, SCOPE))).output


def test_templates_are_filled_in_at_any_depth_and_keep_their_types(at_work):
    output = {
        "greeting": "Hi {{ input.name }}",
        "tags": ["{{ input.tags }}", {"n": "{{ input.tags|length }}"}],
    }
    assert output_of(at_work, output) == {"greeting": "Hi Ben", "tags": [["a", "b"], {"n": 2}]}


def test_any_json_can_be_the_output(at_work):
    for value in (None, 3, "text", [1], "{{ input.tags }}", {"a": None}):
        expected = ["a", "b"] if isinstance(value, str) and "{{" in value else value
        assert output_of(at_work, value) == expected


def test_a_constant_is_handed_on_uncopied(at_work):
    config = {"output": {"rows": list(range(1000))}}
    compiled = steps.compile_config("transform", config)
    assert compiled.constant
    assert Transform().run(at_work(render(compiled, SCOPE))).output is config["output"]


def test_the_card_shows_what_it_makes():
    assert Transform().line({"output": {"subject": 1, "body": 2}}) == "subject, body"
    assert Transform().line({"output": "{{ input.x }}"}) == "{{ input.x }}"
