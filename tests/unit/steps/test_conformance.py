"""What holds for every step type: one suite, one sample each."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import steps
from steps import form, outbound, schema
from steps.base import Ask, Cancelled, Child, Each, Problem, Sleep, StepError, StepResult
from steps.templates import render

SAMPLES = {
    "llm": {
        "agent": "support",
        "prompt": "Why?",
        "knowledge": [{"base": "handbook", "query": "why", "k": 2}],
    },
    "retrieve": {"base": "handbook", "query": "why"},
    "validation": {"value": "abc", "checks": [{"kind": "regex", "pattern": "^a"}]},
    "email": {"to": ["mary@example.org"], "subject": "Hi", "body": "Hello"},
    "http": {"url": "https://example.org/"},
    "approval": {"message": "Go on?", "assignees": ["mary"], "quorum": 1},
    "form": {
        "message": "How much?",
        "schema": {"properties": {"amount": {"type": "number"}}},
        "assignee": "mary",
    },
    "condition": {"cases": [{"port": "yes", "when": "true"}]},
    "transform": {"output": {"a": [1, None]}},
    "delay": {"seconds": 5},
    "map": {"items": [1, 2], "step": {"type": "transform", "config": {"output": "{{ item }}"}}},
    "orchestration": {"orchestration": "refund-request", "version": 2, "input": {"message": "Hi"}},
}
UNCHOSEN = {
    "llm": {""},
    "retrieve": {"base"},
    "email": {"to"},
    "orchestration": {"orchestration"},
}  # what only a person can fill in on a fresh step
WIDGETS = {
    "template",
    "expression",
    "slug:model",
    "slug:agent",
    "slug:base",
    "slug:credential",
    "slug:orchestration",
    "users",
    "role",
    "cases",
    "checks",
    "json",
    "code",
    "keyvalue",
    "rows",
    "step",
    "schema",
}
GROUPS = {"Think", "Connect", "Ask people", "Shape the flow"}
PORT = re.compile(r"[a-z][a-z0-9_]{0,31}")
SYMBOLS = set(re.findall(r'id="([\w-]+)"', (Path(__file__).parents[3] / "static/sprite.svg").read_text()))

every_type = pytest.mark.parametrize("step_type", steps.TYPES.values(), ids=steps.TYPES.keys())

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(
        ["{{ input.x }}", "{{ nope", "{{ steps.a.output }}", "schema", "llm", "regex", "(a", "web"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "kind",
                    "when",
                    "port",
                    "message",
                    "base",
                    "query",
                    "schema",
                    "pattern",
                    "prompt",
                    "agent",
                    "title",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def configs(step_type):
    """Random JSON under the names that the type knows, and others."""
    names = st.sampled_from(sorted(step_type.schema["properties"])) | st.text(max_size=4)
    return st.dictionaries(names, json_values, max_size=6)


def properties(part):
    """Every property of a schema, nested ones too."""
    for name, inner in part.get("properties", {}).items():
        yield name, inner
        yield from properties(inner)
    for inner in [part.get("items"), *part.get("oneOf", [])]:
        if inner:
            yield from properties(inner)


@pytest.fixture
def world(model, base, monkeypatch):
    """Everything that the samples reach out to."""

    def answer(request, **_):
        response = requests.Response()
        response.status_code, response.url, response._content = 200, request.url, b"ok"
        response.headers["Content-Type"] = "text/plain"
        return response

    monkeypatch.setattr(form, "is_user", lambda name: True)
    monkeypatch.setattr(outbound, "send", answer)
    monkeypatch.setattr(outbound, "close", lambda response: None)
    monkeypatch.setattr(outbound, "read_body", lambda response, limit, going_on: (response.content, True))


@every_type
def test_it_introduces_itself(step_type):
    assert steps.TYPES[step_type.type] is step_type
    assert step_type.label
    assert step_type.group in GROUPS
    assert step_type.icon in SYMBOLS
    assert step_type.summary.endswith(".")
    assert step_type.effect in ("reversible", "compensatable", "irreversible")
    assert 0 < step_type.default_timeout_s <= 3600


@every_type
def test_its_schema_is_json_schema_2020_12(step_type):
    Draft202012Validator.check_schema(step_type.schema)
    assert step_type.schema["type"] == "object"
    assert orjson.loads(orjson.dumps(step_type.schema)) == step_type.schema


@every_type
def test_its_schema_says_all_that_a_form_needs(step_type):
    for name, part in properties(step_type.schema):
        if "const" in part or part.get("x-hidden") or name in ("kind", "message"):
            continue
        assert part.get("title"), name
        assert part.get("x-widget", "code") in WIDGETS, name
        chosen = part if "enum" in part else part.get("items", {})
        assert set(chosen.get("enum", [])) == set(chosen.get("x-labels", chosen.get("enum", []))), name


@every_type
def test_a_fresh_step_lacks_only_what_a_person_must_choose(step_type):
    missing = {field for field, _ in schema.violations(step_type.schema, step_type.default_config)}
    assert missing == UNCHOSEN.get(step_type.type, set())


@every_type
def test_its_sample_has_no_problems(step_type):
    assert steps.config_problems("a", step_type.type, SAMPLES[step_type.type], lambda *_: True) == []


@every_type
def test_its_ports_are_legal_names(step_type):
    for config in ({}, step_type.default_config, SAMPLES[step_type.type]):
        ports = step_type.ports(config)
        assert all(PORT.fullmatch(port) for port in ports)
        assert len(set(ports)) == len(ports)
        assert ("failure" in ports) is (step_type.type != "delay")


@every_type
def test_no_config_whatever_breaks_the_builder(step_type):
    @given(config=configs(step_type), known=st.booleans())
    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    def check(config, known):
        ports = steps.ports_of(step_type.type, config)
        assert all(PORT.fullmatch(port) for port in ports)
        assert len(set(ports)) == len(ports)
        line = step_type.line(config)
        assert isinstance(line, str)
        assert len(line) <= 80
        for problem in steps.config_problems("a", step_type.type, config, lambda *_: known):
            assert isinstance(problem, Problem)
            assert problem.field == "config" or problem.field.startswith("config.")
            assert problem.message.endswith((".", "?"))
        assert all(field.startswith("config.") for field, _ in steps.reads_of(step_type.type, config))

    check()


@every_type
@pytest.mark.parametrize("config", [None, 3, "x", [1], {"1": None}])
def test_no_json_whatever_breaks_the_registry(step_type, config):
    assert steps.ports_of(step_type.type, config)
    assert steps.config_problems("a", step_type.type, config, lambda *_: False)
    assert steps.reads_of(step_type.type, config) == set()


@every_type
def test_no_config_whatever_breaks_a_run_in_another_way_than_a_step_error(step_type, at_work, world):
    @given(config=configs(step_type))
    @settings(
        max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    )
    def check(config):
        with suppress(StepError):
            orjson.dumps(asdict(step_type.run(at_work(config))))

    check()


@every_type
def test_its_result_is_json_and_takes_ports_that_it_has(step_type, at_work, world):
    config = SAMPLES[step_type.type]
    outcome = step_type.run(at_work(render(steps.compile_config(step_type.type, config), {"input": {}})))
    assert isinstance(outcome, (StepResult, Ask, Sleep, Each, Child))
    orjson.dumps(asdict(outcome))
    if isinstance(outcome, StepResult):
        assert outcome.ports
        assert set(outcome.ports) <= set(step_type.ports(config))


@every_type
def test_a_cancelled_step_does_nothing(step_type, at_work, model, base, monkeypatch):
    monkeypatch.setattr(outbound, "send", lambda *a, **k: pytest.fail("sent"))
    at_work.stopped = True
    with pytest.raises(Cancelled):
        step_type.run(at_work(SAMPLES[step_type.type]))
    assert model.requests == []
    assert base.asked == []


@every_type
def test_its_config_is_not_changed_by_running(step_type, at_work, world):
    config = orjson.loads(orjson.dumps(SAMPLES[step_type.type]))
    step_type.run(at_work(config))
    assert config == SAMPLES[step_type.type]


def test_every_type_of_the_contract_is_built():
    assert set(steps.TYPES) == {
        "llm",
        "http",
        "retrieve",
        "approval",
        "form",
        "validation",
        "condition",
        "transform",
        "delay",
        "email",
        "map",
        "orchestration",
    }


def test_an_unknown_type_has_no_ports():
    assert steps.ports_of("teleport", {}) is None
    [problem] = steps.config_problems("a", "teleport", {}, lambda *_: True)
    assert problem.code == "unknown_type"
