"""Chains, branches and joins through the real journal (semantics 1 to 3)."""

from __future__ import annotations

import pytest

from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, document, step, until


def fan(middle, join="any"):
    keys = [part["key"] for part in middle]
    edges = [{"source": "first", "target": key} for key in keys] + [
        {"source": key, "target": "last"} for key in keys
    ]
    return document([step("first"), *middle, step("last", join=join)], edges)


def test_a_chain_completes_and_hands_its_outputs_on(lab):
    run = lab.run(
        chain(
            step("one", value="{{ input.name }}"),
            step("two", value="hello {{ steps.one.output }}"),
            step("three", value={"said": "{{ steps.two.output }}", "by": "{{ run.user }}"}),
        ),
        {"name": "Mary"},
    )
    assert run.status == "COMPLETED"
    assert lab.row(run, "two").output == "hello Mary"
    assert run.output == {"three": {"said": "hello Mary", "by": "sue"}}


def test_a_chain_of_n_steps_costs_n_entries_and_its_start(lab):
    run = lab.run(chain(*(step(f"s{number}") for number in range(5))))
    assert lab.entries(run) == [
        ["run_started", "step_started"],
        *[["step_completed", "step_started"]] * 4,
        ["step_completed", "run_completed"],
    ]


def test_a_join_waits_for_all_branches(lab):
    run = lab.run(fan([step(f"b{number}") for number in range(4)]))
    events = lab.kinds(run, "last")
    assert run.status == "COMPLETED"
    assert events == ["step_started", "step_completed"]
    assert lab.kinds(run).index("run_completed") == len(lab.kinds(run)) - 1


def test_more_steps_than_the_window_all_run_once(lab):
    kinds.Echo.runs.clear()
    run = lab.run(fan([step(f"b{number}") for number in range(50)]))
    assert run.status == "COMPLETED"
    assert set(kinds.Echo.runs.values()) == {1}


def test_semantic_2_a_dead_branch_is_skipped_and_an_any_join_still_starts(lab):
    doc = document(
        [step("route", "judge", take=["yes"]), step("left"), step("right"), step("after"), step("end")],
        [
            {"source": "route", "port": "yes", "target": "left"},
            {"source": "route", "port": "no", "target": "right"},
            {"source": "right", "target": "after"},
            {"source": "left", "target": "end"},
            {"source": "after", "target": "end"},
        ],
    )
    run = lab.run(doc)
    assert run.status == "COMPLETED"
    assert lab.statuses(run) == {
        "route": "COMPLETED", "left": "COMPLETED", "right": "SKIPPED", "after": "SKIPPED", "end": "COMPLETED",
    }  # fmt: skip


@pytest.mark.parametrize(("join", "status"), [("any", "COMPLETED"), ("all", "SKIPPED")])
def test_semantic_2_an_all_join_is_skipped_when_one_edge_is_dead(lab, join, status):
    doc = document(
        [step("route", "judge", take=["yes"]), step("left"), step("right"), step("end", join=join)],
        [
            {"source": "route", "port": "yes", "target": "left"},
            {"source": "route", "port": "no", "target": "right"},
            {"source": "left", "target": "end"},
            {"source": "right", "target": "end"},
        ],
    )
    run = lab.run(doc)
    assert lab.statuses(run)["end"] == status
    assert run.status == "COMPLETED"


def test_semantic_2_a_first_join_starts_once_at_the_first_live_edge(lab):
    run = lab.run(fan([step("b0"), step("b1")], join="first"))
    assert run.status == "COMPLETED"
    assert lab.kinds(run, "last").count("step_started") == 1


def test_semantic_3_several_ports_may_be_taken_at_once(lab):
    doc = document(
        [step("route", "judge", take=["yes", "no"]), step("left"), step("right")],
        [
            {"source": "route", "port": "yes", "target": "left"},
            {"source": "route", "port": "no", "target": "right"},
        ],
    )
    run = lab.run(doc)
    assert lab.statuses(run) == {"route": "COMPLETED", "left": "COMPLETED", "right": "COMPLETED"}


def test_the_output_mapping_of_the_document_makes_the_runs_output(lab):
    doc = chain(step("one", value=3), step("two"), output={"sum": "{{ steps.one.output + 4 }}", "fixed": "x"})
    assert lab.run(doc).output == {"sum": 7, "fixed": "x"}


def test_an_output_mapping_that_cannot_be_worked_out_does_not_fail_the_run(lab):
    run = lab.run(chain(step("one", value=3), output={"sum": "{{ steps.one.output / 0 }}"}))
    assert run.status == "COMPLETED"
    assert run.output is None
    assert run.error["code"] == "template"
    assert "divides by zero" in run.error["message"]


def test_real_threads_complete_a_wide_run(threads):
    run = threads.start(fan([step(f"b{number}", value=number) for number in range(60)]))
    until(lambda: threads.fresh(run).status == "COMPLETED")
    assert threads.kinds(run).count("step_completed") == 62
