"""A step's context without a run around it, and a model and a knowledge base without a server."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from agents import gateway, verbs
from agents.models import LLMModel
from orchestrator.errors import NotFound
from steps import retrieve
from steps.base import StepContext, StepError


class Recorder:
    """Makes contexts and remembers what their steps logged and emitted."""

    def __init__(self):
        self.logs = []
        self.emitted = []
        self.stops = []
        self.stopped = False

    def __call__(self, config, scope=None, *, timeout_s=30.0, **more):
        end = time.monotonic() + timeout_s
        given = {
            "run_id": "run-1",
            "key": "step",
            "name": "Step",
            "epoch": 1,
            "attempt": 1,
            "config": config,
            "scope": scope or {"input": {}, "steps": {}, "run": {"id": "run-1"}},
            "user_id": None,
            "timeout_s": timeout_s,
            "log": lambda level, message, **data: self.logs.append((level, message, data)),
            "emit": self.emitted.append,
            "cancelled": lambda: self.stopped,
            "remaining_s": lambda: end - time.monotonic(),
            "on_cancel": self.stops.append,
        }
        return StepContext(**{**given, **more})

    def cancel(self):
        """Cancel the step as the runtime does it: the flag first, then the callbacks."""
        self.stopped = True
        for stop in self.stops:
            stop()


@pytest.fixture
def at_work():
    return Recorder()


class Model:
    """Stands in for the gateway: answers with `answers` in turn, raises those that are errors."""

    def __init__(self):
        self.settings = verbs.ModelSettings(model=LLMModel(name="Small", slug="small"))
        self.answers = ["An answer."]
        self.requests = []

    def resolve(self, *, agent="", model=""):
        if {agent, model} - {"", "support", "small"}:
            raise NotFound(f"There is no agent “{agent or model}”.", slug=agent or model)
        return self.settings

    def complete(self, request):
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        if request.on_text:
            request.on_text("An ")
            request.on_text("answer.")
        citations = [
            {"number": n, "text": p.text, "drawn_on": n == 1} for n, p in enumerate(request.passages, 1)
        ]
        return gateway.Reply(
            text=answer if isinstance(answer, str) else "{}",
            data=None if isinstance(answer, str) else answer,
            usage={"input_tokens": 10, "output_tokens": 2},
            cost=0.5,
            citations=citations,
            model="small-1",
            took_s=0.1,
        )


@pytest.fixture
def model(monkeypatch):
    """The model that agent `support` and model `small` amount to."""
    fake = Model()
    monkeypatch.setattr(verbs, "resolve", fake.resolve)
    monkeypatch.setattr(gateway, "complete", fake.complete)
    return fake


@pytest.fixture
def base(monkeypatch):
    """The knowledge base `handbook`; `base.asked` is what was searched for."""
    hits = [
        SimpleNamespace(text=f"Passage {n}", score=1 - n / 10, document="Handbook.md", chunk=n, page=0)
        for n in range(1, 6)
    ]
    fake = SimpleNamespace(asked=[], hits=hits)

    def find(slug, query, k, min_score=None):
        if slug != "handbook":
            raise StepError(f"There is no knowledge base {slug!r}.", code="unknown_base")
        fake.asked.append((slug, query, k, min_score))
        return [hit for hit in fake.hits[:k] if hit.score >= (min_score or 0)]

    monkeypatch.setattr(retrieve, "find", find)
    return fake
