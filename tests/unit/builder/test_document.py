from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.document import MAX_BYTES, canonical, digest, dump, kind_of, parse, structure
from orchestrator.errors import Invalid, TooLarge, Unsupported

texts = st.text(st.characters(exclude_categories=["Cs"]))
awkward = st.text(alphabet=" \n\t-:#'\"|>&*!%@`{}[],?=~ab01\r\u0085\u2028\ufeff\U0001f600")
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | awkward
    | st.sampled_from(
        ["on", "no", "12:30", "2024-01-01", "007", "1e3", "0x1f", ".inf", "null", "~", "<<", "="]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | awkward, inner, max_size=4),
    max_leaves=12,
)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(str.strip)


@st.composite
def documents(draw):
    keys = draw(st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), unique=True, max_size=5))
    steps = [
        {
            "key": key,
            "type": "transform",
            "name": draw(st.just("") | names),
            "config": draw(st.dictionaries(texts, values, max_size=3)),
            "retry": draw(st.fixed_dictionaries({}, optional={"max_attempts": st.integers(1, 100)})),
            "timeout_s": draw(st.none() | st.integers(1, 100) | st.floats(0.5, 99)),
            "join": draw(st.sampled_from(["any", "all", "first"])),
            "on_failure": draw(
                st.sampled_from([{}, {"action": "continue"}, {"action": "rollback", "to": key}])
            ),
            "position": draw(
                st.none() | st.fixed_dictionaries({"x": st.integers(-999, 999), "y": st.floats(-9, 9)})
            ),
        }
        for key in keys
    ]
    edges = [{"source": a, "target": b} for a, b in pairwise(keys)]
    optional = {"description": names, "input": st.just({"type": "object"}), "output": values}
    more = draw(st.fixed_dictionaries({}, optional=optional))
    return {"name": draw(names), "steps": steps, "edges": edges, **more}


@given(documents())
def test_export_import_export_is_byte_identical_in_both_texts(document):
    for kind, media in (("json", "application/json"), ("yaml", "application/yaml")):
        text = dump(document, kind)
        assert dump(parse(text, media), kind) == text
        assert parse(text, media) == canonical(document)


@given(documents())
def test_json_and_yaml_say_the_same(document):
    from_yaml = parse(dump(document, "yaml"), "application/yaml")
    from_json = parse(dump(document, "json"), "application/json")
    assert dump(from_yaml, "json") == dump(from_json, "json")
    assert digest(from_yaml) == digest(from_json)


@given(documents())
def test_canonical_form_is_a_fixed_point(document):
    once = canonical(document)
    assert json.dumps(canonical(once)) == json.dumps(once)


@given(st.binary(max_size=200) | texts | awkward)
def test_any_text_is_read_or_refused(text):
    for media in ("application/json", "application/yaml"):
        with suppress(Invalid):
            assert canonical(parse(text, media))


@given(values)
def test_any_json_is_a_document_or_refused(value):
    with suppress(Invalid):
        assert structure(canonical(value)).order == ()


def test_the_contract_example_reads_from_yaml():
    text = """
    schema: 1
    name: Refund request
    steps:
      - key: classify                       # a comment
        type: llm
        config: {agent: support, prompt: "Classify: {{ input.message }}"}
        retry: {max_attempts: 3, delay_s: 1, backoff: 2, max_delay_s: 60}
        timeout_s: 60
        join: any
        on_failure: {action: fail}
        position: {x: 0, y: 0}
      - {key: route, type: condition, config: {cases: [{port: refund, label: on, when: "1 == 1"}]}}
    edges:
      - {source: classify, target: route, port: success}
    """
    assert parse(text, "application/yaml") == {
        "schema": 1,
        "name": "Refund request",
        "steps": [
            {
                "key": "classify",
                "type": "llm",
                "config": {"agent": "support", "prompt": "Classify: {{ input.message }}"},
                "retry": {"max_attempts": 3},
                "timeout_s": 60,
                "position": {"x": 0, "y": 0},
            },
            {
                "key": "route",
                "type": "condition",
                "config": {"cases": [{"port": "refund", "label": "on", "when": "1 == 1"}]},
            },
        ],
        "edges": [{"source": "classify", "target": "route"}],
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"name": "a", "name": "b"}', "given twice"),
        ('{"name": NaN}', "not a number that JSON knows"),
        ('{"name": "a", "output": 1e999}', "not finite"),
        ('{"name": "a", "output": 123456789012345678901234567890}', "beyond 64 bits"),
        ('{"name": "a", "output": ' + "9" * 5000 + "}", "cannot be read"),
        ('{"name": "a", "output": "\\ud800"}', "lone surrogate"),
        ("[" * 100_000, "nested deeper"),
        ('{"name": "a", "output": ' + "[" * 70 + "]" * 70 + "}", "nested deeper"),
        ("{", "line 1, column 2"),
        ("[]", "must be an object"),
        ("null", "must be an object"),
        (b"\xff\xfe{}", "not UTF-8"),
        ('{"name": "a", "stepz": []}', "not a field here"),
        ('{"name": "a", "steps": {}}', "must be a list"),
        ('{"name": "a", "schema": 2}', "the only version"),
        ('{"steps": []}', "needs a name"),
        ('{"name": "a\\u0000b"}', "control character"),
    ],
)
def test_json_that_is_refused(text, says):
    with pytest.raises(Invalid, match=says):
        parse(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: a\nname: b", "line 2: the key 'name' is given twice"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: &a [*a]", "anchors"),
        ("name: !!python/object/apply:os.system [id]", "the tag"),
        ("name: !!timestamp 2024-01-01", "the tag"),
        ("name: a\n---\nname: b", "second document"),
        ("name: a\noutput: .inf", "not a number that JSON knows"),
        ("? [a]\n: b", "a key must be text"),
        ("name: [", "not YAML: line"),
        ("[" * 100_000, "nested deeper"),
        ("name: a\n\tb: 1", "line 2"),
        ("", "must be an object"),
        ("name: a\noutput: 0xffffffffffffffffff", "beyond 64 bits"),
    ],
)
def test_yaml_that_is_refused(text, says):
    with pytest.raises(Invalid, match=says):
        parse(text, "application/yaml")


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor():
    bomb = "a: &a [1]\n" + "\n".join(f"b{n}: &b{n} [*a, *a]" for n in range(50))
    with pytest.raises(Invalid, match="line 1: anchors"):
        parse(bomb, "application/yaml")


def test_words_that_older_yaml_takes_for_something_else_are_text():
    words = "on: yes, no: off, date: 2024-01-01, time: 12:30, zip: 007, 5: 1_000, ~: y, big: 1e3"
    text = f"name: x\noutput: {{{words}}}"
    assert parse(text, "application/yaml")["output"] == {
        "on": "yes",
        "no": "off",
        "date": "2024-01-01",
        "time": "12:30",
        "zip": "007",
        "5": "1_000",
        "~": "y",
        "big": 1000.0,
    }


def test_text_that_another_reader_could_mistake_is_quoted():
    for word in ("on", "yes", "2024-01-01", "12:30", "007", "1e3", "0o17", ".inf", "null", "", "<<"):
        line = dump({"name": "x", "output": {"a": word}}, "yaml").decode().splitlines()[-1]
        assert line == f"  a: '{word}'"


def test_a_prompt_of_several_lines_stays_readable():
    text = dump({"name": "x", "output": "Dear {{ input.name }},\n\nyour parcel is late.\n"}, "yaml").decode()
    assert text.endswith("output: |\n  Dear {{ input.name }},\n\n  your parcel is late.\n")


def test_a_document_over_the_limit_is_too_large():
    with pytest.raises(TooLarge, match="4 MiB"):
        parse(b" " * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("media", "kind"),
    [("application/json; charset=utf-8", "json"), ("application/x-yaml", "yaml"), ("Refund.YML", "yaml")],
)
def test_media_types_and_file_names_say_which_text_it_is(media, kind):
    assert kind_of(media) == kind


def test_another_media_type_is_unsupported():
    with pytest.raises(Unsupported, match="text/csv"):
        kind_of("text/csv")
