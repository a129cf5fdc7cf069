"""Answers of a shape."""

from __future__ import annotations

import pytest

from agents.errors import GatewayError
from agents.structure import check_schema, read

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"enum": ["refund", "other"]},
        "items": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["label"],
}


def refused(call, *arguments):
    with pytest.raises(GatewayError) as caught:
        call(*arguments)
    return caught.value


def test_a_schema_of_an_object_is_good():
    check_schema(SCHEMA)


@pytest.mark.parametrize(
    "schema", [[], "object", 7, True, {}, {"type": "array"}, {"type": ["object", "null"]}, {"type": "objekt"}]
)
def test_another_schema_is_refused_for_good(schema):
    error = refused(check_schema, schema)
    assert (error.code, error.retryable) == ("bad_schema", False)


@pytest.mark.parametrize(
    "text",
    [
        '{"label": "refund"}',
        ' \n{"label": "refund"}\n',
        '```json\n{"label": "refund"}\n```',
        'Sure!\n```\n{"label": "refund"}\n```\nAnything else?',
    ],
)
def test_json_is_read_bare_or_in_a_code_fence(text):
    assert read(text, SCHEMA) == {"label": "refund"}


@pytest.mark.parametrize(
    "text", ["", "refund", '{"label": "refund"', "{'label': 'refund'}", "```\nrefund\n```"]
)
def test_what_is_not_json_may_be_asked_again(text):
    error = refused(read, text, SCHEMA)
    assert (error.code, error.retryable, error.received) == ("output_invalid", True, text)


def test_what_does_not_fit_says_where_and_why():
    error = refused(read, '{"label": "refund", "items": ["a", 7]}', SCHEMA)
    assert error.details == {"path": "items/1", "problem": "7 is not of type 'string'"}
    assert "items/1" in error.message


def test_a_missing_field_is_named():
    assert "'label' is a required property" in refused(read, "{}", SCHEMA).message


def test_a_schema_fetches_nothing_from_elsewhere():
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    assert refused(read, '{"a": 1}', schema).code == "bad_schema"
