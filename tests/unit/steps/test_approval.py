"""An approval asks the right people the right question, or says why it cannot."""

from __future__ import annotations

import pytest

import steps
from steps.approval import Approval
from steps.base import Ask, StepError

CONFIG = {
    "message": "Refund 12 €?",
    "evidence": [{"title": "Class", "value": "refund"}, {"title": "Answer", "value": {"text": "Sorry"}}],
    "assignees": ["mary", "ben", "mary"],
    "role": "admin",
    "quorum": 2,
    "channels": ["web"],
    "expires_s": 60,
    "form": {"type": "object", "properties": {"amount": {"type": "number"}}},
    "allow_self": False,
}


def problems(users=("mary", "ben"), **config):
    config = {"message": "Go on?", **config}
    exists = lambda kind, slug: kind == "user" and slug in users  # noqa: E731
    return [(p.field, p.code) for p in steps.config_problems("ok", "approval", config, exists)]


def test_everything_that_is_asked_reaches_the_engine(at_work):
    assert Approval().run(at_work(CONFIG)) == Ask(
        message="Refund 12 €?",
        evidence=CONFIG["evidence"],
        assignees=["mary", "ben"],
        role="admin",
        quorum=2,
        expires_s=60,
        form=CONFIG["form"],
        allow_self=False,
        channels=["web"],
    )


def test_the_defaults_are_one_approval_in_the_inbox_without_end(at_work):
    ask = Approval().run(at_work({"message": "Go on?", "role": "user"}))
    assert (ask.quorum, ask.expires_s, ask.channels, ask.allow_self, ask.form) == (
        1,
        None,
        ["web"],
        True,
        None,
    )


def test_people_that_a_template_left_empty_do_not_count(at_work):
    ask = Approval().run(at_work({"message": "Go on?", "assignees": ["", None, "mary"], "role": None}))
    assert ask.assignees == ["mary"]


@pytest.mark.parametrize(
    "config",
    [
        {"assignees": []},
        {"assignees": [""]},
        {"role": ""},
        {"role": "nobody"},
        {"assignees": ["a"], "quorum": 0},
        {"assignees": ["a"], "expires_s": 0},
        {"assignees": ["a"], "form": {"type": "nothing"}},
        {"assignees": [5]},
    ],
)
def test_a_question_that_nobody_can_answer_fails(at_work, config):
    with pytest.raises(StepError) as caught:
        Approval().run(at_work({"message": "Go on?", **config}))
    assert caught.value.code == "bad_config"


@pytest.mark.parametrize("channels", [["web"], ["web", "email"], ["email"]])
def test_people_are_told_where_the_designer_said(at_work, channels):
    ask = Approval().run(at_work({"message": "Go on?", "role": "user", "channels": channels}))
    assert ask.channels == channels
    assert problems(role="admin", channels=channels) == []


def test_what_cannot_work_is_a_problem():
    assert problems() == [("config.assignees", "nobody_asked")]
    assert problems(assignees=["mary", "zoe"]) == [("config.assignees.1", "unknown_user")]
    assert problems(assignees=["mary"], quorum=2) == [("config.quorum", "quorum_unreachable")]
    assert problems(role="admin", form={"type": 3}) == [("config.form", "invalid")]
    assert problems(role="king") == [("config.role", "invalid")]
    assert problems(role="admin", message="") == [("config.message", "invalid")]
    assert problems(role="admin", evidence=[{"title": "x"}]) == [("config.evidence.0.value", "invalid")]


def test_people_from_templates_are_not_known_beforehand():
    assert problems(assignees=["{{ input.boss }}"], quorum=3) == []
    assert problems(assignees=["mary", "ben"], quorum=2) == []
    assert problems(assignees=["mary"], role="admin", quorum=5) == []


def test_the_card_says_who_is_asked():
    assert Approval().line(CONFIG) == "mary, ben, mary, Admins"
    assert Approval().line({}) == "nobody is asked yet"
