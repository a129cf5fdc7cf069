"""Semantic 10: what is refused as a whole, on every write, with a message that names the step."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.graph import Graph, GraphError, build, check_shape
from tests.unit.builder.test_graph import document, ports_of


def refusal(said: Any) -> GraphError:
    with pytest.raises(GraphError) as caught:
        build(said, ports_of)
    return caught.value


def step(**fields: Any) -> dict[str, Any]:
    return {"steps": [{"key": "a", "type": "task", **fields}]}


def test_a_cycle_is_refused_with_its_path():
    """semantic 10: a cycle is refused, and the message names its steps."""
    error = refusal(document("xabcd", "xb", "ab", "bc", "ca", "cd"))
    assert (error.code, error.details["step"], error.details["steps"]) == ("cycle", "a", ["a", "b", "c"])
    assert "a -> b -> c -> a" in error.message


def test_a_step_that_follows_itself_is_a_cycle():
    """semantic 10: the smallest cycle."""
    error = refusal(document("ab", "ab", "bb"))
    assert (error.code, error.message) == ("cycle", "The steps b -> b go round in a circle.")


def test_the_message_of_a_long_cycle_stays_short():
    """semantic 10: details hold the whole path."""
    keys = [f"s{number}" for number in range(300)]
    error = refusal(document(keys, *zip(keys, keys[1:] + keys[:1], strict=True)))
    assert error.details["steps"] == keys
    assert len(error.message) < 250
    assert "s19 -> ... -> s0 go" in error.message


@pytest.mark.parametrize(("edge", "end", "named"), [("az", "target", "z"), ("za", "source", "z")])
def test_a_dangling_edge_is_refused(edge, end, named):
    """semantic 10: a dangling edge."""
    error = refusal(document("a", edge))
    assert (error.code, error.details["step"]) == ("dangling_edge", named)
    assert end in error.message


def test_a_duplicate_key_is_refused():
    """semantic 10: a duplicate key."""
    error = refusal(document("aba"))
    assert (error.code, error.details) == ("duplicate_key", {"step": "a", "field": "key"})


def test_a_duplicate_edge_is_refused():
    """semantic 10: the same edge twice would count twice."""
    assert refusal(document("ab", "ab", "ab")).code == "duplicate_edge"


def test_an_unknown_type_is_refused():
    """semantic 10: an unknown type."""
    error = refusal(step(type="teleport"))
    assert (error.code, error.details["step"], error.details["field"]) == ("unknown_type", "a", "type")


def test_an_unknown_port_is_refused():
    """semantic 10: an unknown port, and the message lists those that there are."""
    said = document("ab")
    said["edges"] = [{"source": "a", "target": "b", "port": "maybe"}]
    error = refusal(said)
    assert (error.code, error.details["step"]) == ("unknown_port", "a")
    assert "it has success, failure" in error.message


def test_an_edge_must_name_its_port_where_there_is_no_success():
    """semantic 3: an edge may omit its port only where the type has success."""
    said = document("ab", "ab")
    said["steps"][0]["type"] = "ask"
    error = refusal(said)
    assert (error.code, error.details["step"]) == ("missing_port", "a")


@pytest.mark.parametrize(
    "key", ["", "A", "1a", "a-b", "a b", "a\n", "ä", "a" * 65, "_a", None, 7, [], {}, True]
)
def test_a_bad_key_is_refused(key):
    """semantic 10: expressions use keys, so they are names."""
    error = refusal({"steps": [{"key": key, "type": "task"}]})
    assert error.code == "bad_key"
    assert "Step number 1" in error.message


@pytest.mark.parametrize(
    "said",
    [
        None, 3, "steps", [], {"steps": 3}, {"steps": {}}, {"steps": [3]}, {"steps": [None]}, {"edges": "ab"},
        {"edges": [3]}, {"edges": [{}]}, {"edges": [{"source": 1, "target": "a"}]},
        {"edges": [{"source": "a", "target": None}]},
        {"edges": [{"source": "a", "target": "b", "port": None}]},
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(said):
    assert refusal(said).code == "bad_shape"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", None), ("type", 3), ("name", 3), ("name", None), ("config", []), ("config", None),
        ("join", "some"), ("join", 3), ("join", None), ("join", []),
        ("timeout_s", 0), ("timeout_s", -1), ("timeout_s", "60"), ("timeout_s", True), ("timeout_s", 1e12),
        ("timeout_s", float("nan")), ("timeout_s", float("inf")), ("timeout_s", 10**400),
        ("retry", []), ("retry", 3), ("on_failure", []), ("on_failure", "fail"),
    ],
)  # fmt: skip
def test_a_step_of_the_wrong_shape_is_refused_by_name(field, value):
    """semantic 10: the message names the step."""
    error = refusal(step(**{field: value}))
    assert (error.code, error.details) == ("bad_shape", {"step": "a", "field": field})
    assert error.message.startswith(f"Step a: {field} must be ")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_attempts", 0), ("max_attempts", 1.5), ("max_attempts", 101), ("max_attempts", True),
        ("max_attempts", "3"), ("max_attempts", None), ("delay_s", -1), ("delay_s", "1"), ("delay_s", 1e9),
        ("backoff", 101), ("backoff", None), ("backoff", float("nan")),
        ("max_delay_s", -0.5), ("max_delay_s", []),
    ],
)  # fmt: skip
def test_a_retry_of_the_wrong_shape_is_refused(field, value):
    assert refusal(step(retry={field: value})).details["field"] == f"retry.{field}"


@pytest.mark.parametrize(
    ("field", "value"),
    [("action", "explode"), ("action", 3), ("to", 3), ("to", []), ("max_times", 0), ("max_times", "1")],
)
def test_an_on_failure_of_the_wrong_shape_is_refused(field, value):
    assert refusal(step(on_failure={field: value})).details["field"] == f"on_failure.{field}"


@pytest.mark.parametrize("to", ["nobody", None, "a"])
def test_a_rollback_target_that_is_none_is_left_to_the_drafts_problems(to):
    """semantic 10: invalid configs are Problems: a draft may hold them."""
    graph = build(step(on_failure={"action": "rollback", "to": to}), ports_of)
    assert graph.steps["a"].on_failure.to == to


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["a", "success"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.fixed_dictionaries(
    {"key": st.sampled_from(["a", "b", "c", "B"]) | JSON, "type": st.just("task") | JSON},
    optional={
        field: JSON
        | st.dictionaries(st.sampled_from(["action", "to", "max_times", "max_attempts", "backoff"]), JSON)
        for field in ("name", "config", "join", "timeout_s", "retry", "on_failure", "position", "compensate")
    },
)
EDGES = st.fixed_dictionaries(
    {"source": st.sampled_from("abc") | JSON, "target": st.sampled_from("abc") | JSON},
    optional={"port": JSON},
)


@settings(max_examples=150)
@given(
    JSON | st.fixed_dictionaries({"steps": st.lists(FIELDS, max_size=3)}, optional={"edges": st.lists(EDGES)})
)
def test_hostile_json_is_a_graph_or_a_refusal_and_nothing_else(said):
    """semantic 10: whatever comes, it is refused as a whole or means something."""
    found = graph_or_refusal(said)
    if isinstance(found, Graph):
        assert len(found.order) == len(said.get("steps") or [])
    else:
        assert found.message.endswith(".")
        assert found.code != "invalid"


def graph_or_refusal(said: Any) -> Graph | GraphError:
    try:
        check_shape(said)
        return build(said, lambda kind, config: ("success", "failure") if kind == "task" else None)
    except GraphError as error:
        return error
