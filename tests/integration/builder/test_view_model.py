from __future__ import annotations

import json
import time

import pytest

from agents.models import LLMModel
from builder import edits, verbs
from builder.view_model import inspector, page
from knowledge.models import KnowledgeBase
from orchestrator import access


def test_the_page_of_a_draft_is_plain_json(admin, parcel):
    shown = page(admin, parcel)
    assert json.loads(json.dumps(shown)) == shown
    assert (shown["slug"], shown["revision"], shown["may_edit"], shown["may_start"]) == (
        "parcel",
        1,
        True,
        True,
    )
    assert [step["title"] for step in shown["steps"]] == ["Look it up", "Condition", "Tell"]
    assert shown["outline"] == ["look", "route", "tell"]
    assert [edge["id"] for edge in shown["edges"]] == ["look:success:route", "route:lost:tell"]
    assert [edge["port_shown"] for edge in shown["edges"]] == ["", "lost"]
    ports = {port["name"]: port for port in shown["steps"][1]["ports"]}
    assert (ports["lost"]["label"], ports["lost"]["connected"], ports["else"]["connected"]) == (
        "Lost",
        True,
        False,
    )
    assert not ports["failure"]["shown"]
    assert shown["published"]["number"] == 0
    assert shown["bounds"]["height"] > shown["bounds"]["width"] > 0


def test_the_page_says_what_can_be_undone(admin, omar, parcel):
    assert (page(admin, parcel)["can_undo"], page(admin, parcel)["undo"]) == (False, "")
    edits.apply(admin, parcel, {"op": "add_step", "type": "delay"}, 1)
    assert page(admin, parcel)["undo"] == "add Delay"
    assert page(omar, parcel)["undo"] == ""
    edits.undo(admin, parcel)
    shown = page(admin, parcel)
    assert (shown["can_undo"], shown["can_redo"], shown["redo"]) == (False, True, "add Delay")


def test_draft_and_published_version_are_apart(admin, parcel):
    verbs.publish(admin, parcel)
    assert page(admin, parcel)["published"] | {"at": ""} == {
        "number": 1, "revision": 1, "changed": False, "changes": 0, "at": "", "by": "Ada",
    }  # fmt: skip
    edits.apply(admin, parcel, {"op": "add_step", "type": "delay", "after": "tell"}, 1)
    assert (page(admin, parcel)["published"]["changed"], page(admin, parcel)["published"]["changes"]) == (
        True,
        2,
    )
    edits.undo(admin, parcel)
    assert page(admin, parcel)["published"]["changed"] is False
    edits.apply(admin, parcel, {"op": "move", "positions": {"tell": {"x": 0, "y": 0}}}, parcel.revision)
    assert page(admin, parcel)["published"]["changes"] == 1


def test_who_may_only_look_can_undo_nothing(admin, omar, parcel):
    verbs.set_access(admin, parcel, [{"who": "user:omar", "right": "edit"}])
    edits.apply(omar, parcel, {"op": "add_step", "type": "delay"}, 1)
    assert page(omar, parcel)["can_undo"]
    verbs.set_access(admin, parcel, [])
    assert not access.allowed(omar, access.EDIT, parcel)
    assert not page(omar, parcel)["can_undo"]


def test_a_rollback_is_drawn_from_its_port(admin, parcel):
    failure = {"action": "rollback", "to": "look", "max_times": 3}
    edit = {"op": "configure", "key": "tell", "field": "on_failure", "value": failure}
    edits.apply(admin, parcel, edit, 1)
    assert page(admin, parcel)["backs"] == [
        {"source": "tell", "port": "failure", "target": "look", "max_times": 3,
         "says": "rolls back, at most 3 times"}
    ]  # fmt: skip


def test_problems_stand_at_their_cards(admin, parcel):
    edits.apply(admin, parcel, {"op": "add_step", "type": "llm", "name": "Write"}, 1)
    shown = page(admin, parcel)
    card = next(step for step in shown["steps"] if step["key"] == "llm")
    assert card["problems"] == [one for one in shown["problems"] if one["step"] == "llm"] != []
    assert {one["title"] for one in card["problems"]} == {"Write"}


def test_the_palette_offers_every_type_under_its_heading(admin, parcel):
    palette = page(admin, parcel)["palette"]
    assert [group["title"] for group in palette] == ["Think", "Connect", "Ask people", "Shape the flow"]
    types = {one["type"] for group in palette for one in group["types"]}
    assert {"llm", "map", "orchestration"} <= types
    assert len(types) == 12


def test_the_inspector_offers_what_there_is(admin):
    LLMModel.objects.create(name="Local", slug="local", provider="local", model_name="x")
    LLMModel.objects.create(name="Off", slug="off", provider="local", model_name="x", is_active=False)
    KnowledgeBase.objects.create(name="Handbook", slug="handbook")
    steps = [
        {"key": "a", "type": "llm", "config": {"model": "off", "prompt": "x"}},
        {"key": "b", "type": "retrieve", "config": {"base": "handbook", "query": "x"}},
        {"key": "c", "type": "approval", "config": {"message": "?", "assignees": ["ada", "gone"]}},
    ]
    draft = verbs.import_document(admin, {"name": "x", "steps": steps}).draft

    def options(key, path):
        fields = inspector(draft, key)["tabs"][0]["fields"]
        found = next(field for field in fields if field["path"] == path)["options"]
        return {one["value"]: (one["label"], one["missing"]) for one in found if one["value"]}

    assert options("a", "config.model") == {"local": ("Local", False), "off": ("off", True)}
    assert options("b", "config.base") == {"handbook": ("Handbook", False)}
    assert options("c", "config.assignees") == {"ada": ("Ada", False), "gone": ("gone", True)}


def test_five_hundred_steps_need_no_more_queries_than_one(admin, parcel, django_assert_max_num_queries):
    steps = [{"key": f"s{n}", "type": "llm", "config": {"model": "m", "prompt": f"{n} {{{{ input.x }}}}"}}
             for n in range(500)]  # fmt: skip
    edges = [{"source": f"s{n}", "target": f"s{n + 1}"} for n in range(499)]
    big = verbs.import_document(admin, {"name": "Big", "steps": steps, "edges": edges})
    page(admin, big)
    with django_assert_max_num_queries(16):
        began = time.process_time()
        shown = page(admin, big)
        taken = time.process_time() - began
    assert len(shown["steps"]) == 500
    assert taken < 0.5  # 0.05 s on a quiet machine


@pytest.mark.parametrize("name", ["<script>", "\u202eevil", "\U0001f4e6 \u5305\u88f9"])
def test_names_are_kept_as_they_are(admin, name):
    made = verbs.import_document(
        admin, {"name": name, "steps": [{"key": "a", "type": "delay", "name": name}]}
    )
    assert page(admin, made)["steps"][0]["title"] == name
