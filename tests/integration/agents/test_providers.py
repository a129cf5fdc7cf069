"""One suite for every provider that is called over the network, over the real SDK."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import pytest

from agents.gateway import GatewayError, Passage, Request, Round, ToolSpec, complete
from agents.rounds import ToolResult
from tests.integration.agents.conftest import model_at, use_key

NETWORK = ["openai", "openai_compatible", "anthropic", "gemini"]
pytestmark = pytest.mark.usefixtures("key")

LABEL = {
    "type": "object",
    "properties": {"label": {"enum": ["refund", "other"]}},
    "required": ["label"],
    "additionalProperties": False,
}
ORDER = ToolSpec(
    "find_order",
    "Says where an order is.",
    {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
)


@pytest.fixture(scope="module")
def warm(mock):
    """Every SDK is loaded: that takes seconds, and the tests here count them."""
    with pytest.MonkeyPatch.context() as patch:
        use_key(patch)
        for provider in NETWORK:
            complete(Request(model_at(mock, provider, timeout_s=60), "say hello"))


@pytest.fixture(params=NETWORK)
def model(request, model_of, warm):
    return model_of(request.param)


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def listen(request):
    """What makes the request a streamed one, and what was heard."""
    heard: list[str] = []
    return heard, ({"on_text": heard.append} if request.param else {})


def fails(request):
    with pytest.raises(GatewayError) as caught:
        complete(request)
    return caught.value


def test_an_answer_has_its_text_its_tokens_and_its_price(model, listen):
    model.input_price, model.output_price = 1.0, 10.0
    heard, streaming = listen
    reply = complete(Request(model, "say hello", **streaming))
    assert reply.text == "Hello from the mock."
    assert reply.usage == {"input_tokens": 12, "output_tokens": 6}
    assert reply.cost == pytest.approx((12 * 1 + 6 * 10) / 1e6)
    assert reply.data is None
    assert not reply.cut
    assert "".join(heard) in ("", reply.text)


def test_a_stream_arrives_in_pieces_in_the_callers_thread(model):
    heard, threads = [], set()

    def on_text(piece):
        heard.append(piece)
        threads.add(threading.current_thread())

    reply = complete(Request(model, "say hello", on_text=on_text))
    assert len(heard) > 2
    assert "".join(heard) == reply.text
    assert threads == {threading.current_thread()}


def test_what_was_asked_goes_out_whole(model, asked):
    complete(
        Request(
            model,
            "say hello",
            system="You are brief.",
            temperature=0.5,
            max_tokens=77,
            idempotency_key="run:step:1:0",
        )
    )
    (request,) = asked()
    body = str(request["body"])
    assert "You are brief." in body
    assert "77" in body
    assert request["body"]["temperature"] == 0.5
    assert request["headers"]["idempotency-key"] == "run:step:1:0"


def test_a_models_defaults_hold_where_the_request_is_silent(model, asked):
    model.defaults = {"temperature": 0.1, "max_tokens": 55}
    complete(Request(model, "say hello", max_tokens=66))
    (request,) = asked()
    assert request["body"]["temperature"] == 0.1
    assert "66" in str(request["body"])


def test_passages_go_out_numbered_and_come_back_as_citations(model, asked):
    passages = [
        Passage("Items can be returned within 30 days with a receipt.", "Handbook.md", 4, 2, 0.9),
        Passage("We are open from Monday to Friday.", "Handbook.md", 9, None, 0.4),
    ]
    reply = complete(Request(model, "What is the refund policy?", passages=passages))
    (request,) = asked()
    assert "[1] Handbook.md, page 2" in str(request["body"])
    assert "[2] Handbook.md" in str(request["body"])
    first, second = reply.citations
    assert first["drawn_on"]
    assert first["used"] == 1.0
    assert first["chunk"] == 4
    assert not second["drawn_on"]


def test_a_schema_gives_an_object(model, listen):
    reply = complete(Request(model, "answer in JSON", output_schema=LABEL, **listen[1]))
    assert reply.data == {"label": "refund"}
    assert reply.usage == {"input_tokens": 20, "output_tokens": 8}


def test_a_schema_may_be_asked_for_by_a_tool(model, listen, asked):
    model.defaults = {"structure": "tool"}
    reply = complete(Request(model, "answer a tool", output_schema=LABEL, **listen[1]))
    assert reply.data == {"label": "refund"}
    assert "json_schema" not in str(asked()[0]["body"])


def test_a_schema_may_be_asked_for_in_the_prompt(model, asked):
    model.defaults = {"structure": "prompted"}
    reply = complete(Request(model, "answer in a fence", output_schema=LABEL))
    assert reply.data == {"label": "refund"}
    assert "additionalProperties" in str(asked()[0]["body"])


def test_an_answer_of_another_shape_is_refused_and_may_be_tried_again(model, listen):
    error = fails(Request(model, "answer in another shape", output_schema=LABEL, **listen[1]))
    assert (error.code, error.retryable) == ("output_invalid", True)
    assert error.details["path"] == "label"
    assert error.details["usage"] == {"input_tokens": 20, "output_tokens": 8}
    assert "neither" in error.received


def test_prose_where_json_was_asked_for_is_refused(model):
    error = fails(Request(model, "answer in prose", output_schema=LABEL))
    assert (error.code, error.retryable) == ("output_invalid", True)


def test_an_answer_at_its_token_limit_says_so(model_of, listen):
    model = model_of("openai_compatible")  # over the Responses API, the mock leaves the reason out
    assert complete(Request(model, "answer too long", **listen[1])).cut


def test_an_object_that_is_cut_at_the_token_limit_says_so(model_of):
    error = fails(Request(model_of("openai_compatible"), "answer too long", output_schema=LABEL))
    assert (error.code, error.retryable) == ("output_invalid", True)
    assert "token limit" in error.message


@pytest.mark.parametrize(
    ("prompt", "code", "retryable"),
    [
        ("fail with 400", "bad_request", False),
        ("fail with 401", "bad_key", False),
        ("fail with 403", "forbidden", False),
        ("fail with 404", "not_found", False),
        ("fail with 408", "timeout", True),
        ("fail with 429", "rate_limited", True),
        ("fail with 500", "provider_failed", True),
        ("fail with 503", "provider_failed", True),
    ],
)
def test_a_refusal_says_whether_another_try_may_help_and_is_not_tried_in_secret(
    model, listen, asked, prompt, code, retryable
):
    error = fails(Request(model, prompt, **listen[1]))
    assert (error.code, error.retryable) == (code, retryable)
    assert error.sent == prompt
    assert error.received
    assert "“Mock”" in error.message
    assert len(asked()) == 1


def test_a_refusal_for_want_of_credit_is_not_tried_again(model, listen):
    says = "for want of credit" if model.provider.startswith("openai") else "with 402"
    error = fails(Request(model, f"fail {says}", **listen[1]))
    assert (error.code, error.retryable) == ("quota", False)


def test_a_tool_that_the_model_asks_for_is_answered_in_the_next_request(model, listen, asked):
    request = Request(model, "use a tool", tools=[ORDER], **listen[1])
    first = complete(request)
    (call,) = first.calls
    assert (call.name, json.loads(call.arguments)) == ("find_order", {"number": 4711})
    kept = json.loads(json.dumps(first.message))  # as the journal keeps it
    done = Round(kept, (ToolResult(call.id, call.name, "It has shipped."),))
    second = complete(replace(request, rounds=[done]))
    assert (second.text, second.calls) == ("Your order has shipped.", ())
    assert "It has shipped." in str(asked()[1]["body"])


def test_a_429_tells_how_long_to_wait(model, listen):
    error = fails(Request(model, "fail with 429", **listen[1]))
    assert error.details == {"status": 429, "retry_after_s": 7.0}


def test_a_key_that_the_provider_repeats_is_blotted_out(model, key):
    error = fails(Request(model, "echo my key"))
    assert "Incorrect API key provided: •••" in error.received
    assert key not in f"{error.message}{error.sent}{error.received}{error.details}"


def test_a_stream_that_breaks_off_is_no_answer(model):
    heard: list[str] = []
    error = fails(Request(model, "break off", on_text=heard.append))
    assert (error.code in ("stream_cut", "connection"), error.retryable) == (True, True)
    assert heard


def test_nothing_listening_is_a_failed_connection(model_of, listen):
    model = model_of("openai_compatible", base_url="http://127.0.0.1:9/v1")
    error = fails(Request(model, "say hello", **listen[1]))
    assert (error.code, error.retryable) == ("connection", True)


def test_the_timeout_covers_the_whole_call(model, listen):
    began = time.monotonic()
    error = fails(Request(model, "think forever", timeout_s=0.5, **listen[1]))
    assert (error.code, error.retryable) == ("timeout", True)
    assert time.monotonic() - began < 3


def test_the_timeout_ends_a_stream_that_goes_on_and_on(model):
    heard: list[str] = []
    error = fails(Request(model, "speak slowly", timeout_s=1.5, on_text=heard.append))
    assert error.code == "timeout"
    assert heard


def test_a_model_may_have_a_shorter_timeout_than_the_request(model):
    model.timeout_s = 0.5
    assert fails(Request(model, "think forever", timeout_s=60)).code == "timeout"


def test_cancelling_ends_the_call_within_a_second(model, listen):
    stop, began = threading.Event(), time.monotonic()
    error = fails(
        Request(
            model,
            "think forever",
            cancelled=stop.is_set,
            on_cancel=lambda end: threading.Timer(0.3, end).start(),
            **listen[1],
        )
    )
    assert (error.code, error.retryable) == ("cancelled", False)
    assert time.monotonic() - began < 1.3


def test_a_call_notices_by_itself_that_it_was_cancelled(model):
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    error = fails(Request(model, "think forever", cancelled=stop.is_set))
    assert error.code == "cancelled"
    assert time.monotonic() - began < 1.3


def test_a_call_that_was_cancelled_before_it_began_sends_nothing(model, asked):
    assert fails(Request(model, "say hello", cancelled=lambda: True)).code == "cancelled"
    assert asked() == []


def test_an_error_of_the_listener_ends_the_call_and_stays_what_it_is(model):
    def on_text(piece):
        raise RuntimeError("the socket is gone")

    with pytest.raises(RuntimeError, match="the socket is gone"):
        complete(Request(model, "speak slowly", on_text=on_text))


def test_many_threads_ask_at_once(model):
    replies = []
    threads = [
        threading.Thread(target=lambda: replies.append(complete(Request(model, "say hello")).text))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert replies == ["Hello from the mock."] * 16
