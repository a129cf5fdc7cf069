from builder.graph import EdgeSpec
from runs.pages.canvas import backs, cards, edge_class, edges
from runs.pages.drawing import STREAM, draw


def now(story, key, **more):
    drawing = draw(story.document)
    return next(
        card["now"]
        for card in cards(story.scene(), drawing, more.get("numbers", {}), "")
        if card["key"] == key
    )


def classes(story):
    return {
        (edge["source"], edge["target"]): edge["css"] for edge in edges(story.scene(), draw(story.document))
    }


def test_an_edge_is_live_while_its_target_runs_and_taken_after(story):
    story.complete("draft")
    assert classes(story)["draft", "check"] == "live"
    story.complete("check")
    assert classes(story)["draft", "check"] == "taken"


def test_an_edge_into_a_question_is_taken(asked):
    assert classes(asked)["route", "ask"] == "taken"


def test_the_edges_of_ways_not_taken_are_dead(asked):
    assert classes(asked)["route", "refuse"] == "dead"
    assert classes(asked)["ask", "pay"] == ""


def test_a_failed_steps_edges_are_dead(asked):
    asked.vote("mary", "approve").fail("pay", "No.")
    assert edge_class(asked.scene(), EdgeSpec("pay", "success", "refuse")) == "dead"


def test_running_waiting_and_failed_cards_say_so_in_their_line(asked):
    assert now(asked, "ask")["lead"] == "Waiting"
    assert now(asked, "draft")["lead"] == ""
    assert now(asked, "draft")["aside"] == "Completed"
    assert now(asked, "refuse")["aside"] == ""  # the line says Pending already


def test_a_port_that_was_taken_is_told(asked):
    assert now(asked, "route")["ports"] == ["large"]
    assert now(asked, "draft")["out"] is True


def test_an_automatic_rollback_says_the_rule_then_how_often_and_why(story):
    drawing = draw(story.document)
    assert backs(story.scene(), drawing)[0]["note"] == "rolls back if it fails"
    story.complete("draft").complete("check", "failure", reason="No order number.")
    assert backs(story.scene(), drawing)[0]["note"] == "rolled back once: No order number"


def test_a_step_that_writes_has_room_for_its_text():
    document = {
        "steps": [
            {"key": "a", "type": "llm", "position": {"x": 0, "y": 0}},
            {"key": "b", "type": "transform", "position": {"x": 0, "y": 72}},
            {"key": "c", "type": "transform", "position": {"x": 480, "y": 0}},
        ],
        "edges": [{"source": "a", "target": "b"}],
    }
    places = {step["key"]: step["y"] for step in draw(document).steps}
    assert places["b"] - (places["a"] + 52) >= STREAM
    assert places["c"] == 0


def test_steps_without_a_place_are_laid_out():
    document = {"steps": [{"key": "a", "type": "transform"}, {"key": "b", "type": "transform"}],
                "edges": [{"source": "a", "target": "b"}]}  # fmt: skip
    first, second = draw(document).steps
    assert first["key"] == "a"
    assert second["y"] > first["y"]
