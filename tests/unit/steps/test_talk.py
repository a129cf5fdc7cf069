"""An LLM step with tools: rounds within bounds, arguments checked, every call journaled once."""

from __future__ import annotations

import json

import pytest

from agents import gateway, verbs
from agents.models import LLMModel, Tool
from steps import tools
from steps.base import StepError, StepResult
from steps.llm import Llm

NUMBER = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}


def asks(*calls):
    """A model's answer that asks for tools: (name, arguments)."""
    wanted = tuple(
        gateway.ToolCall(f"call-{n}", name, json.dumps(given)) for n, (name, given) in enumerate(calls)
    )
    return gateway.Reply(
        "",
        None,
        {"input_tokens": 10, "output_tokens": 2},
        0.5,
        [],
        "small-1",
        0.1,
        False,
        wanted,
        {"said": 1},
    )


def says(text):
    return gateway.Reply(text, None, {"input_tokens": 20, "output_tokens": 3}, 0.7, [], "small-1", 0.1)


class Journal:
    """The ledger that a run's door writes: what was answered is given again, and nothing is sent."""

    def __init__(self):
        self.receipts = {}
        self.sent = []
        self.crash_before = None

    def door(self, call, what, send):
        if call not in self.receipts:
            if call == self.crash_before:
                raise SystemExit  # the process is gone
            self.sent.append(what.split(" {")[0])
            self.receipts[call] = json.loads(json.dumps(send(f"run-1:step:1:{call}")))
        return self.receipts[call]


@pytest.fixture
def talk(monkeypatch, at_work):
    """Run a step with the tools `find_order` and `search`; the model answers in turn, by the rounds it saw."""
    known = {
        "find_order": Tool(
            name="F",
            slug="find_order",
            config={"url": "https://x.example/{{ input.number }}", "arguments": NUMBER},
        ),
        "search": Tool(name="S", slug="search", kind="knowledge", config={"base": "handbook"}),
    }
    monkeypatch.setattr(tools, "named", lambda slugs: {slug: known[slug] for slug in slugs})
    monkeypatch.setattr(tools.Http, "run", lambda self, context: http(context))
    settings = verbs.ModelSettings(model=LLMModel(name="Small", slug="small"), tools=["find_order", "search"])
    monkeypatch.setattr(verbs, "resolve", lambda **_: settings)
    requests, used = [], []

    def http(context):
        used.append((context.config["url"], context.idempotency_key()))
        if context.config["url"].endswith("/13"):
            raise StepError("x.example answered 500.", code="http_status", retryable=True, received="oh no")
        return StepResult(output={"status": 200, "headers": {"x": "y"}, "json": {"state": "sent"}})

    def run(*answers, journal=None, **config):
        def complete(request):
            requests.append(request)
            return answers[len(request.rounds)]

        monkeypatch.setattr(gateway, "complete", complete)
        more = {"door": journal.door} if journal else {}
        return Llm().run(at_work({"agent": "support", "prompt": "Where is it?", **config}, **more))

    run.requests, run.used = requests, used
    return run


def results(talk, number=-1):
    return [result.text for done in talk.requests[number].rounds for result in done.results]


def test_the_model_is_told_what_its_tools_gave_and_pays_for_every_round(talk):
    result = talk(asks(("find_order", {"number": 7})), says("It was sent."))
    assert result.output == {"text": "It was sent."}
    assert result.usage == {"input_tokens": 30, "output_tokens": 5}
    assert result.cost == pytest.approx(1.2)
    assert results(talk) == ['{"status":200,"json":{"state":"sent"}}']
    assert [tool.name for tool in talk.requests[0].tools] == ["find_order", "search"]
    assert talk.requests[0].tools[0].schema == NUMBER


def test_several_tools_of_a_round_are_used_in_order(talk, base):
    talk(asks(("search", {"query": "returns"}), ("find_order", {"number": 7})), says("Done."))
    assert base.asked == [("handbook", "returns", 5, None)]
    assert [key for _, key in talk.used] == ["run-1:step:1:2"]


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("find_order", {"number": "seven"}, "The arguments do not fit: number must be a whole number."),
        ("find_order", {}, "The arguments do not fit: number is missing."),
        ("find_order", [], "The arguments must be an object."),
        ("find_order", {"number": 13}, "x.example answered 500.\noh no"),
        ("delete_all", {}, "There is no tool 'delete_all'. There are: find_order, search."),
    ],
)
def test_what_goes_wrong_in_a_tool_is_told_to_the_model(talk, name, given, text):
    assert talk(asks((name, given)), says("Sorry.")).output == {"text": "Sorry."}
    assert text in results(talk)[0]


def test_rounds_are_bounded_and_what_they_cost_is_told(talk):
    again = asks(("find_order", {"number": 7}))
    with pytest.raises(StepError) as caught:
        talk(again, again, again, again, max_rounds=2)
    assert (caught.value.code, caught.value.retryable) == ("too_many_rounds", False)
    assert caught.value.details["usage"] == {"input_tokens": 30, "output_tokens": 6}
    assert len(talk.requests) == 3
    assert len(talk.used) == 2


@pytest.mark.parametrize("crash_before", range(9))
def test_a_crash_anywhere_repeats_nothing_that_was_answered(talk, crash_before):
    again = asks(("find_order", {"number": 7}))
    answers = [again, again, again, again, says("It was sent.")]
    journal = Journal()
    journal.crash_before = crash_before
    with pytest.raises(SystemExit):
        talk(*answers, journal=journal)
    journal.crash_before = None
    result = talk(*answers, journal=journal)
    assert result.output == {"text": "It was sent."}
    assert result.usage == {"input_tokens": 60, "output_tokens": 11}
    assert journal.sent == ["Ask small", "Use find_order"] * 4 + ["Ask small"]
    assert len(talk.requests) == 5
    assert len(talk.used) == 4


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("a/../../admin", "a%2F..%2F..%2Fadmin"),
        ("7?admin=1", "7%3Fadmin%3D1"),
        ("7#x", "7%23x"),
        ("@evil.example/", "%40evil.example%2F"),
        ("\r\nHost: evil.example", "%0D%0AHost%3A%20evil.example"),
        ("{{ run.id }}", "%7B%7B%20run.id%20%7D%7D"),
    ],
)
def test_a_models_value_stays_within_its_place_of_the_address(value, path):
    tool = Tool(name="T", slug="t", config={"url": "https://x.example/orders/{{ input.id }}"})
    assert tools.request(tool, {"id": value})["url"] == f"https://x.example/orders/{path}"


@pytest.mark.parametrize("value", [".", "..", " .. "])
def test_a_model_does_not_climb_out_of_the_address(value):
    tool = Tool(name="T", slug="t", config={"url": "https://x.example/orders/{{ input.id }}"})
    with pytest.raises(StepError):
        tools.request(tool, {"id": value})


def test_a_body_keeps_the_types_of_the_arguments():
    body = {"order": "{{ input.number }}", "note": "for {{ input.who }}"}
    tool = Tool(name="T", slug="t", config={"url": "https://x.example/", "method": "POST", "json": body})
    made = tools.request(tool, {"number": 7, "who": "Ada & Co"})
    assert made["json"] == {"order": 7, "note": "for Ada & Co"}
