"""The Django admin of models, agents, tools and credentials."""

from __future__ import annotations

import pytest
from django.urls import reverse

from agents import secrets
from agents.models import Agent, Credential, LLMModel, Tool

pytestmark = pytest.mark.django_db
SECRET = "sk-never-shown-4711"


@pytest.fixture
def boss(client, superadmin):
    client.force_login(superadmin)
    return client


@pytest.fixture
def rows():
    key = Credential.objects.create(name="Key", slug="key", secret_encrypted=secrets.encrypt(SECRET))
    model = LLMModel.objects.create(
        name="GPT", slug="gpt", provider="openai", model_name="gpt-4o-mini", credential=key
    )
    agent = Agent.objects.create(name="Support", slug="support", model=model, instructions="Be kind.")
    tool = Tool.objects.create(name="Look up", slug="lookup", description="Finds an order.")
    return {"credential": key, "llmmodel": model, "agent": agent, "tool": tool}


def address(kind, page, *arguments):
    return reverse(f"admin:agents_{kind}_{page}", args=arguments)


@pytest.mark.parametrize("kind", ["credential", "llmmodel", "agent", "tool"])
def test_each_can_be_listed_searched_and_opened_without_showing_a_secret(boss, rows, kind):
    row = rows[kind]
    pages = [
        address(kind, "changelist"),
        address(kind, "changelist") + f"?q={row.name}",
        address(kind, "change", row.pk),
    ]
    for page in pages:
        answer = boss.get(page)
        assert answer.status_code == 200
        html = answer.content.decode()
        assert row.name in html
        assert SECRET not in html
        assert rows["credential"].secret_encrypted not in html


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("credential", "kind__exact=api_key"),
        ("llmmodel", "provider__exact=openai&is_active__exact=1"),
        ("agent", "is_active__exact=1"),
        ("tool", "kind__exact=http"),
    ],
)
def test_lists_filter(boss, rows, kind, query):
    answer = boss.get(address(kind, "changelist") + f"?{query}")
    assert answer.status_code == 200
    assert rows[kind].name in answer.content.decode()


def credential_form(**fields):
    return {
        "name": "New",
        "slug": "new",
        "kind": "bearer",
        "header": "",
        "username": "",
        "secret": "",
        **fields,
    }


def test_a_new_credential_stores_its_secret_encrypted(boss):
    answer = boss.post(address("credential", "add"), credential_form(secret=SECRET))
    assert answer.status_code == 302
    stored = Credential.objects.get(slug="new").secret_encrypted
    assert SECRET not in stored
    assert secrets.decrypt(stored) == SECRET


def test_a_new_credential_needs_a_secret(boss):
    answer = boss.post(address("credential", "add"), credential_form())
    assert answer.status_code == 200
    assert "Enter the secret." in answer.content.decode()
    assert not Credential.objects.exists()


def test_a_form_that_is_refused_does_not_show_the_secret_again(boss):
    answer = boss.post(address("credential", "add"), credential_form(secret=SECRET, kind="header"))
    assert answer.status_code == 200
    assert SECRET not in answer.content.decode()


def test_an_empty_secret_keeps_the_stored_one_and_a_new_one_replaces_it(boss, rows):
    key = rows["credential"]
    page = address("credential", "change", key.pk)
    form = credential_form(name="Renamed", slug="key", kind="api_key")
    assert boss.post(page, form).status_code == 302
    key.refresh_from_db()
    assert key.name == "Renamed"
    assert secrets.decrypt(key.secret_encrypted) == SECRET
    assert boss.post(page, {**form, "secret": "sk-other"}).status_code == 302
    key.refresh_from_db()
    assert secrets.decrypt(key.secret_encrypted) == "sk-other"


def model_form(**fields):
    return {
        "name": "Llama",
        "slug": "llama",
        "provider": "openai_compatible",
        "model_name": "llama",
        "base_url": "http://127.0.0.1:11434/v1",
        "credential": "",
        "defaults": '{"temperature": 0.3}',
        "input_price": "0",
        "output_price": "0",
        "timeout_s": "60",
        "is_active": "on",
        **fields,
    }


def test_a_model_is_stored_with_its_defaults(boss):
    form = model_form(base_url="http://ollama:11434/v1")
    assert boss.post(address("llmmodel", "add"), form).status_code == 302
    assert LLMModel.objects.get(slug="llama").defaults == {"temperature": 0.3}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"base_url": ""}, "needs its address"),
        ({"base_url": "ftp://llm.example/v1"}, "Give an address like"),
        ({"base_url": "http://ada:pw@llm.example/v1"}, "Give an address like"),
        ({"defaults": "{temperature"}, "This is not JSON"),
        ({"defaults": '{"temperature": 9}'}, "9 is greater than the maximum of 2"),
        ({"defaults": '{"colour": "red"}'}, "colour"),
        ({"defaults": "[]"}, "is not of type"),
        ({"timeout_s": "0"}, "more than 0 seconds"),
    ],
)
def test_a_model_that_could_not_be_called_is_refused(boss, fields, says):
    answer = boss.post(address("llmmodel", "add"), model_form(**fields))
    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not LLMModel.objects.exists()


def test_empty_json_fields_mean_nothing_set(boss, rows):
    form = {
        "name": "Helper",
        "slug": "helper",
        "instructions": "Help.",
        "model": str(rows["llmmodel"].pk),
        "knowledge": "",
        "tools": "",
        "output_schema": "",
        "defaults": "",
        "is_active": "on",
    }
    assert boss.post(address("agent", "add"), form).status_code == 302
    agent = Agent.objects.get(slug="helper")
    assert (agent.knowledge, agent.tools, agent.output_schema, agent.defaults) == ([], [], None, {})


def test_an_agents_output_schema_must_be_one(boss, rows):
    page = address("agent", "change", rows["agent"].pk)
    form = {
        "name": "Support",
        "slug": "support",
        "instructions": "",
        "model": str(rows["llmmodel"].pk),
        "knowledge": "[]",
        "tools": "[]",
        "output_schema": '{"type": "array"}',
        "defaults": "{}",
        "is_active": "on",
    }
    answer = boss.post(page, form)
    assert answer.status_code == 200
    assert "must be of" in answer.content.decode()


def test_a_tool_remembers_who_made_it(boss, superadmin):
    form = {
        "name": "T",
        "slug": "t",
        "description": "",
        "kind": "http",
        "config": '{"url": "https://shop.example/"}',
        "credential": "",
        "is_active": "on",
    }
    assert boss.post(address("tool", "add"), form).status_code == 302
    assert Tool.objects.get(slug="t").created_by == superadmin
