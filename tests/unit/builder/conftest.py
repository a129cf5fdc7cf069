"""Documents that the builder's unit tests begin from."""

from __future__ import annotations

import pytest

from builder.document import canonical


@pytest.fixture
def refund():
    """The contract's example, filled out: two sources, a check that rolls back, a branch, an approval."""
    return canonical(
        {
            "name": "Refund request",
            "description": "Classify, check the policy, ask a human, answer.",
            "input": {
                "type": "object",
                "properties": {"message": {"type": "string"}},
                "required": ["message"],
            },
            "steps": [
                {
                    "key": "classify",
                    "type": "llm",
                    "name": "Classify the request",
                    "config": {
                        "model": "small",
                        "prompt": "Classify: {{ input.message }}",
                        "output_schema": {
                            "type": "object",
                            "properties": {"label": {"enum": ["refund", "other"]}},
                        },
                    },
                },
                {
                    "key": "policy",
                    "type": "retrieve",
                    "name": "Find the policy",
                    "config": {"base": "handbook", "query": "{{ input.message }}"},
                },
                {
                    "key": "propose",
                    "type": "llm",
                    "name": "Propose a decision",
                    "config": {
                        "model": "small",
                        "prompt": "{{ steps.classify.output.label }}: {{ steps.policy.output.results }}",
                    },
                },
                {
                    "key": "check",
                    "type": "validation",
                    "name": "Check the proposal",
                    "config": {
                        "value": "{{ steps.propose.output.text }}",
                        "checks": [{"kind": "expression", "when": "value|length < 600"}],
                    },
                    "on_failure": {"action": "rollback", "to": "propose", "max_times": 2},
                },
                {
                    "key": "route",
                    "type": "condition",
                    "name": "How much?",
                    "config": {
                        "cases": [
                            {"port": "small", "label": "up to 50", "when": "input.amount <= 50"},
                            {
                                "port": "large",
                                "label": "over 50",
                                "when": "steps.classify.output.label == 'refund'",
                            },
                        ]
                    },
                },
                {
                    "key": "approve",
                    "type": "approval",
                    "name": "Team lead decides",
                    "config": {"message": "Refund {{ input.message }}?", "assignees": ["mary"]},
                },
                {"key": "tell", "type": "transform", "name": "Tell", "config": {"output": {"done": True}}},
            ],
            "edges": [
                {"source": "classify", "target": "propose"},
                {"source": "policy", "target": "propose"},
                {"source": "propose", "target": "check"},
                {"source": "check", "target": "route"},
                {"source": "route", "port": "small", "target": "tell"},
                {"source": "route", "port": "large", "target": "approve"},
                {"source": "approve", "port": "approved", "target": "tell"},
            ],
            "output": {"answer": "{{ steps.approve.output.comment }}"},
        }
    )


@pytest.fixture
def everything_exists():
    """A lookup to which every name is known."""
    return lambda kind, slug: True
