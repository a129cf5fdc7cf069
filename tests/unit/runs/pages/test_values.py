import json

from runs.templatetags.values import DEEPEST, MOST, oneline, raw, tree


def test_what_came_from_outside_is_escaped():
    assert "<script>" not in tree({"<script>": ["<script>"]})


def test_texts_objects_lists_and_nothing_are_told_apart():
    html = tree({"text": "a\nb", "list": [1, True], "none": None, "empty": {}})
    for part in ("<dt>text</dt>", "a\nb", "<li><code>1</code></li>", "<li>yes</li>", "nothing", "empty"):
        assert part in html


def test_long_lists_and_deep_values_end_somewhere():
    assert "and 5 more" in tree(list(range(MOST + 5)))
    deep = value = {}
    for _ in range(DEEPEST + 50):
        value["k"] = {}
        value = value["k"]
    assert tree(deep).count("<dl") == DEEPEST


def test_raw_is_the_json_itself():
    assert json.loads(raw({"a": ["ü", None]})) == {"a": ["ü", None]}


def test_one_line_is_short():
    assert oneline("a  b\nc") == "a b c"
    assert len(oneline("x" * 500)) == 80
