"""The LLM step asks a model, with passages, and gives its answer with what lies beside it."""

from __future__ import annotations

import pytest

import steps
from agents import verbs
from agents.gateway import GatewayError
from agents.models import LLMModel
from steps.base import Cancelled, StepError
from steps.llm import Llm
from steps.templates import evaluate

KNOWLEDGE = [{"base": "handbook", "query": "returns", "k": 2}]


def run(at_work, **config):
    return Llm().run(at_work({"agent": "support", "prompt": "Why?", **config}))


def test_text_is_the_output_and_its_cost_lies_beside(at_work, model):
    result = run(at_work)
    assert result.output == {"text": "An answer."}
    assert result.usage == {"input_tokens": 10, "output_tokens": 2}
    assert result.cost == 0.5
    assert result.line == "12 tokens"
    assert at_work.emitted == ["An ", "answer."]


def test_an_object_by_its_schema_is_the_output(at_work, model):
    model.answers = [{"label": "refund"}]
    wanted = {"type": "object", "properties": {"label": {"type": "string"}}}
    assert run(at_work, output_schema=wanted).output == {"label": "refund"}
    assert model.requests[0].output_schema == wanted


def test_the_request_carries_what_was_set(at_work, model):
    run(at_work, system="Be brief.", temperature=0, max_tokens=9)
    [request] = model.requests
    assert (request.system, request.prompt) == ("Be brief.", "Why?")
    assert (request.temperature, request.max_tokens) == (0, 9)
    assert request.idempotency_key == "run-1:step:1:0"
    assert 28 < request.timeout_s < 30


def test_the_agents_settings_count_where_the_step_says_nothing(at_work, model):
    wanted = {"type": "object"}
    model.settings = verbs.ModelSettings(
        model=LLMModel(name="Small"),
        instructions="You are support.",
        temperature=0.2,
        max_tokens=50,
        output_schema=wanted,
    )
    run(at_work, system="Be brief.", max_tokens=9)
    [request] = model.requests
    assert request.system == "You are support.\n\nBe brief."
    assert (request.temperature, request.max_tokens, request.output_schema) == (0.2, 9, wanted)


def test_passages_are_looked_up_and_become_citations(at_work, model, base):
    result = run(at_work, knowledge=KNOWLEDGE)
    assert base.asked == [("handbook", "returns", 2, None)]
    assert [passage.text for passage in model.requests[0].passages] == ["Passage 1", "Passage 2"]
    assert [citation["number"] for citation in result.citations] == [1, 2]


def test_the_prompt_is_the_question_where_none_is_given_and_passages_come_once(at_work, model, base):
    model.settings = verbs.ModelSettings(model=LLMModel(name="Small"), knowledge=["handbook"])
    run(at_work, knowledge=[{"base": "handbook"}])
    assert base.asked == [("handbook", "Why?", 4, None)] * 2
    assert len(model.requests[0].passages) == 4


def test_an_expression_can_hold_an_answer_to_its_citations(at_work, model, base):
    citations = run(at_work, knowledge=KNOWLEDGE).citations
    scope = {"steps": {"draft": {"output": {"text": "x"}, "citations": citations}}}
    assert evaluate("steps.draft.citations|selectattr('drawn_on')|list|length == 1", scope) is True
    assert evaluate("steps.draft.citations|length == 2", scope) is True


@pytest.mark.parametrize("retryable", [True, False])
def test_a_failure_of_the_gateway_fails_the_step_in_its_words(at_work, model, retryable):
    model.answers = [
        GatewayError(
            "“Small” is busy.",
            code="rate_limited",
            retryable=retryable,
            sent="Why?",
            received="429",
            status=429,
        )
    ]
    with pytest.raises(StepError) as caught:
        run(at_work)
    error = caught.value
    assert (error.message, error.code, error.retryable) == ("“Small” is busy.", "rate_limited", retryable)
    assert (error.sent, error.received, error.details) == ("Why?", "429", {"status": 429})


def test_a_cancel_during_the_call_is_a_cancel(at_work, model):
    model.answers = [GatewayError("The call was cancelled.", code="cancelled")]
    with pytest.raises(Cancelled):
        run(at_work)


def test_an_agent_that_is_gone_fails_the_step(at_work, model):
    with pytest.raises(StepError, match="no agent") as caught:
        Llm().run(at_work({"agent": "gone", "prompt": "Why?"}))
    assert not caught.value.retryable
    assert model.requests == []


def test_an_answer_that_was_cut_off_is_logged(at_work, model, monkeypatch):
    import dataclasses

    from agents import gateway

    whole = model.complete
    monkeypatch.setattr(gateway, "complete", lambda request: dataclasses.replace(whole(request), cut=True))
    run(at_work)
    assert [level for level, *_ in at_work.logs] == ["info", "warning"]


@pytest.mark.parametrize(
    ("config", "field", "code"),
    [
        ({"prompt": "x"}, "config", "invalid"),
        ({"agent": "gone", "prompt": "x"}, "config.agent", "unknown_agent"),
        ({"model": "gone", "prompt": "x"}, "config.model", "unknown_model"),
        ({"model": "small"}, "config.prompt", "invalid"),
        (
            {"model": "small", "prompt": "x", "knowledge": [{"base": "gone"}]},
            "config.knowledge.0.base",
            "unknown_base",
        ),
        (
            {"model": "small", "prompt": "x", "output_schema": {"type": "text"}},
            "config.output_schema",
            "invalid",
        ),
        (
            {"model": "small", "prompt": "x", "output_schema": {"type": "array"}},
            "config.output_schema",
            "invalid",
        ),
        ({"model": "small", "prompt": "x", "tools": ["search"]}, "config.tools.0", "unknown_tool"),
        ({"model": "small", "prompt": "x", "temperature": 3}, "config.temperature", "invalid"),
        ({"model": "small", "prompt": "x", "wisdom": 3}, "config.wisdom", "invalid"),
        ({"model": "small", "prompt": "{{ input.x"}, "config.prompt", "template"),
    ],
)
def test_what_cannot_work_is_a_problem_with_its_field(config, field, code):
    found = steps.config_problems("ask", "llm", config, lambda kind, slug: slug == "small")
    assert [(problem.field, problem.code) for problem in found] == [(field, code)]


def test_the_card_says_who_is_asked():
    assert Llm().line({"agent": "support", "model": "small"}) == "support"
    assert Llm().line({}) == "no agent or model yet"
