from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.changes import OPS, perform
from builder.document import canonical, dump, structure
from builder.draft import Draft, MissingError, MovedError, Recorder
from orchestrator.errors import Conflict, Invalid


def do(document, *edits):
    """The document after ``edits``; each one undone and done again gives the same."""
    for edit in edits:
        recorder = Recorder(document)
        perform(recorder, edit)
        after = recorder.draft.document()
        structure(after)
        back = Recorder(after)
        back.replay(recorder.backward, recorder.forward)
        assert dump(back.draft.document()) == dump(document)
        again = Recorder(document)
        again.replay(recorder.forward, recorder.backward)
        assert dump(again.draft.document()) == dump(after)
        document = after
    return document


def steps(document):
    return {step["key"]: step for step in document["steps"]}


def edges(document):
    return [(edge["source"], edge.get("port", "success"), edge["target"]) for edge in document["edges"]]


def test_a_step_is_added_with_its_types_defaults_and_a_key_of_its_own(refund):
    after = do(refund, {"op": "add_step", "type": "llm"}, {"op": "add_step", "type": "llm", "name": "More"})
    assert [key for key in steps(after) if key not in steps(refund)] == ["llm", "llm_2"]
    assert steps(after)["llm_2"]["name"] == "More"
    assert "position" in steps(after)["llm"]


def test_steps_are_added_below_each_other(refund):
    after = do({**refund, "steps": [], "edges": []}, *[{"op": "add_step", "type": "delay"}] * 3)
    tops = [step["position"]["y"] for step in after["steps"]]
    assert tops == sorted(set(tops))


def test_a_step_is_added_after_another_and_connected(refund):
    after = do(
        refund, {"op": "add_step", "type": "delay", "after": {"source": "approve", "port": "rejected"}}
    )
    assert ("approve", "rejected", "delay") in edges(after)
    after = do(refund, {"op": "add_step", "type": "delay", "after": "tell"})
    assert ("tell", "success", "delay") in edges(after)


def test_a_step_is_inserted_on_an_edge_and_makes_room():
    document = canonical(
        {
            "name": "x",
            "steps": [
                {"key": "a", "type": "delay", "position": {"x": 0, "y": 0}},
                {"key": "b", "type": "delay", "position": {"x": 0, "y": 96}},
                {"key": "c", "type": "delay", "position": {"x": 0, "y": 192}},
            ],
            "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "c"}],
        }
    )
    after = do(document, {"op": "add_step", "type": "llm", "on_edge": {"source": "a", "target": "b"}})
    assert edges(after) == [("a", "success", "llm"), ("llm", "success", "b"), ("b", "success", "c")]
    places = {key: step["position"]["y"] for key, step in steps(after).items()}
    assert places == {"a": 0, "llm": 96, "b": 192, "c": 288}


def test_a_step_that_is_there_is_put_on_an_edge(refund):
    after = do(
        refund,
        {"op": "add_step", "type": "delay"},
        {"op": "insert_on_edge", "key": "delay", "source": "propose", "target": "check"},
    )
    assert ("propose", "success", "delay") in edges(after)
    assert ("delay", "success", "check") in edges(after)
    assert ("propose", "success", "check") not in edges(after)


def test_a_step_goes_with_its_edges(refund):
    after = do(refund, {"op": "remove", "steps": ["route"]})
    assert "route" not in steps(after)
    assert not any("route" in edge for edge in edges(after))


def test_removing_can_heal_the_chain(refund):
    after = do(refund, {"op": "remove", "steps": ["propose", "check"], "heal": True})
    assert {("classify", "success", "route"), ("policy", "success", "route")} <= set(edges(after))


def test_healing_does_not_join_many_with_many():
    document = canonical(
        {
            "name": "x",
            "steps": [{"key": key, "type": "delay"} for key in "abmyz"],
            "edges": [{"source": s, "target": t} for s, t in ("am", "bm", "my", "mz")],
        }
    )
    assert edges(do(document, {"op": "remove", "steps": ["m"], "heal": True})) == []


def test_removing_an_edge_leaves_its_steps(refund):
    after = do(refund, {"op": "remove", "edges": [{"source": "policy", "target": "propose"}]})
    assert steps(after) == steps(refund)
    assert ("policy", "success", "propose") not in edges(after)


def test_many_steps_move_at_once(refund):
    after = do(refund, {"op": "move", "positions": {"tell": {"x": 5, "y": 7.6}, "check": {"x": -9, "y": 0}}})
    assert steps(after)["tell"]["position"] == {"x": 5, "y": 8}


def test_steps_are_connected_and_disconnected_by_their_usual_port(refund):
    after = do(refund, {"op": "connect", "source": "approve", "port": "rejected", "target": "tell"})
    assert ("approve", "rejected", "tell") in edges(after)
    after = do(after, {"op": "disconnect", "source": "approve", "target": "tell"})
    assert ("approve", "approved", "tell") not in edges(after)


def test_an_edge_changes_its_end_in_its_place(refund):
    old = {"source": "classify", "target": "propose"}
    after = do(refund, {"op": "reconnect", "edge": old, "to": {"source": "classify", "target": "check"}})
    assert edges(after)[0] == ("classify", "success", "check")


def test_the_same_edge_twice_is_refused(refund):
    with pytest.raises(Invalid, match="Classify the request and Propose a decision are connected by success"):
        do(refund, {"op": "connect", "source": "classify", "target": "propose"})


def test_a_circle_is_refused_by_the_graph(refund):
    with pytest.raises(Invalid) as refusal:
        do(refund, {"op": "connect", "source": "tell", "target": "propose"})
    assert refusal.value.code == "cycle"


@pytest.mark.parametrize(
    ("field", "value", "path", "now"),
    [
        ("config.prompt", "Hello", ("config", "prompt"), "Hello"),
        (["config", "prompt"], "Hello", ("config", "prompt"), "Hello"),
        ("config.output_schema.type", "array", ("config", "output_schema", "type"), "array"),
        ("config.knowledge", [{"base": "b"}], ("config", "knowledge"), [{"base": "b"}]),
        ("config.a.b.c", 1, ("config", "a"), {"b": {"c": 1}}),
        ("name", " Sort it ", ("name",), "Sort it"),
        ("retry.max_attempts", 3, ("retry",), {"max_attempts": 3}),
        ("timeout_s", 5, ("timeout_s",), 5),
        ("join", "all", ("join",), "all"),
        ("on_failure", {"action": "continue"}, ("on_failure",), {"action": "continue"}),
    ],
)
def test_one_field_of_one_step_changes(refund, field, value, path, now):
    after = do(refund, {"op": "configure", "key": "classify", "field": field, "value": value})
    found = steps(after)["classify"]
    for part in path:
        found = found[part]
    assert found == now
    assert {k: v for k, v in steps(after).items() if k != "classify"} == {
        k: v for k, v in steps(refund).items() if k != "classify"
    }


@pytest.mark.parametrize("field", ["config.prompt", "name", "config"])
def test_a_field_without_a_value_goes(refund, field):
    after = do(refund, {"op": "configure", "key": "classify", "field": field})
    found = steps(after)["classify"]
    assert "prompt" not in found.get("config", {}) if field.startswith("config") else field not in found


def test_a_field_in_a_list_is_written_with_its_list(refund):
    after = do(
        refund,
        {"op": "configure", "key": "route", "field": "config.cases.0.when", "value": "true"},
        {"op": "configure", "key": "route", "field": "config.cases.1.label"},
    )
    cases = steps(after)["route"]["config"]["cases"]
    assert cases[0]["when"] == "true"
    assert "label" not in cases[1]


def test_edges_follow_a_port_that_is_renamed(refund):
    after = do(refund, {"op": "configure", "key": "route", "field": "config.cases.0.port", "value": "tiny"})
    assert ("route", "tiny", "tell") in edges(after)
    assert edges(after).index(("route", "tiny", "tell")) == edges(refund).index(("route", "small", "tell"))


def test_edges_of_a_port_that_is_gone_go(refund):
    after = do(refund, {"op": "configure", "key": "route", "field": "config.cases", "value": []})
    assert not any(edge[0] == "route" for edge in edges(after))


def test_a_default_written_out_is_the_default(refund):
    first = do(refund, {"op": "configure", "key": "classify", "field": "retry.max_attempts", "value": 3})
    after = do(first, {"op": "configure", "key": "classify", "field": "retry.max_attempts", "value": None})
    assert after == refund


@pytest.mark.parametrize(
    "field", ["type", "key", "position.x", "", "config..a", "name.x", None, 5, ["config", {}]]
)
def test_a_field_that_is_none_is_refused(refund, field):
    with pytest.raises(Invalid):
        do(refund, {"op": "configure", "key": "classify", "field": field, "value": 1})


def test_renaming_a_key_takes_everything_along(refund):
    after = do(refund, {"op": "rename_key", "key": "propose", "to": "draft"})
    assert list(steps(after)) == ["classify", "policy", "draft", "check", "route", "approve", "tell"]
    assert steps(after)["check"]["config"]["value"] == "{{ steps.draft.output.text }}"
    assert steps(after)["check"]["on_failure"]["to"] == "draft"
    assert edges(after)[:3] == [
        ("classify", "success", "draft"),
        ("policy", "success", "draft"),
        ("draft", "success", "check"),
    ]
    after = do(refund, {"op": "rename_key", "key": "approve", "to": "ask"})
    assert after["output"] == {"answer": "{{ steps.ask.output.comment }}"}
    after = do(refund, {"op": "rename_key", "key": "classify", "to": "sort"})
    assert steps(after)["route"]["config"]["cases"][1]["when"] == "steps.sort.output.label == 'refund'"


def test_a_key_that_is_taken_or_none_is_refused(refund):
    with pytest.raises(Conflict, match="already"):
        do(refund, {"op": "rename_key", "key": "propose", "to": "check"})
    with pytest.raises(Invalid, match="lower-case"):
        do(refund, {"op": "rename_key", "key": "propose", "to": "No way"})


def test_pasted_steps_get_keys_of_their_own_and_read_each_other(refund):
    lot = [steps(refund)["propose"], steps(refund)["check"]]
    after = do(
        refund,
        {"op": "paste", "steps": lot, "edges": refund["edges"], "position": {"x": 480, "y": 48}},
    )
    copy = steps(after)["check_2"]
    assert copy["config"]["value"] == "{{ steps.propose_2.output.text }}"
    assert copy["on_failure"]["to"] == "propose_2"
    assert steps(after)["propose_2"]["config"] == steps(refund)["propose"]["config"]
    assert ("propose_2", "success", "check_2") in edges(after)
    assert len(after["edges"]) == len(refund["edges"]) + 1


def test_duplicating_takes_the_edges_between(refund):
    after = do(refund, {"op": "tidy"}, {"op": "duplicate", "steps": ["route", "approve"]})
    assert ("route_2", "large", "approve_2") in edges(after)
    here, there = steps(after)["route"]["position"], steps(after)["route_2"]["position"]
    assert (there["x"] - here["x"], there["y"] - here["y"]) == (48, 48)


def test_tidying_twice_changes_nothing_more(refund):
    once = do(refund, {"op": "tidy"})
    recorder = Recorder(once)
    perform(recorder, {"op": "tidy"})
    assert recorder.forward == []


def test_settings_of_the_whole_change(refund):
    after = do(
        refund,
        {"op": "set_meta", "field": "name", "value": "Refunds"},
        {"op": "set_meta", "field": "description", "value": ""},
        {"op": "set_meta", "field": "input"},
        {"op": "set_meta", "field": "output", "value": [1]},
    )
    assert after["name"] == "Refunds"
    assert "description" not in after
    assert "input" not in after
    assert after["output"] == [1]


@pytest.mark.parametrize(
    "edit",
    [
        None,
        [],
        {},
        {"op": "explode"},
        {"op": ["move"]},
        {"op": "add_step"},
        {"op": "add_step", "type": "nothing"},
        {"op": "add_step", "type": "llm", "position": 5},
        {"op": "add_step", "type": "llm", "position": {"x": 1e300, "y": 0}},
        {"op": "add_step", "type": "llm", "config": []},
        {"op": "add_step", "type": "llm", "after": 5},
        {"op": "remove"},
        {"op": "remove", "steps": "propose"},
        {"op": "move", "positions": []},
        {"op": "move", "positions": {"propose": None}},
        {"op": "connect", "source": "approve", "port": {}, "target": "tell"},
        {"op": "paste", "steps": []},
        {"op": "paste", "steps": [{"key": "a"}]},
        {"op": "paste", "steps": [{"key": "a", "type": "llm"}] * 2},
        {"op": "set_meta", "field": "steps", "value": []},
        {"op": "set_meta", "field": "name"},
        {"op": "configure", "key": "route", "field": "config.cases.9.when", "value": "x"},
        {"op": "configure", "key": "route", "field": "config.mode.x", "value": "x"},
        {"op": "configure", "key": "classify", "field": "config.prompt", "value": "\ud800"},
        {"op": "configure", "key": "classify", "field": "config.prompt", "value": float("nan")},
        {"op": "configure", "key": "classify", "field": "timeout_s", "value": -1},
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(refund, edit):
    with pytest.raises((Invalid, MissingError)):
        do(
            {**refund, "steps": [{**s, "config": {"mode": "first", **s["config"]}} for s in refund["steps"]]},
            edit,
        )


@pytest.mark.parametrize(
    "edit",
    [
        {"op": "move", "positions": {"nobody": {"x": 0, "y": 0}}},
        {"op": "configure", "key": "nobody", "field": "name", "value": "x"},
        {"op": "configure", "key": {}, "field": "name", "value": "x"},
        {"op": "connect", "source": "nobody", "target": "tell"},
        {"op": "disconnect", "source": "tell", "target": "classify"},
        {"op": "remove", "steps": ["nobody"]},
        {"op": "rename_key", "key": "nobody", "to": "x"},
        {"op": "duplicate", "steps": ["nobody"]},
    ],
)
def test_an_edit_names_what_it_misses(refund, edit):
    with pytest.raises(MissingError):
        perform(Recorder(refund), edit)


def test_an_undo_is_refused_where_somebody_changed_the_same(refund):
    recorder = Recorder(refund)
    perform(recorder, {"op": "configure", "key": "classify", "field": "config.prompt", "value": "Mine"})
    now = do(
        recorder.draft.document(),
        {"op": "configure", "key": "classify", "field": "config.prompt", "value": "X"},
    )
    with pytest.raises(MovedError):
        Recorder(now).replay(recorder.backward, recorder.forward)
    gone = do(recorder.draft.document(), {"op": "remove", "steps": ["classify"]})
    with pytest.raises(MovedError):
        Recorder(gone).replay(recorder.backward, recorder.forward)


def test_an_undo_bears_with_a_step_that_was_only_moved(refund):
    recorder = Recorder(refund)
    perform(recorder, {"op": "add_step", "type": "delay"})
    now = do(recorder.draft.document(), {"op": "move", "positions": {"delay": {"x": 999, "y": 999}}})
    back = Recorder(now)
    back.replay(recorder.backward, recorder.forward)
    assert dump(back.draft.document()) == dump(refund)


keys = st.sampled_from(["classify", "policy", "propose", "check", "route", "approve", "tell", "llm", "llm_2"])
ports = st.sampled_from(["success", "failure", "small", "approved", "tiny"])
positions = st.fixed_dictionaries({"x": st.integers(-500, 500), "y": st.integers(-500, 500)})
ends = st.fixed_dictionaries({"source": keys, "target": keys}, optional={"port": ports})
random_edits = st.one_of(
    st.fixed_dictionaries({"op": st.just("add_step"), "type": st.sampled_from(["llm", "delay", "condition"])},
                          optional={"after": keys, "on_edge": ends, "position": positions}),
    st.fixed_dictionaries({"op": st.just("remove"), "steps": st.lists(keys, min_size=1, max_size=3),
                           "heal": st.booleans()}),
    st.fixed_dictionaries({"op": st.just("move"), "positions": st.dictionaries(keys, positions, max_size=4)}),
    ends.map(lambda edge: {"op": "connect", **edge}),
    ends.map(lambda edge: {"op": "disconnect", **edge}),
    st.fixed_dictionaries({"op": st.just("configure"), "key": keys,
                           "field": st.sampled_from(["name", "config.prompt", "config.cases", "join", "retry",
                                                     "config.cases.0.port", "on_failure", "timeout_s",
                                                     "config.k.a", "config.model"])},
                          optional={"value": st.sampled_from(["x", 3, [{"port": "tiny", "when": "1"}], "all",
                                                              {"max_attempts": 2}, {"action": "continue"}])}),
    st.fixed_dictionaries({"op": st.just("rename_key"), "key": keys,
                           "to": st.sampled_from(["llm", "new_key", "tell"])}),
    st.fixed_dictionaries({"op": st.just("duplicate"), "steps": st.lists(keys, min_size=1, max_size=3)}),
    st.just({"op": "tidy"}),
    st.fixed_dictionaries({"op": st.just("set_meta"), "field": st.sampled_from(["name", "output", "input"])},
                          optional={"value": st.sampled_from(["x", {"type": "object"}, None])}),
)  # fmt: skip


@given(st.lists(random_edits, max_size=12))
def test_any_history_can_be_undone_to_the_last_byte_and_done_again(refund_document, history):
    start = document = refund_document
    done = []
    for edit in history:
        recorder = Recorder(document)
        try:
            perform(recorder, edit)
            after = recorder.draft.document()
            structure(after)
        except (Invalid, Conflict, MissingError):
            continue
        done.append((json.loads(json.dumps([recorder.forward, recorder.backward])), dump(after)))
        document = after
    end = document
    for number in range(len(done) - 1, -1, -1):
        (forward, backward), _ = done[number]
        recorder = Recorder(document)
        recorder.replay(backward, forward)
        document = recorder.draft.document()
        assert dump(document) == (done[number - 1][1] if number else dump(start))
    for (forward, backward), after in done:
        recorder = Recorder(document)
        recorder.replay(forward, backward)
        document = recorder.draft.document()
        assert dump(document) == after
    assert dump(document) == dump(end)


@pytest.fixture(scope="module")
def refund_document():
    """For hypothesis: one document for all examples; edits never change it in place."""
    from builder.document import canonical as make

    case = {"port": "small", "when": "1"}
    return make(
        {
            "name": "Refund",
            "steps": [
                {
                    "key": "classify",
                    "type": "llm",
                    "config": {"model": "m", "prompt": "a", "k": {"a": 1, "b": 2}},
                    "position": {"x": 0, "y": 0},
                },
                {"key": "propose", "type": "llm", "config": {"prompt": "{{ steps.classify.output.text }}"}},
                {"key": "route", "type": "condition", "config": {"cases": [case]}},
                {"key": "approve", "type": "approval", "name": "Ask"},
                {"key": "tell", "type": "delay"},
            ],
            "edges": [
                {"source": "classify", "target": "propose"},
                {"source": "propose", "target": "route"},
                {"source": "route", "port": "small", "target": "approve"},
                {"source": "approve", "port": "approved", "target": "tell"},
            ],
            "output": "{{ steps.tell.output }}",
        }
    )


def test_edits_never_change_a_document_in_place(refund):
    before = dump(refund)
    named = {
        "steps": ["classify"],
        "key": "classify",
        "field": "config.output_schema.type",
        "value": 1,
        "to": "other",
        "positions": {"classify": {"x": 1, "y": 1}},
        "type": "llm",
        "source": "approve",
        "port": "rejected",
        "target": "tell",
    }
    for op in OPS:
        try:
            perform(Recorder(refund), {"op": op, **named})
        except (Invalid, MissingError):
            continue
    assert dump(refund) == before


def test_a_draft_reads_back_what_it_was_made_of(refund):
    assert dump(Draft(refund).document()) == dump(refund)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        ["classify", "propose", "tell", "success", "config", "config.a", "llm", "success", "name"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["source", "port", "target", "x", "y", "key", "type", "classify", "config", "edge"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
FIELDS = [
    "type", "name", "config", "position", "on_edge", "after", "key", "source", "port", "target", "steps",
    "edges", "heal", "positions", "edge", "to", "field", "value",
]  # fmt: skip
hostile_edits = st.fixed_dictionaries(
    {"op": st.sampled_from(list(OPS))}, optional=dict.fromkeys(FIELDS, json_values)
)


@settings(max_examples=150)
@given(edit=hostile_edits)
def test_any_json_is_an_edit_or_refused(refund_document, edit):
    try:
        recorder = Recorder(refund_document)
        perform(recorder, edit)
        structure(recorder.draft.document())
    except (Invalid, Conflict, MissingError):
        return
    json.dumps([recorder.forward, recorder.backward, recorder.keys])
