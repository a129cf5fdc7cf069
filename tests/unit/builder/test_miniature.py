"""Miniatures and sparklines: pictures of an orchestration and of its last runs."""

from builder.miniature import miniature, sparkline


def _document(places, edges=(), **extra):
    steps = [
        {"key": key, "type": "llm", "position": {"x": x, "y": y}, **extra.get(key, {})}
        for key, (x, y) in places.items()
    ]
    return {"steps": steps, "edges": [{"source": a, "target": b} for a, b in edges]}


def test_an_empty_draft_has_an_empty_picture():
    assert miniature({}) == {"cards": [], "dots": "", "edges": "", "backs": ""}


def test_a_single_step_stands_in_the_middle():
    (card,) = miniature(_document({"a": (1000, -400)}))["cards"]
    assert (card["x"] + card["w"] / 2, card["y"] + card["h"] / 2) == (115, 50)


def test_every_card_lies_within_the_picture_however_large_the_draft():
    places = {f"s{i}": ((i % 9) * 900, (i // 9) * 700) for i in range(70)}
    for card in miniature(_document(places))["cards"]:
        assert card["x"] >= 0
        assert card["x"] + card["w"] <= 230
        assert card["y"] >= 0
        assert card["y"] + card["h"] <= 100


def test_an_edge_between_columns_turns_and_one_within_a_column_is_straight():
    picture = miniature(_document({"a": (0, 0), "b": (0, 120), "c": (300, 240)}, [("a", "b"), ("b", "c")]))
    straight, turned = picture["edges"].split("M")[1:]
    assert "H" not in straight
    assert "H" in turned


def test_an_edge_to_a_step_that_is_not_there_is_left_out():
    assert miniature(_document({"a": (0, 0)}, [("a", "gone")]))["edges"] == ""


def test_an_automatic_rollback_is_drawn_to_the_left_of_its_steps():
    back = {"b": {"on_failure": {"action": "rollback", "to": "a"}}}
    picture = miniature(_document({"a": (0, 0), "b": (0, 120)}, [("a", "b")], **back))
    assert picture["backs"].startswith("M101")
    assert "H95" in picture["backs"]


def test_more_than_eighty_steps_are_one_path():
    picture = miniature(_document({f"s{i}": (0, i * 100) for i in range(81)}))
    assert picture["cards"] == []
    assert picture["dots"].count("z") == 81


def test_a_sparkline_shows_the_last_fifteen_runs():
    runs = [{"status": "COMPLETED", "seconds": 5.0}] * 20
    assert [bar["x"] for bar in sparkline(runs)["bars"]] == [8 * i for i in range(15)]
    assert [bar["x"] for bar in sparkline(runs[:2])["bars"]] == [0, 8]


def test_a_failed_run_has_full_height_and_a_head_so_that_colour_is_not_alone():
    quick, failed = sparkline(
        [{"status": "COMPLETED", "seconds": 9.0}, {"status": "FAILED", "seconds": 0.1}]
    )["bars"]
    assert failed["height"] == 24
    assert failed["cap"] > 0
    assert quick["cap"] == 0


def test_a_longer_run_has_a_higher_bar():
    short, long = sparkline(
        [{"status": "COMPLETED", "seconds": 1.0}, {"status": "COMPLETED", "seconds": 60.0}]
    )["bars"]
    assert short["height"] < long["height"]


def test_a_run_that_waits_since_days_does_not_flatten_the_others():
    runs = [{"status": "COMPLETED", "seconds": 30.0}, {"status": "WAITING", "seconds": 900_000.0}]
    assert [bar["height"] for bar in sparkline(runs)["bars"]] == [16, 16]


def test_the_label_counts_what_the_bars_show():
    runs = [{"status": status, "seconds": 1.0} for status in ("COMPLETED", "COMPLETED", "ROLLED_BACK")]
    assert sparkline(runs)["label"] == "Last 3 runs, newest at the right: 2 completed, 1 rolled back"
