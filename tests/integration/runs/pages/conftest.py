"""People at the pages: signed-in clients, and a run that asks one of them."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.integration.runs.conftest import document

QUESTION = document(
    [
        {"key": "first", "type": "transform", "name": "Prepare", "config": {"output": {"made": "{{ input.what }}"}}},
        {
            "key": "ask", "type": "approval", "name": "Decide",
            "config": {
                "message": "Send {{ input.what }}?", "assignees": ["uma", "ada"],
                "evidence": [{"title": "Made", "value": "{{ steps.first.output.made }}"}],
            },
        },
        {"key": "send", "type": "transform", "name": "Send", "config": {"output": {"sent": True}}},
        {
            "key": "check", "type": "validation", "name": "Check",
            "config": {"value": 1, "checks": [{"kind": "expression", "when": "false", "message": "It never fits."}]},
        },
    ],
    [
        {"source": "first", "target": "ask"},
        {"source": "ask", "target": "send", "port": "approved"},
        {"source": "ask", "target": "check", "port": "rejected"},
    ],
    input={"type": "object", "properties": {"what": {"type": "string", "minLength": 2}}, "required": ["what"]},
    name="Question",
)  # fmt: skip


@pytest.fixture
def as_():
    """``as_(person)``: a browser that is signed in."""

    def enter(person):
        client = Client()
        client.force_login(person)
        return client

    return enter


@pytest.fixture
def asking(lab, user):
    """A run of Uma's that waits for her or Ada."""
    orchestration = lab.publish(QUESTION)
    lab.grant(user, "start", orchestration)
    from runs import verbs

    run = verbs.start(user, orchestration, {"what": "a parcel"})
    lab.drain()
    return lab.fresh(run)


@pytest.fixture
def question(asking):
    """What that run asks."""
    return asking.approvals.get()
