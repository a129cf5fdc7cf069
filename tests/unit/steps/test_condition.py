"""Conditions take the first true case, or every true one, or else (semantic 3)."""

from __future__ import annotations

import pytest

import steps
from steps.base import StepError
from steps.condition import Condition

CASES = [
    {"port": "refund", "label": "A refund", "when": "steps.classify.output.label == 'refund'"},
    {"port": "large", "when": "input.amount > 100"},
    {"port": "vip", "when": "input.vip"},
]


def scope(label="other", **given):
    classify = {"output": {"label": label}, "status": "COMPLETED", "error": None}
    return {"input": {"amount": 1, **given}, "steps": {"classify": classify}, "run": {}}


def taken(at_work, mode, seen):
    return Condition().run(at_work({"mode": mode, "cases": CASES}, seen))


def test_the_first_true_case_is_taken(at_work):
    result = taken(at_work, "first", scope("refund", amount=200, vip=True))
    assert result.ports == ("refund",)
    assert result.output == {"ports": ["refund"]}


def test_cases_after_the_first_true_one_are_not_evaluated(at_work):
    cases = [{"port": "a", "when": "true"}, {"port": "b", "when": "input.missing > 1"}]
    assert Condition().run(at_work({"cases": cases}, scope())).ports == ("a",)


def test_all_true_cases_are_taken_in_their_order(at_work):
    result = taken(at_work, "all", scope("refund", amount=5, vip="yes"))
    assert result.ports == ("refund", "vip")
    assert result.output == {"ports": ["refund", "vip"]}
    assert result.line == "refund, vip"


@pytest.mark.parametrize("mode", ["first", "all"])
def test_else_is_taken_when_no_case_is_true(at_work, mode):
    assert taken(at_work, mode, scope()).ports == ("else",)


def test_a_case_that_cannot_be_worked_out_fails_the_step_and_is_named(at_work):
    config = {"cases": [{"port": "a", "when": "input.missing > 1"}]}
    with pytest.raises(StepError, match=r"cases\.0\.when needs 'missing'"):
        Condition().run(at_work(config, scope()))


def test_ports_are_the_cases_then_else_and_failure():
    assert Condition().ports({"cases": CASES}) == ("refund", "large", "vip", "else", "failure")
    strange = [{"port": "Not legal"}, {"port": "a"}, {"port": "a"}, {"port": "else"}, {"port": 3}, 7]
    assert Condition().ports({"cases": strange}) == ("a", "else", "failure")


@pytest.mark.parametrize(
    ("case", "field", "code"),
    [
        ({"port": "refund", "when": "true"}, "config.cases.3.port", "duplicate_port"),
        ({"port": "failure", "when": "true"}, "config.cases.3.port", "duplicate_port"),
        ({"port": "Big One", "when": "true"}, "config.cases.3.port", "invalid"),
        ({"port": "line\n", "when": "true"}, "config.cases.3.port", "invalid"),
        ({"port": "x", "when": ""}, "config.cases.3.when", "invalid"),
        ({"port": "x"}, "config.cases.3.when", "invalid"),
        ({"port": "x", "when": "{{ input.a }}"}, "config.cases.3.when", "template"),
        ({"port": "x", "when": "inptu.a"}, "config.cases.3.when", "template"),
        ({"port": "x", "when": "input.a ="}, "config.cases.3.when", "template"),
    ],
)
def test_a_case_that_cannot_work_is_a_problem_with_its_field(case, field, code):
    found = steps.config_problems("route", "condition", {"cases": [*CASES, case]}, lambda *_: True)
    assert [(problem.field, problem.code) for problem in found] == [(field, code)]


def test_what_the_cases_read_is_known():
    assert steps.reads_of("condition", {"cases": CASES}) == {
        ("config.cases.0.when", ("steps", "classify", "output", "label")),
        ("config.cases.1.when", ("input", "amount")),
        ("config.cases.2.when", ("input", "vip")),
    }


def test_the_expressions_reach_the_step_as_they_were_written():
    config = {"cases": [{"port": "a", "when": "input.text == '{{ x }}'"}]}
    assert steps.compile_config("condition", config).constant


def test_the_card_shows_the_expression_or_the_ways_out():
    assert Condition().line({"cases": CASES[:1]}) == "steps.classify.output.label == 'refund'"
    assert Condition().line({"cases": CASES}) == "A refund, large, vip"
