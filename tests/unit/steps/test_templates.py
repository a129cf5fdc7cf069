"""What templates give, what they read, and what they say when they cannot be worked out."""

from __future__ import annotations

import math
from typing import Any

import pytest

from steps import templates
from steps.templates import TemplateError, compile_value, evaluate, names, paths, render, render_value

SCOPE: dict[str, Any] = {
    "input": {
        "message": "My parcel is late",
        "amount": 12.5,
        "vip": False,
        "items": [{"name": "Cup", "price": 3}, {"name": "Jug", "price": 9}],
        "keys": "a key called keys",
        "nothing": None,
        "text with space": 1,
    },
    "steps": {
        "classify": {
            "output": {"label": "refund"},
            "status": "COMPLETED",
            "error": None,
            "citations": [{"drawn_on": True}, {"drawn_on": False}],
        },
        "skipped": {"output": None, "status": "SKIPPED", "error": None, "citations": []},
    },
    "run": {"id": "r-1", "user": "mary", "started_at": "2026-01-01T00:00:00Z"},
    "rollback": {"reason": None, "count": 0},
}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ input.amount }}", 12.5),
        ("  {{ input.amount }}\n", 12.5),
        ("{{ input.vip }}", False),
        ("{{ input.items }}", SCOPE["input"]["items"]),
        ("{{ steps.classify.output }}", {"label": "refund"}),
        ("{{ input.nothing }}", None),
        ("{{ steps.skipped.output.label.deeper[3].still }}", None),
        ("{{ input['text with space'] }}", 1),
        ("{{ [1, input.amount] }}", [1, 12.5]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ {'a': input.missing} }}", {"a": None}),
        ("{{ input.items|map(attribute='name') }}", ["Cup", "Jug"]),
        ("{{ input.items|sum(attribute='price') }}", 12),
        ("{{ '7'|int + 1 }}", 8),
        ("{{ input.amount > 10 }}", True),
        ("{{ '12' }}", "12"),
        ("{{ '[1]' }}", "[1]"),
    ],
)
def test_a_string_that_is_one_expression_keeps_the_type(template, value):
    result = render_value(template, SCOPE)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Amount: {{ input.amount }} €", "Amount: 12.5 €"),
        ("{{ input.vip }}{{ input.vip }}", "falsefalse"),
        ("[{{ input.nothing }}{{ steps.skipped.output.x }}]", "[]"),
        ("Got {{ steps.classify.output }}", 'Got {"label": "refund"}'),
        ("{{ 1 }}{{ 2 }}", "12"),
        ("{% for i in input.items %}{{ loop.index }}. {{ i.name }}\n{% endfor %}", "1. Cup\n2. Jug\n"),
        ("{% if input.vip %}{{ 1 }}{% else %}none{% endif %}", "none"),
        (
            "{% set n = namespace(s=0) %}{% for i in input.items %}{% set n.s = n.s + i.price %}{% endfor %}={{ n.s }}",
            "=12",
        ),
        ("{# a note #}{{ input.message|upper }}!", "MY PARCEL IS LATE!"),
        ("{% raw %}{{ as it is }}{% endraw %}", "{{ as it is }}"),
        ("<b>{{ '<i>' }}{{ '<i>'|e }}</b>", "<b><i>&lt;i&gt;</b>"),
        ("{{ input.message.split(' ')|last }}, {{ 'a' ~ 1 ~ none ~ true }}", "late, a1true"),
        (
            "{% for g, rows in input.items|groupby('name') %}{{ g }}:{{ rows|length }} {% endfor %}",
            "Cup:1 Jug:1 ",
        ),
        ("= {{ input.items|tojson }}", '= [{"name": "Cup", "price": 3}, {"name": "Jug", "price": 9}]'),
        ("= {{ '%05.1f' % input.amount }}\n", "= 012.5\n"),
        (" {{ 1 }} {{ 2 }} ", " 1 2 "),
    ],
)
def test_expressions_inside_text_are_written_as_people_and_programs_read_them(template, text):
    assert render_value(template, SCOPE) == text


def test_the_datas_own_keys_come_before_methods():
    assert render_value("{{ input.items|length }}", SCOPE) == 2
    assert render_value("{{ input.keys }}", SCOPE) == "a key called keys"
    assert render_value("{{ steps.classify.output.items() }}", SCOPE) == [["label", "refund"]]


def test_constants_pass_through_uncopied():
    value = {"a": ["text", {"b": 1}, "{% if braces %}", "100 %"], "c": None}
    compiled = compile_value(value)
    assert compiled.constant
    assert render(compiled, SCOPE) is value


def test_only_the_parts_with_templates_are_made_anew():
    value = {"fixed": {"deep": [1]}, "filled": ["{{ input.amount }}", 2]}
    result = render(compile_value(value), SCOPE)
    assert result == {"fixed": {"deep": [1]}, "filled": [12.5, 2]}
    assert result["fixed"] is value["fixed"]


def test_the_same_template_is_compiled_once():
    assert templates.program("same {{ input.amount }}") is templates.program("same {{ input.amount }}")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("steps.classify.output.label == 'refund'", True),
        ("input.amount > 100 or input.vip", False),
        ("steps.skipped.output.label is none", True),
        ("steps.skipped.output.label == none", True),
        ("steps.skipped.output.label != 'refund'", True),
        ("not steps.skipped.output.label", True),
        ("steps.classify.citations|selectattr('drawn_on')|list|length > 0", True),
        ("input.message", "My parcel is late"),
        ("steps.skipped.output.score|default(0) > 1", False),
        ("'late' in input.message", True),
        ("rollback.count == 0", True),
        ("item is none and index is none", True),
    ],
)
def test_a_bare_expression_gives_its_value(expression, value):
    assert evaluate(expression, SCOPE) == value


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{ input.message", "cannot be read: unexpected end of template"),
        ("{{ inptu.message }}", "reads 'inptu', which is not there; there are input, steps, run, rollback"),
        ("{{ input.message|uper }}", "cannot be read: no filter named 'uper'"),
        ("{{ input.message is rare }}", "cannot be read: no test named 'rare'"),
        ("{{ input.message + 1 }}", "cannot be worked out: can only concatenate str"),
        (
            "{{ steps.skipped.output.score > 1 }}",
            "needs 'score', which has no value; default(...) can give it one",
        ),
        ("{{ 1 / 0 }}", "divides by zero"),
        ("{{ input.message.shout() }}", "calls 'shout', which is no function here"),
        ("{{ input.message.upper }}", "is a () missing after a name"),
        ("line one\n{{ 1 +\n}}", ", line 3, cannot be read"),
        ("{% include 'x' %}{{ 1 }}", "uses {% include %}, which does not exist here"),
        ("{{ 10 ** 400 * 1.0 }}", "cannot be worked out"),
        ("{{ 2 ** 70 }}", "gives a whole number that is too large for JSON"),
        ("{{ 'x'|float('nan'|float) }}", "gives a number that JSON cannot hold"),
    ],
)
def test_an_error_names_the_field_and_says_what_is_wrong(template, sentence):
    with pytest.raises(TemplateError) as caught:
        render_value({"headers": [{"value": template}]}, SCOPE, "config")
    assert caught.value.message.startswith("The template in config.headers.0.value")
    assert sentence in caught.value.message
    assert caught.value.field == "config.headers.0.value"


def test_an_error_found_while_compiling_names_the_field_too():
    with pytest.raises(TemplateError) as caught:
        compile_value({"prompt": "{{ nope }}"})
    assert caught.value.field == "prompt"


def test_a_condition_in_braces_is_explained():
    with pytest.raises(TemplateError, match=r"written without \{\{ and \}\}"):
        evaluate("{{ input.vip }}", SCOPE)
    with pytest.raises(TemplateError, match="is empty"):
        evaluate("  ", SCOPE)


@pytest.mark.parametrize(
    ("template", "read"),
    [
        ("no template", set()),
        (
            "{{ steps.a.output.label ~ steps['b'].status }}",
            {("steps", "a", "output", "label"), ("steps", "b", "status")},
        ),
        (
            "{% for s in steps.c.output %}{{ s.x }}{% endfor %}{{ run.id }}",
            {("steps", "c", "output"), ("run", "id")},
        ),
        ("{{ steps[input.key].output }}", {("steps",), ("input", "key")}),
        (
            "{{ steps.a.output.rows|map(attribute='x')|join(input.sep) }}",
            {("steps", "a", "output", "rows"), ("input", "sep")},
        ),
        ("{{ steps.a.output.text.upper() }}", {("steps", "a", "output", "text", "upper")}),
        ("{% set x = steps.d %}{{ x.output }}", {("steps", "d")}),
        ({"a": ["{{ steps.e }}"], "b": {"c": "{{ input }}"}}, {("steps", "e"), ("input",)}),
    ],
)
def test_what_a_template_reads_is_known_without_running_it(template, read):
    assert paths(template) == read


def test_names_are_two_deep_at_most():
    assert names("{{ steps.a.output.b + steps.a.status|length }}{{ run }}") == {("steps", "a"), ("run",)}
    assert names("steps.a.output > 1", expression=True) == {("steps", "a")}
    assert list(templates.reads({"x": ["", "{{ input.y }}"]}, "config")) == [("config.x.1", ("input", "y"))]


def test_a_lazy_scope_is_asked_only_for_what_is_read():
    class Lazy(dict):
        asked = []

        def __getitem__(self, key):
            self.asked.append(key)
            return super().__getitem__(key)

    steps = Lazy(a={"output": 1}, b={"output": 2})
    assert render_value("{{ steps.a.output }}", {"steps": steps}) == 1
    assert Lazy.asked == ["a"]


def test_a_result_is_json_whatever_the_scope_holds():
    assert render_value("{{ input }}", {"input": {1: (2, 3)}}) == {"1": [2, 3]}
    with pytest.raises(TemplateError):
        render_value("{{ input }}", {"input": math.inf})
