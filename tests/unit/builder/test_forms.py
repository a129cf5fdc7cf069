from __future__ import annotations

import pytest

import steps
from builder import inspector as inspectors
from builder.form_values import ABSENT
from builder.inspector import inspector, read_value, settings_form
from builder.references import Directory
from orchestrator.errors import Invalid, NotFound

NAMES = {"model": {"small": "Small model"}, "base": {"handbook": "Handbook"}, "user": {"mary": "Mary"}}


@pytest.fixture(autouse=True)
def directory(monkeypatch):
    """Names without a database."""
    monkeypatch.setattr(Directory, "names", lambda self, kind: NAMES.get(kind, {}))


def fields(form, tab="settings"):
    return {field["path"]: field for one in form["tabs"] if one["id"] == tab for field in one["fields"]}


def test_the_form_is_drawn_from_the_types_schema(refund):
    form = inspector(refund, "classify")
    assert (form["label"], form["title"], form["icon"]) == ("LLM", "Classify the request", "t-llm")
    shown = fields(form)
    assert shown["config.prompt"]["widget"] == "template_area"
    assert shown["config.prompt"]["value"] == "Classify: {{ input.message }}"
    assert shown["config.prompt"]["required"]
    assert shown["config.model"]["widget"] == "select"
    assert {"value": "small", "label": "Small model", "missing": False} in shown["config.model"]["options"]
    assert shown["config.output_schema"]["widget"] == "json"
    assert shown["config.temperature"]["widget"] == "number"
    assert (shown["config.temperature"]["minimum"], shown["config.temperature"]["maximum"]) == (0, 2)
    assert shown["config.knowledge"]["widget"] == "rows"
    assert [column["path"] for column in shown["config.knowledge"]["columns"]] == ["base", "query", "k"]
    assert shown["config.tools"]["widget"] == "tags"


@pytest.mark.parametrize("kind", sorted(steps.TYPES))
def test_every_type_has_a_form_for_any_config(kind):
    for config in ({}, {"cases": 5, "checks": "x", "url": [], "agent": "gone"}):
        document = {
            "schema": 1,
            "name": "x",
            "edges": [],
            "steps": [{"key": "a", "type": kind, "config": config}],
        }
        form = inspector(document, "a")
        assert form["available"] == (kind in steps.TYPES)
        for tab in form["tabs"]:
            for field in tab["fields"]:
                assert isinstance(field["text"], str)
                if field["widget"] == "select":
                    assert field["text"] in {option["value"] for option in field["options"]}


def test_what_is_not_there_any_more_stays_visible(refund):
    refund["steps"][0]["config"]["model"] = "gone"
    options = fields(inspector(refund, "classify"))["config.model"]["options"]
    assert {"value": "gone", "label": "gone", "missing": True} in options


def test_the_first_problem_of_a_field_stands_at_it(refund):
    refund["steps"][4]["config"]["cases"][1]["when"] = "("
    shown = fields(inspector(refund, "route"))
    assert "cannot be read" in shown["config.cases"]["problem"]
    assert shown["config.mode"]["problem"] == ""


def test_cases_are_rows_whose_rows_are_ports(refund):
    cases = fields(inspector(refund, "route"))["config.cases"]
    assert cases["row_port"]
    assert [(column["path"], column["widget"]) for column in cases["columns"]] == [
        ("port", "text"),
        ("label", "text"),
        ("when", "expression"),
    ]


def test_rows_of_several_kinds_say_which_column_is_whose(refund):
    checks = fields(inspector(refund, "check"))["config.checks"]
    only = {column["path"]: column["only_for"] for column in checks["columns"]}
    assert only["kind"] == only["message"] == []
    assert only["when"] == ["expression"]
    assert only["pattern"] == ["regex"]
    assert "llm" in only["prompt"]
    kinds = next(column for column in checks["columns"] if column["path"] == "kind")["options"]
    assert {"value": "regex", "label": "Pattern", "missing": False} in kinds


def test_failure_has_a_tab_of_its_own(refund):
    shown = fields(inspector(refund, "check"), "fails")
    assert shown["on_failure.action"]["value"] == "rollback"
    assert [option["value"] for option in shown["on_failure.to"]["options"]] == [
        "check",
        "propose",
        "policy",
        "classify",
    ]
    assert shown["on_failure.max_times"]["value"] == 2
    assert shown["retry.max_attempts"]["placeholder"] == "1"
    assert shown["timeout_s"]["placeholder"] == "120"


def test_going_on_is_offered_only_where_there_is_a_success(refund):
    def offered(key):
        options = fields(inspector(refund, key), "fails")["on_failure.action"]["options"]
        return [option["value"] for option in options]

    assert offered("classify") == ["fail", "continue", "rollback"]
    assert offered("approve") == ["fail", "rollback"]


def test_templates_may_read_what_is_upstream_nearest_first(refund):
    found = inspector(refund, "propose")["upstream"]
    everywhere = [one["path"] for one in found if not one["within"]]
    assert everywhere == ["input", "steps.policy", "steps.classify", "run", "rollback"]
    assert [(one["path"], one["within"]) for one in found if one["within"]] == [
        ("steps.propose", "compensate")
    ]
    assert found[1]["names"] == ["message"]
    assert found[3]["names"] == ["output.label", "status", "error.message"]


def test_the_orchestrations_own_form(refund):
    form = settings_form(refund)
    shown = fields(form)
    assert list(shown) == ["name", "description", "input", "output"]
    assert shown["input"]["widget"] == "schema"
    assert shown["name"]["required"]
    assert any(one["path"] == "steps.approve" for one in form["upstream"])


def test_an_unknown_step_or_field_is_said(refund):
    with pytest.raises(NotFound, match="nobody"):
        inspector(refund, "nobody")
    with pytest.raises(NotFound):
        read_value(refund, "nobody", "name", "x")
    for path in (
        "config.nothing",
        "config",
        "position.x",
        "retry",
        "retry.other",
        "nothing",
        "config.cases.0.nope",
    ):
        with pytest.raises(Invalid, match="There is no field"):
            read_value(refund, "route", path, "x")


@pytest.mark.parametrize(
    ("key", "path", "text", "value"),
    [
        ("classify", "config.prompt", " Hi\r\n{{ input.a }} ", " Hi\n{{ input.a }} "),
        ("classify", "config.prompt", "  \n", ABSENT),
        ("classify", "config.temperature", "0.5", 0.5),
        ("classify", "config.temperature", "1", 1),
        ("classify", "config.temperature", "{{ input.heat }}", "{{ input.heat }}"),
        ("classify", "config.max_tokens", "1 000", 1000),
        ("classify", "config.max_tokens", "", ABSENT),
        ("classify", "config.model", "small", "small"),
        ("classify", "config.model", "", ABSENT),
        ("classify", "config.output_schema", '{"type": "object"}', {"type": "object"}),
        ("classify", "config.output_schema", "{{ input.schema }}", "{{ input.schema }}"),
        ("classify", "config.knowledge", '[{"base": "handbook"}]', [{"base": "handbook"}]),
        ("classify", "name", "Sort", "Sort"),
        ("classify", "join", "all", "all"),
        ("classify", "timeout_s", "2.5", 2.5),
        ("classify", "retry.max_attempts", "3", 3),
        ("classify", "on_failure.action", "rollback", "rollback"),
        ("check", "on_failure.max_times", "4", 4),
        ("check", "config.value", "{{ steps.propose.output }}", "{{ steps.propose.output }}"),
        ("check", "config.value", '{"a": "{{ input }}"}', {"a": "{{ input }}"}),
        ("check", "config.value", "5 apples", "5 apples"),
        ("check", "config.checks.0.pattern", r"^\d{2}$", r"^\d{2}$"),
        ("check", "config.checks.0.when", "value > 1", "value > 1"),
        ("route", "config.cases.1.when", "true", "true"),
        ("approve", "config.assignees", "mary\n\n omar \nmary", ["mary", "omar"]),
        ("approve", "config.assignees", ["mary", "omar"], ["mary", "omar"]),
        ("approve", "config.expires_s", "3600", 3600),
        ("approve", "config.expires_s", "{{ input.wait }}", "{{ input.wait }}"),
        ("approve", "config.allow_self", "", False),
        ("approve", "config.allow_self", "true", ABSENT),
        ("tell", "config.output", '{"a": [1, "{{ input }}"]}', {"a": [1, "{{ input }}"]}),
        ("tell", "config.output", "{{ input }}", "{{ input }}"),
        (None, "name", "Refunds", "Refunds"),
        (None, "input", '{"type": "object"}', {"type": "object"}),
        (None, "output", "", ABSENT),
    ],
)
def test_what_a_form_posts_becomes_a_value(refund, key, path, text, value):
    got = read_value(refund, key, path, text)
    assert got is value if value is ABSENT else (got == value and type(got) is type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("200", 200),
        ("2xx", "2xx"),
        ("200, 404", [200, 404]),
        ("[200, 404]", [200, 404]),
        ("2xx, 404", ["2xx", 404]),
        ("often", "often"),
    ],
)
def test_a_setting_of_several_types_takes_the_reading_that_fits(text, value):
    document = {"schema": 1, "name": "x", "edges": [], "steps": [{"key": "a", "type": "http", "config": {}}]}
    assert read_value(document, "a", "config.expect_status", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Accept: text/plain\n\nX-A: b: c", {"Accept": "text/plain", "X-A": "b: c"}),
        ('{"Accept": 1}', {"Accept": 1}),
    ],
)
def test_headers_are_written_one_a_line(text, value):
    document = {"schema": 1, "name": "x", "edges": [], "steps": [{"key": "a", "type": "http", "config": {}}]}
    assert read_value(document, "a", "config.headers", text) == value


@pytest.mark.parametrize(
    ("key", "path", "text", "says"),
    [
        ("classify", "config.temperature", "warm", "must be a number"),
        ("classify", "config.max_tokens", "1.5", "whole number"),
        ("classify", "config.max_tokens", "1e400", "whole number"),
        ("classify", "config.temperature", "nan", "must be a number"),
        ("classify", "config.output_schema", "{", "not JSON"),
        ("classify", "config.knowledge", "{{ input.x }}", "not JSON"),
        (None, "input", "NaN", "not JSON"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(refund, key, path, text, says):
    with pytest.raises(Invalid, match=says) as refusal:
        read_value(refund, key, path, text)
    assert refusal.value.details == {"field": path}


def test_what_a_control_shows_reads_back_the_same(refund):
    for step in refund["steps"]:
        for field in fields(inspector(refund, step["key"])).values():
            name = field["path"].rpartition(".")[2]
            if name in (step["config"] if field["path"].startswith("config.") else step):
                assert read_value(refund, step["key"], field["path"], field["text"]) == field["value"]


def test_pairs_that_cannot_stand_on_a_line_are_shown_as_json():
    config = {"headers": {"a:b": "x", "c": "two\nlines"}}
    document = {
        "schema": 1,
        "name": "x",
        "edges": [],
        "steps": [{"key": "a", "type": "http", "config": config}],
    }
    text = fields(inspectors.inspector(document, "a"))["config.headers"]["text"]
    assert read_value(document, "a", "config.headers", text) == config["headers"]
