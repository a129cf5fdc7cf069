"""Steps on the real gateway, the real search and stored credentials."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import steps
from agents import verbs
from agents.models import Credential
from steps.base import StepError
from tests import aimock

LABEL = {"type": "object", "properties": {"label": {"enum": ["refund", "other"]}}, "required": ["label"]}


def run(at_work, kind, **config):
    return steps.get(kind).run(at_work(config))


def test_retrieve_finds_the_passage_that_answers(at_work, handbook):
    [first, *_] = run(at_work, "retrieve", base="handbook", query="Where is the refund paid?", k=1).output[
        "results"
    ]
    assert "paid to the card" in first["text"]
    assert first["document"] == "Handbook.md"
    assert 0 < first["score"] <= 1
    assert first["chunk"] >= 1
    assert first["page"] is None


@pytest.mark.django_db(transaction=True)
def test_retrieve_says_that_a_base_is_gone(at_work):
    with pytest.raises(StepError, match="no knowledge base 'gone'") as caught:
        run(at_work, "retrieve", base="gone", query="x")
    assert caught.value.code == "unknown_base"


def test_retrieve_says_why_a_search_is_refused(at_work, handbook):
    with pytest.raises(StepError, match="needs a question"):
        run(at_work, "retrieve", base="handbook", query="   ")


def test_an_answer_comes_with_text_tokens_cost_and_the_passages_it_was_given(
    at_work, handbook, support, mock
):
    result = run(
        at_work,
        "llm",
        agent="support",
        system="Be brief.",
        prompt="What is the refund policy?",
        knowledge=[{"base": "handbook", "query": "returned within 30 days", "k": 2}],
    )
    assert result.output == {"text": "Items can be returned within 30 days with a receipt."}
    assert "".join(at_work.emitted) == result.output["text"]
    assert result.usage["input_tokens"] > 0
    assert result.cost == pytest.approx(result.usage["input_tokens"])
    assert result.citations[0]["document"] == "Handbook.md"
    assert result.citations[0]["drawn_on"] is True
    body = str(aimock.asked(mock)[-1]["body"])
    assert "You are support." in body
    assert "Be brief." in body
    assert "returned within 30 days" in body


def test_an_object_by_its_schema_is_the_output(at_work, support):
    assert run(at_work, "llm", model="mock", prompt="answer in JSON", output_schema=LABEL).output == {
        "label": "refund"
    }


@pytest.mark.parametrize(
    ("prompt", "code", "retryable"),
    [
        ("fail with 401", "bad_key", False),
        ("fail with 429", "rate_limited", True),
        ("fail with 500", "provider_failed", True),
        ("answer in another shape", "output_invalid", True),
    ],
)
def test_a_failure_says_whether_to_try_again(at_work, support, prompt, code, retryable):
    with pytest.raises(StepError) as caught:
        run(at_work, "llm", agent="support", prompt=prompt, output_schema=LABEL)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert prompt in caught.value.sent
    assert "sk-1" not in caught.value.sent + caught.value.received


def test_a_slow_model_runs_into_the_steps_time_and_says_so(at_work, support):
    with pytest.raises(StepError) as caught:
        steps.get("llm").run(at_work({"agent": "support", "prompt": "speak slowly"}, timeout_s=2))
    assert caught.value.code == "timeout"
    assert caught.value.retryable


@pytest.mark.django_db(transaction=True)
def test_an_agent_or_model_that_is_gone_or_off_fails_the_step(at_work, support):
    with pytest.raises(StepError, match="There is no agent"):
        run(at_work, "llm", agent="gone", prompt="x")
    support.is_active = False
    support.save()
    with pytest.raises(StepError, match="switched off"):
        run(at_work, "llm", agent="support", prompt="x")


class Echo(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        said = (self.headers.get("Authorization") or self.headers.get("X-Key") or "nothing").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        # Before the answer goes out: a caller who has read it may look at once.
        self.server.got.append(said.decode())
        self.wfile.write(said)


@pytest.fixture
def echo(settings):
    """A server that gives back what it was authenticated with."""
    server = HTTPServer(("127.0.0.1", 0), Echo)
    server.got = []
    settings.HTTP_ALLOW = [f"127.0.0.1:{server.server_port}"]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "fields", "header"),
    [
        ("bearer", {}, "Bearer s3cr3t"),
        ("header", {"header": "X-Key"}, "s3cr3t"),
        ("basic", {"username": "me"}, "Basic bWU6czNjcjN0"),
    ],
)
def test_a_stored_credential_reaches_the_server_and_nobody_else(at_work, echo, kind, fields, header):
    credential = Credential(name="ERP", slug="erp", kind=kind, **fields)
    verbs.set_secret(credential, "s3cr3t")
    credential.save()
    result = run(at_work, "http", url=f"http://127.0.0.1:{echo.server_port}/", credential="erp")
    assert echo.got == [header]
    assert "s3cr3t" not in str(result)
    assert "bWU6czNjcjN0" not in str(result)
    assert "s3cr3t" not in str(at_work.logs)


@pytest.mark.django_db(transaction=True)
def test_a_credential_that_is_gone_fails_the_step_before_anything_is_sent(at_work, echo):
    with pytest.raises(StepError, match="no credential") as caught:
        run(at_work, "http", url=f"http://127.0.0.1:{echo.server_port}/", credential="gone")
    assert caught.value.code == "credential"
    assert echo.got == []
