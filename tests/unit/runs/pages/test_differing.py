from runs.pages.differing import MOST, differences


def sides(left, right):
    return [
        tuple("".join(f"[{text}]" if differs else text for differs, text in side) for side in (line.left, line.right))
        for line in differences(left, right).lines
    ]  # fmt: skip


def test_fields_are_told_apart_one_by_one():
    found = differences({"a": 1, "b": {"c": [1, 2]}}, {"a": 1, "b": {"c": [1, 3]}, "d": None})
    assert (found.differ, found.of, found.more) == (2, 4, 0)
    assert [line.same for line in found.lines] == [True, True, False, False]
    assert sides({"b": [1]}, {"d": {}}) == [("b[0]: [1]", ""), ("", "d: [{}]")]


def test_of_a_text_only_the_words_that_differ_are_marked():
    assert sides({"why": "Worn once for a week"}, {"why": "Worn outside for a week"}) == [
        ('why: "Worn [once] for a week"', 'why: "Worn [outside] for a week"')
    ]
    assert sides({"x": 0.86}, {"x": 0.58}) == [("x: [0.86]", "x: [0.58]")]


def test_changed_words_that_only_a_space_parts_read_as_one_change():
    assert sides("one two end", "three four end") == [('"[one two] end"', '"[three four] end"')]


def test_a_text_and_a_number_that_look_alike_differ():
    assert differences({"a": "1"}, {"a": 1}).differ == 1


def test_a_value_without_fields_is_one_line():
    assert sides("yes", "yes") == [('"yes"', '"yes"')]


def test_of_very_many_fields_those_that_differ_are_shown():
    left = {f"k{n}": n for n in range(3 * MOST)}
    found = differences(left, {**left, "k599": 0})
    assert (len(found.lines), found.more, found.differ) == (MOST, 2 * MOST, 1)
    assert not found.lines[0].same


def test_a_very_long_text_differs_as_a_whole():
    assert sides("a " * 300, "b " * 300)[0][0].startswith("[")
