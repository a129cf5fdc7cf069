"""A validation runs all its checks; not passing takes the failure port and keeps the output (semantic 3)."""

from __future__ import annotations

import pytest

import steps
from agents.gateway import GatewayError
from steps.base import StepError
from steps.validation import Validation

SCOPE = {
    "input": {"limit": 5},
    "steps": {"draft": {"output": {"text": "Hi"}, "citations": [{"drawn_on": True}]}},
}
SCHEMA = {
    "type": "object",
    "properties": {"label": {"title": "Label", "enum": ["a", "b"]}, "n": {"type": "integer", "minimum": 1}},
    "required": ["label", "n"],
}


def run(at_work, value, *checks):
    return Validation().run(at_work({"value": value, "checks": list(checks)}, SCOPE))


def problems_of(at_work, value, *checks):
    result = run(at_work, value, *checks)
    assert result.output["passed"] is (result.ports == ("success",))
    assert bool(result.output["problems"]) is (result.ports == ("failure",))
    return result.output["problems"]


def test_a_value_that_passes_takes_success(at_work):
    result = run(
        at_work,
        "abc",
        {"kind": "regex", "pattern": "^a"},
        {"kind": "expression", "when": "value|length == 3"},
    )
    assert result.output == {"passed": True, "problems": []}
    assert result.ports == ("success",)
    assert result.line == "passed"


def test_every_check_that_does_not_pass_is_listed(at_work):
    result = run(
        at_work,
        "abc",
        {"kind": "regex", "pattern": "^x", "message": "It must begin with x."},
        {"kind": "expression", "when": "true"},
        {
            "kind": "expression",
            "when": "value|length > input.limit",
            "message": "{{ value }} is under {{ input.limit }}.",
        },
    )
    assert result.ports == ("failure",)
    assert result.output == {"passed": False, "problems": ["It must begin with x.", "abc is under 5."]}
    assert result.reason == "It must begin with x.; abc is under 5."


def test_a_check_without_a_message_says_what_it_checks(at_work):
    assert problems_of(at_work, "abc", {"kind": "expression", "when": "value == 'x'"}) == [
        "It does not hold that value == 'x'."
    ]
    assert problems_of(at_work, "abc", {"kind": "regex", "pattern": "x+"}) == ["The pattern x+ is not found."]


def test_a_schema_says_where_the_value_does_not_fit(at_work):
    check = {"kind": "schema", "schema": SCHEMA}
    assert problems_of(at_work, {"label": "a", "n": 2}, check) == []
    [said] = problems_of(at_work, {"label": "c", "n": 0}, check)
    assert said == "label: Label must be one of a, b. n: n must be at least 1."
    [said] = problems_of(at_work, {}, check)
    assert said == "label: Label is missing. n: n is missing."
    [said] = problems_of(at_work, "text", check)
    assert said == "The value must be an object."


def test_a_value_with_braces_is_checked_as_it_is(at_work):
    [said] = problems_of(at_work, {"label": "{{ x }}", "n": 1}, {"kind": "schema", "schema": SCHEMA})
    assert said.startswith("label:")


def test_an_expression_sees_the_value_and_the_scope(at_work):
    when = "steps.draft.citations|selectattr('drawn_on')|list|length > 0 and value == steps.draft.output.text"
    assert problems_of(at_work, "Hi", {"kind": "expression", "when": when}) == []


@pytest.mark.parametrize(
    ("value", "pattern"), [(None, "^$"), ({"a": 1}, '"a": 1'), (12.5, r"^12\.5$"), ([1], r"\[1\]")]
)
def test_a_pattern_looks_at_the_values_text(at_work, value, pattern):
    assert problems_of(at_work, value, {"kind": "regex", "pattern": pattern}) == []


def test_a_pattern_that_explodes_fails_the_step_and_not_the_server(at_work):
    with pytest.raises(StepError, match="takes too long") as caught:
        run(at_work, "a" * 80 + "!", {"kind": "regex", "pattern": "(a|aa)+$"})
    assert caught.value.code == "pattern_timeout"
    assert not caught.value.retryable


def test_a_pattern_in_a_schema_cannot_hang_either(at_work):
    check = {"kind": "schema", "schema": {"type": "string", "pattern": "(a|aa)+$"}}
    [said] = problems_of(at_work, "a" * 80 + "!", check)
    assert "does not have the form" in said


def test_a_schema_that_points_elsewhere_fetches_nothing(at_work):
    check = {"kind": "schema", "schema": {"$ref": "http://127.0.0.1:9/schema.json"}}
    [said] = problems_of(at_work, 1, check)
    assert said.startswith("The schema refers to what is not in it")


def test_a_model_judges(at_work, model):
    check = {"kind": "llm", "model": "small", "prompt": "Is it friendly?"}
    model.answers = [{"passed": True, "reason": "It is."}, {"passed": False, "reason": "It is rude."}]
    result = run(at_work, "Go away", check, check)
    assert result.output["problems"] == ["It is rude."]
    assert result.usage == {"input_tokens": 20, "output_tokens": 4}
    assert result.cost == 1.0
    assert "Is it friendly?" in model.requests[0].prompt
    assert "Go away" in model.requests[0].prompt
    assert [request.idempotency_key[-1] for request in model.requests] == ["0", "1"]
    assert at_work.emitted == []


def test_a_models_prompt_may_place_the_value_itself(at_work, model):
    model.answers = [{"passed": True, "reason": ""}]
    run(
        at_work,
        "Go away",
        {"kind": "llm", "agent": "support", "prompt": "Friendly? <{{ value }}> {{ input.limit }}"},
    )
    assert model.requests[0].prompt == "Friendly? <Go away> 5"


def test_a_check_that_cannot_be_carried_out_fails_the_step_without_a_verdict(at_work, model):
    model.answers = [GatewayError("It is busy.", code="rate_limited", retryable=True)]
    with pytest.raises(StepError) as caught:
        run(at_work, "x", {"kind": "llm", "model": "small", "prompt": "OK?"})
    assert caught.value.retryable
    with pytest.raises(StepError, match=r"checks\.0\.when"):
        run(at_work, "x", {"kind": "expression", "when": "value.missing > 3"})


@pytest.mark.parametrize(
    ("check", "field", "code"),
    [
        ({"kind": "taste"}, "config.checks.0.kind", "invalid"),
        ({"kind": "regex"}, "config.checks.0.pattern", "invalid"),
        ({"kind": "regex", "pattern": "(a"}, "config.checks.0.pattern", "invalid"),
        ({"kind": "regex", "pattern": "(?:a{1000}){1000}"}, "config.checks.0.pattern", "invalid"),
        ({"kind": "schema", "schema": {"type": "thing"}}, "config.checks.0.schema", "invalid"),
        ({"kind": "expression", "when": "value ="}, "config.checks.0.when", "template"),
        ({"kind": "expression", "when": "value", "pattern": "x"}, "config.checks.0.pattern", "invalid"),
        ({"kind": "llm", "prompt": "x"}, "config.checks.0", "invalid"),
        ({"kind": "llm", "prompt": "x", "model": "gone"}, "config.checks.0.model", "unknown_model"),
        ({"kind": "llm", "prompt": "{{ nope }}", "model": "small"}, "config.checks.0.prompt", "template"),
        ({"kind": "regex", "pattern": "x", "message": "{{ nope }}"}, "config.checks.0.message", "template"),
    ],
)
def test_a_check_that_cannot_work_is_a_problem_with_its_field(check, field, code):
    config = {"value": "{{ input }}", "checks": [check]}
    found = steps.config_problems("check", "validation", config, lambda kind, slug: slug == "small")
    assert [(problem.field, problem.code) for problem in found] == [(field, code)]


def test_only_checks_can_read_the_value():
    checks = [{"kind": "expression", "when": "value", "message": "{{ value }}"}]
    config = {"value": "{{ value }}", "checks": checks}
    [problem] = steps.config_problems("check", "validation", config, lambda *_: True)
    assert (problem.field, problem.code) == ("config.value", "unknown_name")
    [problem] = steps.config_problems("make", "transform", {"output": ["{{ value }}"]}, lambda *_: True)
    assert (problem.field, problem.code) == ("config.output.0", "unknown_name")


def test_what_the_checks_read_is_known():
    config = {
        "value": "{{ steps.draft.output }}",
        "checks": [
            {"kind": "expression", "when": "steps.draft.citations", "message": "{{ input.limit }}"},
            {"kind": "regex", "pattern": "{{ not.a.template }}"},
        ],
    }
    assert steps.reads_of("validation", config) == {
        ("config.value", ("steps", "draft", "output")),
        ("config.checks.0.when", ("steps", "draft", "citations")),
        ("config.checks.0.message", ("input", "limit")),
    }
