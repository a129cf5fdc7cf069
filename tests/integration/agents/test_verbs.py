"""Settling on a model, authenticating calls, storing secrets."""

from __future__ import annotations

import base64

import pytest

from agents import verbs
from agents.gateway import Reply
from agents.models import Agent, Credential, LLMModel, Tool
from orchestrator.errors import Invalid, NotFound

pytestmark = pytest.mark.django_db


@pytest.fixture
def model():
    return LLMModel.objects.create(
        name="GPT",
        slug="gpt",
        provider="openai",
        model_name="gpt",
        defaults={"temperature": 0.2, "max_tokens": 500},
    )


@pytest.fixture
def agent(model):
    return Agent.objects.create(
        name="Support",
        slug="support",
        model=model,
        instructions="Be kind.",
        knowledge=["handbook"],
        tools=["lookup"],
        output_schema={"type": "object"},
        defaults={"temperature": 0.7},
    )


def credential(kind, secret="s3cret", **fields):
    row = Credential(name="Partner", slug="partner", kind=kind, **fields)
    verbs.set_secret(row, secret)
    row.save()
    return row


def test_a_model_is_settled_by_its_slug(model):
    settings = verbs.resolve(model="gpt")
    assert settings.model == model
    assert settings.agent is None
    assert (settings.temperature, settings.max_tokens) == (0.2, 500)


def test_an_agent_brings_its_model_and_overrides_its_defaults(agent, model):
    settings = verbs.resolve(agent="support")
    assert (settings.model, settings.agent) == (model, agent)
    assert settings.instructions == "Be kind."
    assert (settings.temperature, settings.max_tokens) == (0.7, 500)
    assert (settings.knowledge, settings.tools) == (["handbook"], ["lookup"])
    assert settings.output_schema == {"type": "object"}


@pytest.mark.usefixtures("agent")
def test_an_agent_may_work_with_another_model():
    other = LLMModel.objects.create(name="Other", slug="other", provider="local", model_name="m")
    assert verbs.resolve(agent="support", model="other").model == other


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    "wanted", [{"agent": "nobody"}, {"model": "none"}, {"agent": "support", "model": "none"}]
)
def test_a_slug_that_nobody_goes_by_is_not_found(wanted):
    with pytest.raises(NotFound):
        verbs.resolve(**wanted)


def test_neither_agent_nor_model_is_refused():
    with pytest.raises(Invalid):
        verbs.resolve()


@pytest.mark.parametrize("off", ["agent", "model"])
def test_what_is_switched_off_is_refused(agent, model, off):
    row = {"agent": agent, "model": model}[off]
    row.is_active = False
    row.save()
    with pytest.raises(Invalid) as caught:
        verbs.resolve(agent="support")
    assert caught.value.code == "inactive"


def test_what_documents_refer_to_exists_while_it_is_active(agent):
    Tool.objects.create(name="Look up", slug="lookup")
    credential(Credential.Kind.BEARER)
    known = [("agent", "support"), ("model", "gpt"), ("tool", "lookup"), ("credential", "partner")]
    assert all(verbs.exists(kind, slug) for kind, slug in known)
    assert not any(verbs.exists(kind, "nobody") for kind, _ in known)
    agent.is_active = False
    agent.save()
    assert not verbs.exists("agent", "support")


def test_a_bearer_token_becomes_a_header():
    credential(Credential.Kind.BEARER)
    assert verbs.auth_for("partner") == {"Authorization": "Bearer s3cret"}


def test_a_named_header_carries_its_secret():
    credential(Credential.Kind.HEADER, header="X-Api-Key")
    assert verbs.auth_for("partner") == {"X-Api-Key": "s3cret"}


def test_user_and_password_become_basic_authentication():
    credential(Credential.Kind.BASIC, "pässword", username="ada")
    expected = base64.b64encode("ada:pässword".encode()).decode()
    assert verbs.auth_for("partner") == {"Authorization": f"Basic {expected}"}


def test_a_model_providers_key_goes_nowhere_else():
    credential(Credential.Kind.API_KEY)
    with pytest.raises(Invalid) as caught:
        verbs.auth_for("partner")
    assert "s3cret" not in caught.value.message


def test_no_such_credential_is_not_found():
    with pytest.raises(NotFound):
        verbs.auth_for("nobody")


def test_a_credential_of_another_installation_is_refused(settings):
    credential(Credential.Kind.BEARER)
    settings.SECRET_KEY = "another"
    with pytest.raises(Invalid, match="enter it again"):
        verbs.auth_for("partner")


def test_a_credential_without_a_secret_is_refused():
    Credential.objects.create(name="Empty", slug="empty", kind=Credential.Kind.BEARER)
    with pytest.raises(Invalid, match="no secret"):
        verbs.auth_for("empty")


def test_a_secret_is_stored_encrypted_without_the_white_space_of_copying():
    credential(Credential.Kind.BEARER, "  s3cret\n")
    stored = Credential.objects.get(slug="partner").secret_encrypted
    assert "s3cret" not in stored
    assert verbs.auth_for("partner") == {"Authorization": "Bearer s3cret"}


@pytest.mark.parametrize("secret", ["", "  ", "two\nlines", "tab\there", "nul\0", "ünïcode"])
def test_a_secret_that_could_not_be_sent_is_refused(secret):
    with pytest.raises(Invalid):
        verbs.set_secret(Credential(kind=Credential.Kind.BEARER), secret)


def test_every_saved_change_counts_as_a_revision(model):
    assert model.revision == 1
    model.input_price = 2
    model.save()
    model.is_active = False
    model.save(update_fields=["is_active"])
    assert LLMModel.objects.get(pk=model.pk).revision == 3


def test_a_test_call_asks_the_model_once(model, monkeypatch):
    asked = []
    reply = Reply("ready", None, {}, 0.0, [], "gpt", 0.1)

    def complete(request):
        asked.append((request.model, request.max_tokens))
        return reply

    monkeypatch.setattr("agents.gateway.complete", complete)
    assert verbs.probe(model) is reply
    assert asked == [(model, verbs.TEST_TOKENS)]
