from __future__ import annotations

import pytest

from builder.cards import STRIP, TOP, back_port, card, cards, tidy, usual_port


def drawn(step, *connected):
    made = card({"key": "a", "config": {}, **step}, frozenset(connected))
    return made, {port.name: port.column for port in made.ports if port.shown}


CASES = {"cases": [{"port": f"c{n}", "when": "1"} for n in range(4)]}


def test_a_step_with_one_usual_way_out_is_plain():
    made, shown = drawn({"type": "llm"})
    assert made.plain
    assert made.height == TOP
    assert shown == {"success": 2}
    assert [(port.x, port.y) for port in made.ports if port.shown] == [(108, TOP)]


def test_a_failure_port_shows_once_it_leads_somewhere():
    made, shown = drawn({"type": "llm"}, "failure")
    assert not made.plain
    assert made.height == TOP + 1 + STRIP
    assert shown == {"failure": 1, "success": 2}


def test_a_failure_that_rolls_back_is_drawn_from_its_port():
    step = {"type": "validation", "on_failure": {"action": "rollback", "to": "a"}}
    made, shown = drawn(step)
    assert shown == {"failure": 1, "success": 2}
    assert {port.name: port.kind for port in made.ports} == {"success": "usual", "failure": "back"}
    assert back_port({"config": {}, **step}, frozenset({"failure"})) == ""


@pytest.mark.parametrize(
    ("step", "connected", "shown"),
    [
        ({"type": "approval"}, [], {"rejected": 1, "approved": 2, "expired": 3}),
        (
            {"type": "approval"},
            ["failure"],
            {"rejected": 1, "approved": 2, "expired": 3, "failure": 4},
        ),
        ({"type": "condition"}, [], {"else": 2}),
        ({"type": "condition", "config": {"cases": CASES["cases"][:1]}}, [], {"c0": 2, "else": 3}),
        (
            {"type": "condition", "config": {"cases": CASES["cases"][:1]}},
            ["failure"],
            {"failure": 1, "c0": 2, "else": 3},
        ),
        (
            {"type": "condition", "config": CASES},
            [],
            {"c0": 1, "c1": 2, "c2": 3, "c3": 4, "else": 5},
        ),
        ({"type": "delay"}, [], {"success": 2}),
        ({"type": "map"}, [], {"success": 2}),
    ],
)
def test_up_to_three_ports_stand_with_the_usual_way_out_in_the_middle(step, connected, shown):
    assert drawn(step, *connected)[1] == shown


def test_more_than_three_ports_make_the_card_wider_so_that_no_edge_crosses_a_name():
    made, _ = drawn({"type": "condition", "config": CASES})
    assert made.width == 5 * 72
    assert made.height == TOP + 1 + STRIP
    assert [port.x for port in made.ports if port.shown] == [36, 108, 180, 252, 324]


def test_a_hidden_port_has_a_place_of_its_own():
    for step in ({"type": "llm"}, {"type": "approval"}, {"type": "condition", "config": CASES}):
        made, _ = drawn(step)
        centres = [(port.x, port.y) for port in made.ports]
        assert len(set(centres)) == len(centres)
        assert all(0 < port.x < made.width and TOP <= port.y <= made.height for port in made.ports)


def test_tidy_places_every_card_of_a_document(refund):
    places, sizes = tidy(refund), cards(refund)
    assert set(places) == set(sizes) == {step["key"] for step in refund["steps"]}
    for edge in refund["edges"]:
        top, bottom = places[edge["source"]], places[edge["target"]]
        assert top["y"] + sizes[edge["source"]].height < bottom["y"]


@pytest.mark.parametrize(
    ("kind", "config", "port"),
    [
        ("llm", {}, "success"),
        ("approval", {}, "approved"),
        ("condition", CASES, "c0"),
        ("condition", {}, "else"),
    ],
)
def test_the_usual_port_of_a_type(kind, config, port):
    assert usual_port(kind, config) == port
