"""What goes over the wire, byte by byte: the mock's own journal translates it."""

from __future__ import annotations

import json

import httpx2
import pytest

from agents import loop, secrets
from agents.gateway import Request, complete
from agents.models import Credential, LLMModel

LABEL = {
    "type": "object",
    "properties": {"label": {"type": "string"}},
    "required": ["label"],
    "additionalProperties": False,
}
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"label": "a"}'}}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
RESPONSE = {
    "id": "r",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "m",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": '{"label": "a"}', "annotations": []}],
        }
    ],
    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}


@pytest.fixture
def wire(monkeypatch):
    """The requests that went out; they get a canned answer."""
    sent = []

    def answer(request):
        sent.append(request)
        return httpx2.Response(200, json=RESPONSE if request.url.path.endswith("/responses") else CHAT)

    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    monkeypatch.setattr("agents.providers.wire.http_client", lambda **_: client)
    loop.shut_down()  # models are kept with the client that they were made with
    yield sent
    loop.shut_down()


@pytest.fixture
def environment(monkeypatch):
    """Variables that OpenAI's SDK reads by itself."""
    monkeypatch.setenv("OPENAI_ORG_ID", "our-organisation")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "our-project")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "our-admin-key")
    monkeypatch.setenv("OPENAI_API_KEY", "our-key")


def model(provider, **fields):
    return LLMModel(name="M", slug="m", provider=provider, model_name="gpt-4o-mini", **fields)


def test_openai_gets_the_schema_and_stores_nothing(wire, settings):
    settings.OPENAI_API_KEY = "sk-ours"
    reply = complete(Request(model("openai"), "Which?", output_schema=LABEL))
    assert reply.data == {"label": "a"}
    (request,) = wire
    body = json.loads(request.content)
    assert str(request.url) == "https://api.openai.com/v1/responses"
    assert request.headers["authorization"] == "Bearer sk-ours"
    assert body["store"] is False
    assert body["text"]["format"]["type"] == "json_schema"
    assert body["text"]["format"]["schema"]["properties"] == LABEL["properties"]


def test_a_compatible_server_gets_the_schema_twice_for_those_that_read_it_only_in_the_prompt(wire):
    compatible = model("openai_compatible", base_url="http://llm.test/v1")
    reply = complete(Request(compatible, "Which?", system="Be brief.", output_schema=LABEL))
    assert reply.data == {"label": "a"}
    body = json.loads(wire[0].content)
    assert body["response_format"]["type"] == "json_schema"
    assert "label" in body["messages"][0]["content"]


def test_the_key_is_the_models_own_credential(wire, settings):
    settings.OPENAI_API_KEY = "sk-ours"
    key = Credential(name="Key", slug="key", secret_encrypted=secrets.encrypt("sk-of-the-model"))
    complete(Request(model("openai", credential=key), "Which?"))
    assert wire[0].headers["authorization"] == "Bearer sk-of-the-model"


@pytest.mark.usefixtures("environment")
def test_nothing_of_our_openai_account_reaches_another_server(wire):
    complete(Request(model("openai_compatible", base_url="http://llm.test/v1"), "Which?"))
    assert "our-" not in str(wire[0].headers.raw) + wire[0].content.decode()
