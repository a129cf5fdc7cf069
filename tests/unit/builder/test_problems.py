from __future__ import annotations

import copy

import pytest

from builder.document import canonical
from builder.problem_views import views
from builder.problems import nearest, problems


def step(document, key):
    return next(one for one in document["steps"] if one["key"] == key)


def found(document, exists):
    return [(one.step, one.field, one.code) for one in problems(canonical(document), exists)]


@pytest.fixture
def changed(refund):
    """The refund document, free to be changed."""
    return copy.deepcopy(refund)


def test_a_good_draft_has_no_problems(refund, everything_exists):
    assert problems(refund, everything_exists) == []


def test_every_problem_is_a_sentence_about_a_place(changed):
    step(changed, "classify")["config"] = {"prompt": "{{ steps.tell.output"}
    step(changed, "check")["on_failure"]["to"] = "tell"
    for problem in problems(canonical(changed), lambda kind, slug: False):
        assert problem.message.endswith((".", "?"))
        assert problem.message[0].isupper() or problem.message[0] == "{"
        assert problem.field


def test_an_orchestration_without_steps_cannot_be_published(everything_exists):
    assert found({"name": "x"}, everything_exists) == [(None, "steps", "no_steps")]


def test_an_empty_draft_row_is_an_orchestration_without_steps(everything_exists):
    assert [one.code for one in problems({}, everything_exists)] == ["no_steps"]


def test_names_that_do_not_exist_are_asked_for_by_kind(changed):
    asked = set()

    def nothing(kind, slug):
        asked.add((kind, slug))
        return False

    step(changed, "propose")["config"]["agent"] = "support"
    codes = {(one, code) for one, _, code in found(changed, nothing)}
    assert {("agent", "support"), ("model", "small"), ("base", "handbook"), ("user", "mary")} <= asked
    assert {("policy", "unknown_base"), ("approve", "unknown_user")} <= codes
    assert any(one == "classify" for one, _ in codes)


def test_a_name_that_comes_into_being_is_no_problem_any_more(refund):
    there = set()
    exists = lambda kind, slug: (kind, slug) in there  # noqa: E731
    assert ("policy", "config.base", "unknown_base") in found(refund, exists)
    there.add(("base", "handbook"))
    assert ("policy", "config.base", "unknown_base") not in found(refund, exists)
    there.clear()
    assert ("policy", "config.base", "unknown_base") in found(refund, exists)


def test_a_type_that_does_not_exist_is_refused(everything_exists):
    document = {"name": "x", "steps": [{"key": "a", "type": "teleport", "config": {"prompt": "{{ nope"}}]}
    assert found(document, everything_exists) == [("a", "type", "unknown_type")]


def over_items(**fields):
    config = {"items": [1], "orchestration": "other", "input": {"n": "{{ item }}{{ index }}"}, **fields}
    return {"key": "m", "type": "map", "config": config}


UNDO = {"type": "http", "config": {"url": "https://x/{{ item }}/{{ index }}"}}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (over_items(), []),
        (over_items(step={"type": "transform", "config": {"output": 1}}), [("m", "config.orchestration", "invalid")]),
        ({**over_items(), "compensate": UNDO}, [("m", "compensate", "invalid")]),
        ({"key": "m", "type": "map", "config": {"items": [1]}}, [("m", "config", "invalid")]),
        ({"key": "o", "type": "orchestration", "config": {"orchestration": "other"}, "compensate": UNDO},
         [("o", "compensate", "invalid"), ("o", "compensate.config.url", "unknown_name")]),
        ({"key": "o", "type": "orchestration", "config": {"orchestration": "other", "input": "{{ item }}"}},
         [("o", "config.input", "unknown_name")]),
    ],
)  # fmt: skip
def test_steps_that_start_runs(step, expected, everything_exists):
    """Items are known where they are; what such a step does is undone by itself."""
    found_here = found({"name": "x", "steps": [step]}, everything_exists)
    assert list(dict.fromkeys(found_here)) == expected


def test_an_orchestration_that_is_not_there_is_a_problem_and_so_is_its_version():
    config = {"orchestration": "other", "version": 3}
    document = {"name": "x", "steps": [{"key": "o", "type": "orchestration", "config": config}]}
    assert found(document, lambda *_: False) == [("o", "config.orchestration", "unknown_orchestration")]
    older = lambda kind, slug: slug == "other"  # noqa: E731
    assert found(document, older) == [("o", "config.version", "unknown_version")]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"type": "http", "config": {"url": "https://x/{{ steps.tell.output }}"}}, []),
        ({"type": "approval", "config": {}}, [("tell", "compensate.type", "unknown_type")]),
        ({"type": "nothing"}, [("tell", "compensate.type", "unknown_type")]),
        ({"type": "http", "config": {"url": "x"}}, [("tell", "compensate.config.url", "invalid")]),
        (
            {"type": "http", "config": {"url": "https://x/{{ steps.nobody.output }}"}},
            [("tell", "compensate.config.url", "unknown_step")],
        ),
        (
            {"type": "http", "config": {"url": "https://x"}, "retry": {}},
            [("tell", "compensate", "invalid")],
        ),
    ],
)
def test_a_compensation_is_an_action_that_may_read_its_own_step(changed, everything_exists, action, expected):
    """semantic 6: any step may name a compensate action; its templates see the step's own output."""
    step(changed, "tell")["compensate"] = action
    assert found(changed, everything_exists) == expected


@pytest.mark.parametrize(
    ("prompt", "code", "says"),
    [
        ("{{ input.message", "template", "template"),
        ("{{ nothing.at.all }}", "template", "nothing"),
        ("{{ steps.proposed.output }}", "unknown_step", "is it propose?"),
        ("{{ steps.zzz.output }}", "unknown_step", "There is no step zzz."),
        ("{{ steps.check.output }}", "not_upstream", "Check the proposal"),
        ("{{ steps.propose.output }}", "not_upstream", "the step itself"),
        ("{{ steps.policy.result }}", "unknown_name", "steps.policy.output.result"),
        ("{{ steps.policy.output.hits }}", "unknown_name", "has no hits; it has results"),
        ("{{ steps.classify.output.labels }}", "unknown_name", "is it label?"),
        ("{{ item }}", "unknown_name", "inside a map"),
    ],
)
def test_templates_that_read_what_is_not_there(changed, everything_exists, prompt, code, says):
    step(changed, "propose")["config"]["prompt"] = prompt
    problem = next(one for one in problems(canonical(changed), everything_exists) if one.step == "propose")
    assert (problem.field, problem.code) == ("config.prompt", code)
    assert says in problem.message


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ steps.classify.output.label }}{{ steps.policy.status }}{{ steps.policy.error.message }}",
        "{{ rollback.reason }} {{ rollback.count }} {{ run.id }} {{ input.anything }}",
        "{{ steps.classify.output.items() }}",
        "{% for s in steps.policy.output.results %}{{ s.text }}{% endfor %}{{ 1 }}",
    ],
)
def test_templates_that_read_what_is_upstream_are_fine(changed, everything_exists, prompt):
    step(changed, "propose")["config"]["prompt"] = prompt
    assert found(changed, everything_exists) == []


def test_expressions_are_read_like_templates(changed, everything_exists):
    step(changed, "route")["config"]["cases"][0]["when"] = "steps.tell.output.done"
    step(changed, "check")["config"]["checks"][0]["when"] = "value >"
    assert found(changed, everything_exists) == [
        ("check", "config.checks.0.when", "template"),
        ("route", "config.cases.0.when", "not_upstream"),
    ]


def test_a_config_that_breaks_its_schema_names_the_field(changed, everything_exists):
    step(changed, "policy")["config"] = {"base": "handbook", "k": 0, "colour": "red"}
    fields = {field for one, field, _ in found(changed, everything_exists) if one == "policy"}
    assert fields == {"config.query", "config.k", "config.colour"}


def test_a_missing_prompt_is_said_in_its_words(changed, everything_exists):
    del step(changed, "propose")["config"]["prompt"]
    assert "Prompt is missing." in [one.message for one in problems(canonical(changed), everything_exists)]


@pytest.mark.parametrize(
    ("failure", "field", "code"),
    [
        ({"action": "rollback"}, "on_failure.to", "missing"),
        ({"action": "rollback", "to": "nobody"}, "on_failure.to", "unknown_step"),
        ({"action": "rollback", "to": "tell"}, "on_failure.to", "not_upstream"),
        ({"action": "continue"}, "on_failure.action", "cannot_continue"),
    ],
)
def test_an_answer_to_failure_that_cannot_work(changed, everything_exists, failure, field, code):
    step(changed, "approve")["on_failure"] = failure
    assert ("approve", field, code) in found(changed, everything_exists)


@pytest.mark.parametrize(("key", "to"), [("check", "check"), ("check", "classify"), ("approve", "propose")])
def test_a_rollback_to_itself_or_upstream_is_fine(changed, everything_exists, key, to):
    step(changed, key)["on_failure"] = {"action": "rollback", "to": to}
    assert found(changed, everything_exists) == []


@pytest.mark.parametrize(
    ("declared", "field"),
    [
        ({"type": "objekt"}, "input"),
        ({"type": "array"}, "input.type"),
        ({"properties": {"a": {"type": 5}}}, "input"),
    ],
)
def test_an_input_that_is_no_schema_of_an_object(changed, everything_exists, declared, field):
    changed["input"] = declared
    assert (None, field, "bad_schema") in found(changed, everything_exists)


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ({"a": "{{ steps.nobody.output }}"}, "unknown_step"),
        ({"a": ["{{ steps.approve.output.remark }}"]}, "unknown_name"),
        ("{{ rollback.count }}", "unknown_name"),
        ("{{ 1 +", "template"),
    ],
)
def test_an_output_mapping_that_cannot_be_worked_out(changed, everything_exists, output, code):
    changed["output"] = output
    assert [(one, wrong) for one, _, wrong in found(changed, everything_exists)] == [(None, code)]


def test_a_document_that_is_no_graph_has_that_one_problem(changed, everything_exists):
    changed["edges"].append({"source": "tell", "target": "classify"})
    assert [code for _, _, code in found(changed, everything_exists)] == ["cycle"]


def test_the_page_lists_a_problem_with_the_names_people_know(changed, everything_exists):
    step(changed, "route")["config"]["cases"][1]["when"] = ""
    step(changed, "check")["config"]["checks"][0]["when"] = "("
    shown = views(changed, problems(canonical(changed), everything_exists))
    assert {(one["title"], one["label"]) for one in shown} == {
        ("How much?", "Cases 2 When"),
        ("Check the proposal", "Checks 1 Passes when"),
    }


def test_the_nearest_word_is_guessed_or_none_is():
    assert nearest("emial", ["email", "name"]) == "email"
    assert nearest("xyz", ["email", "name"]) == ""


@pytest.mark.parametrize(
    "config",
    [
        {"cases": None},
        {"cases": [None, 5, "x", {"port": 5}, {"when": []}]},
        {"prompt": {"a": []}, "model": 5, "knowledge": "all"},
        {"checks": [{"kind": "regex", "pattern": "("}, {"kind": []}], "value": None},
        {"url": {}, "headers": [], "expect_status": [[]]},
        {"output": "{{ " * 500},
        {"assignees": [{}, 5], "role": {}, "evidence": [5]},
        {"output_schema": {"$ref": "#/nope", "type": 5}},
    ],
)
@pytest.mark.parametrize(
    "kind", ["llm", "http", "retrieve", "approval", "validation", "condition", "transform", "delay"]
)
def test_a_hostile_config_gives_problems_and_never_an_exception(kind, config, everything_exists):
    document = canonical({"name": "x", "steps": [{"key": "a", "type": kind, "config": config}]})
    assert problems(document, everything_exists)
