from __future__ import annotations

from builder.cards import cards
from builder.document import structure
from builder.outline import reading_order, via


def said(document):
    graph, drawn = structure(document), cards(document)
    return {step["key"]: via(step, drawn[step["key"]], graph) for step in document["steps"]}


def test_each_step_says_how_the_run_comes_and_goes(refund):
    lines = said(refund)
    assert lines["classify"] == "Starts with the run"
    assert lines["propose"] == "After Classify the request and Find the policy"
    assert lines["check"] == (
        "success → How much? · On failure: roll back to Propose a decision, at most twice"
    )
    assert lines["route"] == "up to 50 → Tell · over 50 → Team lead decides"
    assert lines["approve"] == "approved → Tell"
    assert lines["tell"] == "After How much? and Team lead decides · Last step"


def test_a_plain_step_in_a_row_says_what_follows(refund):
    refund["edges"] = [edge for edge in refund["edges"] if edge["source"] != "policy"]
    assert said(refund)["propose"] == "Then Check the proposal"


def test_the_outline_reads_from_top_to_bottom(refund):
    for number, step in enumerate(reversed(refund["steps"])):
        step["position"] = {"x": 0, "y": number * 10}
    assert reading_order(refund, structure(refund)) == [step["key"] for step in reversed(refund["steps"])]


def test_steps_that_were_never_placed_stand_in_the_order_of_running(refund):
    order = reading_order(refund, structure(refund))
    assert order.index("policy") < order.index("propose") < order.index("check")
