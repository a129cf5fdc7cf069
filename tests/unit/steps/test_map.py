"""The map step: what it gives to the engine, and what keeps it from being published."""

import pytest

import steps
from steps.base import Each, StepError, StepResult
from steps.map import MOST_ITEMS, Map

TRANSFORM = {"type": "transform", "config": {"output": "{{ item }} {{ index }} {{ steps.a.output }}"}}


def found(config, exists=lambda kind, slug: True):
    return [(one.field, one.code) for one in steps.config_problems("each", "map", config, exists)]


def test_it_gives_its_items_to_the_engine(at_work):
    config = {"items": [1, 2], "step": TRANSFORM, "concurrency": 3, "on_item_failure": "skip"}
    assert Map().run(at_work(config)) == Each([1, 2], 3, True)
    assert Map().run(at_work({"items": [], "step": TRANSFORM})) == StepResult(
        {"results": []}, line="no items"
    )


@pytest.mark.parametrize(
    ("items", "code"), [("a", "not_a_list"), (None, "not_a_list"), ([0] * (MOST_ITEMS + 1), "too_many_items")]
)
def test_what_is_no_list_of_items_is_said(at_work, items, code):
    with pytest.raises(StepError) as refused:
        Map().run(at_work({"items": items, "step": TRANSFORM}))
    assert refused.value.code == code


@pytest.mark.parametrize("kind", ["map", "approval", "condition", "delay", "nothing"])
def test_only_steps_that_end_by_themselves_run_for_an_item(kind):
    """A nested map and steps that wait or branch are Problems that name the field."""
    config = {"items": "{{ input.items }}", "step": {"type": kind, "config": {}}}
    assert ("config.step.type", "not_inside_map") in found(config)


def test_what_the_step_for_each_item_lacks_is_named_in_its_place():
    config = {"items": "{{ input.items }}", "step": {"type": "http", "config": {"methode": "GET"}}}
    assert {field for field, _ in found(config)} == {"config.step.config.methode", "config.step.config.url"}
    retrieve = {"type": "retrieve", "config": {"base": "no", "query": "{{ item"}}
    fields = dict(found({"items": [], "step": retrieve}, lambda kind, slug: False))
    assert fields["config.step.config.base"] == "unknown_base"
    assert fields["config.step.config.query"] == "template"


def test_it_reads_what_its_items_read():
    read = steps.reads_of("map", {"items": "{{ steps.b.output }}", "step": TRANSFORM})
    assert ("config.items", ("steps", "b", "output")) in read
    assert ("config.step.config.output", ("steps", "a", "output")) in read
    assert ("config.step.config.output", ("item",)) in read


def test_its_card_and_its_effect_are_those_of_the_step_inside():
    config = {"items": "{{ input.orders }}", "step": {"type": "http", "config": {"method": "POST"}}}
    assert Map().line(config) == "HTTP request for each of {{ input.orders }}"
    assert Map().effect_of(config) == "compensatable"
    assert (Map().line({}), Map().effect_of({})) == ("A step", "reversible")
