"""The graph of a document: order, neighbours, what is upstream and downstream."""

import itertools
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.graph import EdgeSpec, OnFailure, Retry, build, rollback_targets

PORTS = {"task": ("success", "failure"), "ask": ("approved", "rejected")}


def ports_of(kind: str, config: dict[str, Any]) -> tuple[str, ...] | None:
    return tuple(config["ports"]) if "ports" in config else PORTS.get(kind)


def document(keys: Iterable[str], *edges: Sequence[str]) -> dict[str, Any]:
    return {
        "steps": [{"key": key, "type": "task"} for key in keys],
        "edges": [{"source": edge[0], "target": edge[1]} for edge in edges],
    }


def test_a_graph_keeps_the_order_of_the_document_and_knows_its_own():
    graph = build(document("dcba", "ab", "bc", "cd"), ports_of)
    assert list(graph.steps) == ["d", "c", "b", "a"]
    assert graph.order == ("a", "b", "c", "d")
    assert (graph.roots, graph.last) == (("a",), ("d",))


def test_what_may_come_next_comes_in_document_order():
    graph = build(document("xcab", "xa", "xb"), ports_of)
    assert graph.order == ("x", "c", "a", "b")


def test_neighbours_come_in_the_order_of_the_edges():
    graph = build(document("abc", "ac", "ab", "bc"), ports_of)
    assert [edge.target for edge in graph.outgoing["a"]] == ["c", "b"]
    assert [edge.source for edge in graph.incoming["c"]] == ["a", "b"]
    assert graph.incoming["a"] == graph.outgoing["c"] == ()
    assert graph.edges[0] == EdgeSpec("a", "success", "c")


def test_upstream_and_downstream_leave_out_the_step_itself():
    graph = build(document("abcde", "ab", "bc", "ad"), ports_of)
    assert graph.descendants("a") == {"b", "c", "d"}
    assert graph.ancestors("c") == {"a", "b"}
    assert graph.descendants("e") == graph.ancestors("e") == frozenset()
    assert graph.descendants("a") is graph.descendants("a"), "worked out once"
    assert graph.ancestors("c") is graph.ancestors("c")


def test_one_step_is_upstream_of_another():
    graph = build(document("abc", "ab"), ports_of)
    assert graph.is_upstream("a", "b")
    assert not any(graph.is_upstream(*pair) for pair in ("ba", "aa", "ac", "zb", "az"))


def test_a_rollback_may_go_to_the_step_itself_or_upstream():
    """semantic 4: to is the step itself or one upstream of it."""
    graph = build(document("dcba", "ab", "bc", "ad"), ports_of)
    assert rollback_targets(graph, "c") == ("a", "b", "c")
    assert rollback_targets(graph, "a") == ("a",)


def test_a_step_that_says_nothing_has_the_defaults():
    step = build({"steps": [{"key": "a", "type": "task"}]}, ports_of).steps["a"]
    assert (step.name, step.ports, step.join, step.config) == ("a", ("success", "failure"), "any", {})
    assert (step.retry, step.on_failure, step.timeout_s, step.position) == (
        Retry(1, 1, 2, 60),
        OnFailure(),
        None,
        0,
    )


def test_a_step_that_says_everything_is_read_whole():
    said = {
        "key": "b", "type": "task", "name": "Second", "config": {"x": 1}, "join": "all", "timeout_s": 2.5,
        "retry": {"max_attempts": 3.0, "delay_s": 0, "backoff": 1.5, "max_delay_s": 9},
        "on_failure": {"action": "rollback", "to": "a", "max_times": 4},
    }  # fmt: skip
    step = build({"steps": [{"key": "a", "type": "task"}, said]}, ports_of).steps["b"]
    assert (step.name, step.join, step.config, step.timeout_s, step.position) == (
        "Second",
        "all",
        {"x": 1},
        2.5,
        1,
    )
    assert step.retry == Retry(3, 0, 1.5, 9)
    assert step.on_failure == OnFailure("rollback", "a", 4)


def test_an_edge_may_omit_its_port_where_the_type_has_success():
    """semantic 3: an edge may omit its port only where the type has success."""
    graph = build(document("ab", "ab"), ports_of)
    assert graph.edges == (EdgeSpec("a", "success", "b"),)
    assert graph.wired == {("a", "success")}


def test_an_empty_document_is_a_graph_without_steps():
    graph = build({}, ports_of)
    assert (graph.order, graph.roots, graph.last, graph.edges) == ((), (), (), ())


def test_a_chain_of_thousands_needs_no_recursion():
    keys = [f"s{number}" for number in range(5000)]
    graph = build(document(keys, *itertools.pairwise(keys)), ports_of)
    assert graph.order == tuple(keys)
    assert len(graph.descendants("s0")) == len(graph.ancestors("s4999")) == 4999
    assert graph.is_upstream("s0", "s4999")


@given(st.integers(0, 10**6), st.integers(1, 14))
def test_order_and_reach_are_those_of_brute_force(seed, size):
    random = Random(seed)
    keys = [f"k{number}" for number in range(size)]
    pairs = {tuple(sorted(random.sample(range(size), 2))) for _ in range(size)} if size > 1 else set()
    shuffled = random.sample(keys, size)
    graph = build(document(shuffled, *[(keys[a], keys[b]) for a, b in pairs]), ports_of)
    assert sorted(graph.order) == sorted(keys)
    assert all(graph.order.index(e.source) < graph.order.index(e.target) for e in graph.edges)
    below = {key: {e.target for e in graph.outgoing[key]} for key in keys}
    for _ in keys:
        below = {key: found.union(*(below[at] for at in found)) for key, found in below.items()}
    for key in keys:
        assert graph.descendants(key) == below[key]
        assert graph.ancestors(key) == {other for other in keys if key in below[other]}
        assert all(graph.is_upstream(key, other) == (other in below[key]) for other in keys)


@pytest.mark.parametrize("key", ["a", "z9", "a_b", "a" * 64])
def test_keys_are_short_lower_case_names(key):
    assert list(build(document([key]), ports_of).steps) == [key]
