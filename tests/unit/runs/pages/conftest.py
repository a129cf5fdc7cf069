"""A run told by the engine itself: commands in, the scene of a page out. No database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import steps
from builder import graph as graphs
from runs.engine import commands
from runs.engine.decide import decide
from runs.engine.state import fold, new_state
from runs.pages.drawing import draw
from runs.pages.sentences import Scene
from runs.pages.words import Voice

BEGAN = datetime(2026, 11, 24, 10, 42, 0, tzinfo=UTC)
DOCUMENT = {
    "name": "Refund",
    "steps": [
        {"key": "draft", "type": "llm", "name": "Draft", "config": {"prompt": "Write"}},
        {
            "key": "check", "type": "validation", "name": "Check", "config": {"value": 1, "checks": []},
            "on_failure": {"action": "rollback", "to": "draft", "max_times": 2},
        },
        {
            "key": "route", "type": "condition", "name": "How much?",
            "config": {"mode": "first", "cases": [{"port": "large", "label": "over 50", "when": "true"}]},
        },
        {
            "key": "ask", "type": "approval", "name": "Team lead decides",
            "config": {"message": "Pay?", "assignees": ["mary", "omar"], "expires_s": 60},
        },
        {"key": "pay", "type": "http", "name": "Pay", "config": {"method": "GET", "url": "http://x"},
         "retry": {"max_attempts": 3, "delay_s": 10}},
        {"key": "refuse", "type": "transform", "name": "Refuse", "config": {"output": 1}},
    ],
    "edges": [
        {"source": "draft", "target": "check"},
        {"source": "check", "target": "route"},
        {"source": "route", "target": "ask", "port": "large"},
        {"source": "route", "target": "refuse", "port": "else"},
        {"source": "ask", "target": "pay", "port": "approved"},
        {"source": "ask", "target": "refuse", "port": "rejected"},
    ],
}  # fmt: skip


class Story:
    """One run, told second by second."""

    def __init__(self, document: dict[str, Any] = DOCUMENT) -> None:
        self.document = document
        self.graph = graphs.build(document, steps.ports_of)
        self.state = new_state(self.graph)
        self.now = BEGAN
        self.entries: list[tuple[int, datetime, list[dict[str, Any]]]] = []
        self.do(commands.Start({"amount": 140}, {"id": "1", "username": "anna"}, 7))

    def wait(self, seconds: float) -> Story:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        return self

    def do(self, command: Any) -> Story:
        """Let something happen."""
        events = decide(self.graph, self.state, command, self.now, worker="here")
        if events:
            seq = self.state.seq + 1
            fold(self.graph, self.state, seq, self.now.isoformat(timespec="milliseconds"), events)
            self.entries.append((seq, self.now, events))
        return self

    def complete(self, key: str, *ports: str, **more: Any) -> Story:
        """The step ends well, on its usual way out or on ``ports``."""
        step = self.state.steps[key]
        return self.do(commands.Complete(key, step.epoch, step.attempt, ports or ("success",), **more))

    def fail(self, key: str, message: str, **error: Any) -> Story:
        """The step's attempt fails."""
        step = self.state.steps[key]
        error = {"code": "x", "message": message, "retryable": False, "details": {}, **error}
        return self.do(commands.Fail(key, step.epoch, step.attempt, error))

    def ask(self, key: str = "ask", **more: Any) -> Story:
        """The step asks people."""
        step = self.state.steps[key]
        asked = {
            "id": f"approval-{step.epoch}", "message": "Pay?", "evidence": [], "assignees": ["mary", "omar"],
            "role": "", "quorum": 1, "form": None, "allow_self": True, "channels": ["web"],
            "expires_at": None, "content_hash": "", **more,
        }  # fmt: skip
        return self.do(commands.Asked(key, step.epoch, step.attempt, asked))

    def vote(self, by: str, decision: str, comment: str = "") -> Story:
        """A person answers."""
        key = f"approval-{self.state.steps['ask'].epoch}"
        return self.do(commands.Vote(key, by, decision, comment))

    def scene(self, me: str = "anna", **more: Any) -> Scene:
        """The run as a reader sees it now."""
        drawing = draw(self.document)
        people = {"mary": "Mary Okafor", "omar": "Omar Haddad"}
        return Scene(
            Voice(self.now, me, drawing.names, people), self.graph, self.state, drawing.labels, **more
        )

    @property
    def last(self) -> list[dict[str, Any]]:
        """The events of the newest entry."""
        return self.entries[-1][2]


@pytest.fixture
def story() -> Story:
    """A run that has just started."""
    return Story()


@pytest.fixture
def asked(story: Story) -> Story:
    """A run that waits for its team lead."""
    story.wait(2).complete("draft", usage={"input_tokens": 400, "output_tokens": 14})
    return story.complete("check").complete("route", "large").ask()
