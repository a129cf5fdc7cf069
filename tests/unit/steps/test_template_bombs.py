"""Templates that try to eat the machine, or to climb out of the sandbox: each fails fast, with a sentence."""

from __future__ import annotations

import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.templates import MAX_SOURCE, TemplateError, evaluate, render_value

SCOPE = {
    "input": {"text": "x" * 1000, "rows": [{"n": n} for n in range(1000)], "long": "y" * 3_000_000},
    "steps": {},
    "run": {"id": "r"},
}
DOUBLING = "{% set a = 'x' * 1000 %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}"
NESTED = "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40

BOMBS = {
    "a text times a billion": "{{ 'a' * 10**9 }}",
    "a billion times a text": "{{ 10**9 * 'a' }}",
    "a list times a billion": "{{ [1] * 10**9 }}",
    "repeats of repeats": "{{ (('a' * 3000) * 3000) * 3000 }}",
    "a tower of powers": "{{ 9 ** 9 ** 9 }}",
    "powers in small steps": "{% set n = namespace(x=3) %}{% for i in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}{{ n.x }}",
    "centering": "{{ 'a'|center(10**9) }}",
    "the method center": "{{ 'a'.center(10**9) }}",
    "the method ljust": "{{ 'a'.ljust(10**9) }}",
    "the method zfill": "{{ 'a'.zfill(10**9) }}",
    "the method expandtabs": "{{ '\\t'.expandtabs(10**9) }}",
    "a format with a width": "{{ '%1000000000d'|format(1) }}",
    "a format with an operator": "{{ '%1000000000d' % 1 }}",
    "a format with a precision": "{{ '%.1000000000f' % 1.0 }}",
    "a format with a star": "{{ '%*d' % (10**9, 1) }}",
    "a format that repeats its value": "{{ ('%(a)s' * 5000) % {'a': input.long} }}",
    "str.format": "{{ '{:1000000000}'.format(1) }}",
    "str.format_map": "{{ '{a:1000000000}'.format_map({'a': 1}) }}",
    "indentation": "{{ ('\\n' * 100000)|indent(10**6) }}",
    "replacing nothing by much": "{{ input.long|replace('', input.text) }}",
    "the method replace": "{{ input.long.replace('', input.text) }}",
    "joining with much": "{{ range(100000)|join(input.text) }}",
    "the method join": "{{ input.long.join(input.rows|map(attribute='n')|map('string')) }}",
    "nested loops": "{% for a in range(10000) %}{% for b in range(10000) %}{{ b }}{% endfor %}{% endfor %}",
    "nested loops without output": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}{{ 1 }}",
    "nested loops in a block": "{% set x %}{% for a in range(9999) %}{% for b in range(9999) %}long text{% endfor %}{% endfor %}{% endset %}{{ x }}",
    "a long text in a loop": "{% for a in range(90000) %}" + "z" * 1000 + "{{ '' }}{% endfor %}",
    "a large range": "{{ range(10**9)|list }}",
    "a large range summed": "{{ range(10**12)|sum }}",
    "texts that double": DOUBLING,
    "texts that double by plus": "{% set a = 'x' * 1000 %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "blocks that double": "{% set a %}xxxxxxxxxx{% endset %}"
    + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40
    + "{{ a }}",
    "lists that double": "{% set a = [1] %}" + "{% set a = a + a %}" * 40 + "{{ a|length }}",
    "lists that nest, written out": NESTED + "{{ a }}",
    "lists that nest, as JSON": NESTED + "{{ a|tojson }}",
    "lists that nest, compared": NESTED + NESTED.replace(" a", " b").replace("[a", "[b") + "{{ a == b }}",
    "lists that nest, batched": "{% set a = [1] %}" + "{% set a = [a]|batch(2, a)|list %}" * 40 + "{{ a }}",
    "lists that nest in objects": "{% set a = {} %}" + "{% set a = {'l': a, 'r': a} %}" * 40 + "{{ a }}",
    "lists that nest by a loop variable": "".join(
        f"{{% for a in [[{'a, ' * 9 if n else ''}1]] %}}" for n in range(15)
    )
    + "{{ a }}"
    + "{% endfor %}" * 15,
    "a deep list": "{% set n = namespace(x=[]) %}{% for i in range(50000) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x|tojson }}",
    "a sum of lists": "{{ [input.rows, input.rows]|sum(start=[]) }}",
    "a sorted giant": "{% set a = [input.long] * 100000 %}{{ a|sort }}",
    "a mapped giant": "{{ range(100000)|map('string')|map('center', 1000)|join }}",
    "comparing long texts often": "{% set a = input.long ~ 'a' %}{% set b = input.long ~ 'b' %}{% for i in range(90000) %}{% if a == b %}{% endif %}{% endfor %}{{ 1 }}",
    "many large variables": "".join(f"{{% set v{n} = input.long[{n}:] %}}" for n in range(500)) + "{{ v1 }}",
    "lorem ipsum": "{{ lipsum(n=100000) }}",
    "rounding far": "{{ 1|round(10**9, 'ceil') }}",
    "whole numbers to bytes": "{{ (1).to_bytes(10**9, 'big') }}",
    "batches of a billion": "{{ [1]|batch(10**9, 'x')|list }}",
    "truncating kindly": "{{ input.long|truncate(10**9)|center(10**9) }}",
    "deep parentheses": "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
    "deep lists in the source": "{{ " + "[" * 20_000 + "]" * 20_000 + " }}",
    "a long chain of plus": "{{ 1" + " + 1" * 40_000 + " }}",
    "a long chain of dots": "{{ input" + ".a" * 40_000 + " }}",
    "many small parts": "{{ input.text }}" * 10_000,
    "a giant source": "{{ input.text }}" + "x" * MAX_SOURCE,
    "recursive loops": "{% for a in [[[1]]] recursive %}{{ loop(a) }}{{ loop(a) }}{% endfor %}",
    "macros that call themselves": "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_fails_within_two_seconds(bomb):
    began = time.thread_time()
    with pytest.raises(TemplateError) as caught:
        render_value(bomb, SCOPE, "config.prompt")
    assert time.thread_time() - began < 2
    assert caught.value.message.startswith("The template in config.prompt")
    assert caught.value.code == "template"
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "expression",
    ["'a' * 10**9", "range(10**10)|list|length > 1", "9**9**9", "'%9999999999d' % 1 == ''", "(" * 9999 + "1"],
)
def test_a_bomb_in_a_condition_fails_within_two_seconds(expression):
    began = time.thread_time()
    with pytest.raises(TemplateError):
        evaluate(expression, SCOPE, field="cases.0.when")
    assert time.thread_time() - began < 2


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ [''][0].__class__.__mro__ }}",
    "{{ ['']|map(attribute='__class__')|list }}",
    "{{ ['']|map('attr', '__class__')|list }}",
    "{{ ['']|groupby('__class__') }}",
    "{{ ['']|sort(attribute='__class__.__mro__') }}",
    "{{ [{}]|selectattr('__class__')|list }}",
    "{{ {}.__init__.__globals__ }}",
    "{{ {}.update({'a': 1}) }}",
    "{{ input.pop('text') }}",
    "{{ input.rows.append(1) }}",
    "{{ input.rows.clear() }}",
    "{{ range.__self__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{% set n = namespace() %}{{ n.__class__ }}",
    "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop._iterable }}{% endfor %}",
    "{{ self }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner }}",
    "{{ dict(a=1) }}",
    "{{ config }}",
    "{{ request }}",
    "{{ input.text.format.__globals__ }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{% include 'settings.py' %}{{ 1 }}",
    "{% import 'os' as os %}{{ os }}",
    "{% from 'os' import path %}{{ path }}",
    "{% extends 'base.html' %}{{ 1 }}",
    "{% block x %}{{ 1 }}{% endblock %}",
    "{% filter upper %}{{ 1 }}{% endfilter %}",
    "{% call(x) range(3) %}{{ x }}{% endcall %}",
    "{{ 1 is filter('upper') }}",
    "{{ 'a'|xmlattr }}",
    "{{ input.text.encode() }}",
    "{{ input.text.translate({}) }}",
    "{{ ().count.__self__ }}",
    "{{ (1).real.__class__ }}",
    "{{ none.__class__ }}",
    "{{ nothing.__class__ }}",
    "{{ input.nothing.__class__ }}",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_nothing_of_python_can_be_reached(escape):
    with pytest.raises(TemplateError):
        render_value(escape, SCOPE)


def test_the_scope_is_not_changed_by_a_template():
    scope = {"input": {"list": [1]}, "steps": {}}
    render_value("{% set x = input.list + [2] %}{{ x }}", scope)
    with pytest.raises(TemplateError):
        render_value("{% set input.list = 3 %}{{ input }}", scope)
    assert scope == {"input": {"list": [1]}, "steps": {}}


def test_after_a_bomb_the_next_template_has_a_budget_of_its_own():
    with pytest.raises(TemplateError):
        render_value("{{ 'a' * 10**9 }}", SCOPE)
    assert render_value("{{ input.rows|length }}", SCOPE) == 1000


def test_a_deadline_stops_a_template_before_its_own_limits():
    with pytest.raises(TemplateError, match="the step's time is over"):
        evaluate("range(9999)|map('string')|join", SCOPE, deadline=time.monotonic() - 1)


FRAGMENTS = [
    "{{", "}}", "{%", "%}", "for x in ", "if ", "endfor", "endif", "set x = ", "endset", "x", "input.rows", "input.long",
    "range(999)", "9", "'ab'", "[", "]", "(", ")", "{", "}", "|", ".", "*", "**", "+", "~", "%", "==", " is ", " in ", ":", ",",
    "join", "map('string')", "tojson", "batch(3)", "groupby('n')", "sort", "upper()", "items()", "defined", "loop", "namespace()",
]  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(" ".join))
def test_whatever_is_written_gives_json_or_an_error_that_names_the_field(source):
    began = time.thread_time()
    try:
        result = render_value("{{ 1 }}" + source, SCOPE, "config.x")
    except TemplateError as error:
        result = error.field
        assert result == "config.x"
    orjson.dumps(result)
    assert time.thread_time() - began < 2
