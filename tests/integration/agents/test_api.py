"""REST: lists without secrets, and the test call."""

from __future__ import annotations

import pytest

from agents import secrets
from agents.gateway import GatewayError, Reply
from agents.models import Agent, Credential, LLMModel, Tool

pytestmark = pytest.mark.django_db
SECRET = "sk-never-shown-4711"
LISTS = ["llm-models", "agents", "tools", "credentials"]


@pytest.fixture(autouse=True)
def rows():
    key = Credential.objects.create(name="Key", slug="key", secret_encrypted=secrets.encrypt(SECRET))
    model = LLMModel.objects.create(
        name="GPT", slug="gpt", provider="openai", model_name="gpt-4o-mini", credential=key
    )
    agent = Agent.objects.create(name="Support", slug="support", model=model)
    tool = Tool.objects.create(name="Look up", slug="lookup", credential=key)
    return dict(zip(LISTS, (model, agent, tool, key), strict=True))


def get(client, person, path):
    client.force_login(person)
    return client.get(f"/api/v1/{path}")


@pytest.mark.parametrize("name", LISTS)
def test_designers_list_and_open_each_without_a_secret(client, admin, rows, name):
    listed = get(client, admin, f"{name}/?search={rows[name].slug}")
    opened = get(client, admin, f"{name}/{rows[name].pk}/")
    assert listed.json()["count"] == 1
    assert opened.json() == listed.json()["results"][0]
    assert opened.json()["slug"] == rows[name].slug
    for answer in (listed, opened):
        assert SECRET not in answer.content.decode()
        assert rows["credentials"].secret_encrypted not in answer.content.decode()


def test_references_are_slugs_and_json_is_json(client, admin, rows):
    model = get(client, admin, f"llm-models/{rows['llm-models'].pk}/").json()
    assert (model["credential"], model["defaults"]) == ("key", {})
    agent = get(client, admin, f"agents/{rows['agents'].pk}/").json()
    assert (agent["model"], agent["knowledge"], agent["output_schema"]) == ("gpt", [], None)
    assert get(client, admin, f"credentials/{rows['credentials'].pk}/").json()["has_secret"] is True


@pytest.mark.parametrize("name", LISTS)
def test_for_a_user_none_of_it_exists(client, user, rows, name):
    assert get(client, user, f"{name}/").json()["results"] == []
    assert get(client, user, f"{name}/{rows[name].pk}/").status_code == 404


@pytest.mark.parametrize("name", LISTS)
def test_without_signing_in_there_is_nothing(client, name):
    assert client.get(f"/api/v1/{name}/").status_code == 401


def test_a_test_call_answers_what_the_model_said(client, admin, rows, monkeypatch):
    reply = Reply("ready", None, {"input_tokens": 9, "output_tokens": 1}, 0.01, [], "gpt-4o-mini", 0.5)
    monkeypatch.setattr("agents.gateway.complete", lambda request: reply)
    client.force_login(admin)
    answer = client.post(f"/api/v1/llm-models/{rows['llm-models'].pk}/test/")
    assert answer.status_code == 200
    assert answer.json() == {
        "text": "ready",
        "model": "gpt-4o-mini",
        "usage": {"input_tokens": 9, "output_tokens": 1},
        "cost": 0.01,
        "took_s": 0.5,
    }


def test_a_test_call_that_fails_says_why(client, admin, rows, monkeypatch):
    def fail(request):
        raise GatewayError("“GPT” refused the API key.", code="bad_key", status=401)

    monkeypatch.setattr("agents.gateway.complete", fail)
    client.force_login(admin)
    answer = client.post(f"/api/v1/llm-models/{rows['llm-models'].pk}/test/")
    assert answer.status_code == 502
    assert answer.json() == {
        "code": "bad_key",
        "message": "“GPT” refused the API key.",
        "details": {"status": 401},
    }


def test_a_user_makes_no_test_call(client, user, rows, monkeypatch):
    monkeypatch.setattr("agents.gateway.complete", lambda request: pytest.fail("it was called"))
    client.force_login(user)
    assert client.post(f"/api/v1/llm-models/{rows['llm-models'].pk}/test/").status_code == 404
