"""A form asks one person, or says why it cannot."""

from __future__ import annotations

import pytest

import steps
from steps import form
from steps.base import Ask, StepError
from steps.form import Form

SCHEMA = {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}


@pytest.fixture(autouse=True)
def people(monkeypatch):
    monkeypatch.setattr(form, "is_user", lambda name: name in ("mary", "ben"))


def problems(**config):
    config = {"message": "How much?", "schema": SCHEMA, **config}
    exists = lambda kind, slug: kind == "user" and slug == "mary"  # noqa: E731
    return [(p.field, p.code) for p in steps.config_problems("ask", "form", config, exists)]


def asked(at_work, user="ben", **config):
    scope = {"input": {}, "steps": {}, "run": {"id": "run-1", "user": user}}
    return Form().run(at_work({"message": "How much?", "schema": SCHEMA, **config}, scope))


def test_everything_that_is_asked_reaches_the_engine(at_work):
    assert asked(at_work, assignee=" mary ", expires_s=60) == Ask(
        kind="form", message="How much?", evidence=[], assignees=["mary"], role="", quorum=1,
        expires_s=60, form=SCHEMA, allow_self=True, channels=["web"],
    )  # fmt: skip


@pytest.mark.parametrize("nobody", [{}, {"assignee": None}, {"assignee": ""}])
def test_who_started_the_run_is_asked_where_nobody_is_named(at_work, nobody):
    assert asked(at_work, **nobody).assignees == ["ben"]


@pytest.mark.parametrize(
    ("user", "config", "code"),
    [
        (None, {}, "nobody_asked"),
        ("ben", {"assignee": "zoe"}, "unknown_user"),
        ("ben", {"assignee": 5}, "bad_config"),
        ("ben", {"schema": {"type": "nothing"}}, "bad_config"),
        ("ben", {"schema": {"type": "string"}}, "bad_config"),
        ("ben", {"expires_s": 0}, "bad_config"),
    ],
)
def test_a_form_that_nobody_can_fill_in_fails(at_work, user, config, code):
    with pytest.raises(StepError) as caught:
        asked(at_work, user, **config)
    assert caught.value.code == code


def test_what_cannot_work_is_a_problem():
    assert problems() == []
    assert problems(assignee="zoe") == [("config.assignee", "unknown_user")]
    assert problems(assignee="{{ input.boss }}") == []
    assert problems(schema={"type": "string"}) == [("config.schema", "invalid")]
    assert problems(schema={"type": 3}) == [("config.schema", "invalid")]
    assert problems(message="") == [("config.message", "invalid")]


def test_the_card_says_who_is_asked_for_what():
    assert Form().line({"schema": SCHEMA}) == "who started the run: amount"
    assert Form().line({"schema": SCHEMA, "assignee": "mary"}) == "mary: amount"
    assert Form().line({}) == "who started the run"
