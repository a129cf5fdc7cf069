"""A step inside a step: what undoes it, and what a map does for each item, by that type's own form."""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

import pytest

import steps
from builder.changes.configure import configure
from builder.draft import Recorder
from builder.inspector import inspector, read_value
from builder.nested import chosen
from builder.posted import configuring
from builder.references import Directory
from builder.versions import diff
from orchestrator.errors import Invalid

INNER = {"type": "http", "config": {"method": "GET", "url": "https://x/{{ item }}"}}
UNDO = {"type": "http", "config": {"method": "DELETE", "url": "https://x/{{ steps.pay.output.json.id }}"}}


@pytest.fixture(autouse=True)
def directory(monkeypatch):
    """Names without a database."""
    monkeypatch.setattr(Directory, "names", lambda self, kind: {})


@pytest.fixture
def document():
    made = {
        "schema": 1,
        "name": "x",
        "edges": [],
        "steps": [
            {"key": "each", "type": "map", "config": {"items": "{{ input.list }}", "step": INNER}},
            {
                "key": "pay",
                "type": "http",
                "config": {"method": "POST", "url": "https://x"},
                "compensate": UNDO,
            },
        ],
    }
    return deepcopy(made)


def fields(form, tab):
    return {field["path"]: field for one in form["tabs"] if one["id"] == tab for field in one["fields"]}


def test_a_maps_inner_step_has_the_form_of_its_type(document):
    form = inspector(document, "each")
    shown = fields(form, "each")
    assert shown["config.step.type"]["text"] == "http"
    assert shown["config.step.config.url"]["value"] == "https://x/{{ item }}"
    assert shown["config.step.config.method"]["widget"] == "select"
    assert "config.step" not in fields(form, "settings")
    assert not fields(inspector(document, "pay"), "each")


def test_only_types_that_can_stand_there_are_offered(document):
    offered = {
        one["value"] for one in fields(inspector(document, "each"), "each")["config.step.type"]["options"]
    }
    assert {"http", "llm", "transform", "validation"} <= offered
    assert offered.isdisjoint({"map", "approval", "form", "delay", "condition", ""})
    undo = {one["value"] for one in fields(inspector(document, "pay"), "undo")["compensate.type"]["options"]}
    assert {"", "http", "email"} <= undo
    assert undo.isdisjoint({"map", "approval", "form", "delay"})


def test_what_undoes_a_step_has_the_form_of_its_type(document):
    shown = fields(inspector(document, "pay"), "undo")
    assert shown["compensate.config.method"]["text"] == "DELETE"
    assert list(fields(inspector(document, "each"), "undo")) == ["compensate.type"]


def test_what_templates_may_read_there_is_known_there_only(document):
    within = {one["path"]: one["within"] for one in inspector(document, "each")["upstream"]}
    assert (within["item"], within["index"], within["steps.each"]) == (
        "config.step",
        "config.step",
        "compensate",
    )


@pytest.mark.parametrize("path", ["config.step", "compensate"])
def test_a_fault_inside_is_said_at_its_field(document, path):
    key, tab = ("each", "each") if path == "config.step" else ("pay", "undo")
    inner = document["steps"][0]["config"]["step"] if key == "each" else document["steps"][1]["compensate"]
    inner["config"] = {"method": "GET"}
    form = inspector(document, key)
    assert fields(form, tab)[f"{path}.config.url"]["problem"]
    assert {one["label"] for one in form["problems"]} == {
        f"{'Undo' if tab == 'undo' else 'Each item'}, Address"
    }


def test_a_type_that_cannot_stand_there_stays_visible(document):
    document["steps"][0]["config"]["step"] = {"type": "approval", "config": {}}
    shown = fields(inspector(document, "each"), "each")["config.step.type"]
    assert {"value": "approval", "label": "approval", "missing": True} in shown["options"]
    assert shown["problem"]


@pytest.mark.parametrize("step", [None, "{{ x }}", {"type": 5}])
def test_what_is_no_step_asks_for_a_type(document, step):
    document["steps"][0]["config"]["step"] = step
    assert "config.step.type" in fields(inspector(document, "each"), "each")


def test_what_is_posted_becomes_a_value_by_the_inner_schema(document):
    assert read_value(document, "each", "config.step.config.max_bytes", "100") == 100
    assert read_value(document, "pay", "compensate.config.headers", "A: b") == {"A": "b"}
    for path in ("compensate.nothing", "compensate.config.nothing", "config.step.nothing"):
        with pytest.raises(Invalid):
            read_value(document, "pay" if "comp" in path else "each", path, "1")


def test_choosing_a_type_brings_its_own_config():
    assert chosen("compensate.type", "http") == (
        "compensate",
        {"type": "http", "config": steps.TYPES["http"].default_config},
    )
    assert chosen("config.step.type", "llm")[0] == "config.step"
    assert chosen("config.url", "x") is None


def test_choosing_nothing_takes_what_undoes_a_step_away(document):
    draft = SimpleNamespace(draft=document)
    made = configuring(draft, "each", "compensate.type", "http")
    assert (made["field"], made["value"]["type"]) == ("compensate", "http")
    gone = {"op": "configure", "key": "pay", "field": "compensate"}
    assert configuring(draft, "pay", "compensate.type", "") == gone
    assert configuring(draft, "pay", "compensate.config.method", "PUT")["field"] == "compensate.config.method"


def test_a_field_inside_is_written_and_taken_away(document):
    recorder = Recorder(document)
    edit = {"key": "pay", "field": "compensate.config.method"}
    configure(recorder, {**edit, "value": "PUT"})
    assert recorder.step("pay")["compensate"]["config"]["method"] == "PUT"
    configure(recorder, edit)
    assert "method" not in recorder.step("pay")["compensate"]["config"]
    configure(recorder, {"key": "pay", "field": "compensate"})
    assert "compensate" not in recorder.step("pay")
    configure(recorder, {"key": "each", "field": "config.step.config.url", "value": "https://y"})
    assert recorder.step("each")["config"]["step"]["config"]["url"] == "https://y"


def test_versions_say_what_changed_in_what_undoes_a_step(document):
    pay = document["steps"][1]
    changed = {**pay, "compensate": {"type": "http", "config": {**UNDO["config"], "method": "POST"}}}
    after = {**document, "steps": [document["steps"][0], changed]}
    (one,) = diff(document, after)["steps"]
    assert one["fields"] == [{"field": "compensate.config.method", "before": "DELETE", "after": "POST"}]
    without = {
        **document,
        "steps": [document["steps"][0], {k: v for k, v in pay.items() if k != "compensate"}],
    }
    assert diff(document, without)["steps"][0]["fields"] == [
        {"field": "compensate", "before": UNDO, "after": None}
    ]
