"""Retrieve gives the passages of a base that fit a question."""

from __future__ import annotations

import pytest

import steps
from steps.base import StepError
from steps.retrieve import Retrieve


def test_passages_come_back_in_the_shape_of_the_contract(at_work, base):
    result = Retrieve().run(at_work({"base": "handbook", "query": "When?", "k": 2}))
    assert result.output == {
        "results": [
            {"text": "Passage 1", "score": 0.9, "document": "Handbook.md", "chunk": 1, "page": None},
            {"text": "Passage 2", "score": 0.8, "document": "Handbook.md", "chunk": 2, "page": None},
        ]
    }
    assert result.line == "2 passages"
    assert base.asked == [("handbook", "When?", 2, None)]


def test_five_are_looked_for_where_nobody_says_how_many(at_work, base):
    result = Retrieve().run(at_work({"base": "handbook", "query": "When?", "min_score": 0.9}))
    assert base.asked == [("handbook", "When?", 5, 0.9)]
    assert result.line == "1 passage"


def test_nothing_found_is_a_success(at_work, base):
    base.hits.clear()
    result = Retrieve().run(at_work({"base": "handbook", "query": "When?"}))
    assert result.output == {"results": []}
    assert result.ports == ("success",)


@pytest.mark.parametrize(
    "config",
    [
        {"query": "x"},
        {"base": "handbook"},
        {"base": "handbook", "query": ""},
        {"base": "handbook", "query": "x", "k": 0},
        {"base": "handbook", "query": "x", "k": "two"},
        {"base": "handbook", "query": "x", "min_score": 2},
    ],
)
def test_a_search_that_cannot_be_made_fails_before_it_starts(at_work, base, config):
    with pytest.raises(StepError) as caught:
        Retrieve().run(at_work(config))
    assert caught.value.code == "bad_config"
    assert base.asked == []


def test_a_base_that_does_not_exist_is_a_problem():
    found = steps.config_problems("find", "retrieve", {"base": "nope", "query": "x"}, lambda *_: False)
    assert [(p.field, p.code) for p in found] == [("config.base", "unknown_base")]
    config = {"base": "{{ input.base }}", "query": "x"}
    assert steps.config_problems("find", "retrieve", config, lambda *_: False) == []
