from __future__ import annotations

import pytest

from builder.changes.references import in_expression, in_template, renamed

KEYS = {"old": "new"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{{ steps.old.output }}", "{{ steps.new.output }}"),
        ("{{steps.old}} {{ steps . old }}", "{{steps.new}} {{ steps . new }}"),
        ("{{ steps['old'].x ~ steps[ \"old\" ] }}", "{{ steps['new'].x ~ steps[ \"new\" ] }}"),
        (
            "{% if steps.old.status %}{{- steps.old -}}{% endif %}",
            "{% if steps.new.status %}{{- steps.new -}}{% endif %}",
        ),
        ("steps.old is not a template", "steps.old is not a template"),
        ("{{ steps.older }} {{ old }}", "{{ steps.older }} {{ old }}"),
        ("{{ input.steps.old }}", "{{ input.steps.old }}"),
        ("{{ 'steps.old' }}", "{{ 'steps.old' }}"),
        ("{{ 'it\\'s steps.old' ~ steps.old }}", "{{ 'it\\'s steps.old' ~ steps.new }}"),
        ("{{ steps }}", "{{ steps }}"),
        ("{{ steps.old", "{{ steps.old"),
        ("\u00fc {{ steps.old }}\r\n \U0001f600", "\u00fc {{ steps.new }}\r\n \U0001f600"),
    ],
)
def test_only_what_reads_the_step_is_renamed(before, after):
    assert in_template(before, KEYS) == after


def test_a_bare_expression_is_renamed_without_braces():
    assert in_expression("steps.old.output.a == 'steps.old'", KEYS) == "steps.new.output.a == 'steps.old'"


def test_expressions_and_templates_of_a_config_and_the_way_back():
    step = {
        "type": "validation",
        "config": {
            "value": "{{ steps.old.output }}",
            "checks": [{"kind": "expression", "when": "steps.old.status"}],
        },
        "on_failure": {"action": "rollback", "to": "old"},
    }
    assert renamed(step, KEYS) == {
        "config": {
            "value": "{{ steps.new.output }}",
            "checks": [{"kind": "expression", "when": "steps.new.status"}],
        },
        "on_failure": {"action": "rollback", "to": "new"},
    }


def test_what_names_nothing_stays_as_it_is():
    assert renamed({"type": "llm", "config": {"prompt": "steps.old"}}, KEYS) == {}
