"""The pages of models, agents, tools and credentials."""

from __future__ import annotations

import pytest

from agents import secrets
from agents.gateway import GatewayError, Reply
from agents.models import Agent, Credential, LLMModel, Tool

pytestmark = pytest.mark.django_db
KINDS = ["agents", "models", "tools", "credentials"]
SECRET = "sk-never-shown-4711"


@pytest.fixture
def boss(client, admin):
    client.force_login(admin)
    return client


@pytest.fixture
def rows():
    key = Credential.objects.create(name="Key", slug="key", secret_encrypted=secrets.encrypt(SECRET))
    model = LLMModel.objects.create(name="GPT", slug="gpt", provider="openai", model_name="m", credential=key)
    agent = Agent.objects.create(name="Support", slug="support", model=model)
    tool = Tool.objects.create(name="Look up", slug="lookup", config={"url": "https://x.example/"})
    return dict(zip(KINDS, (agent, model, tool, key), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_list_says_what_belongs_there(boss, kind):
    assert f"No {kind} yet" in boss.get(f"/{kind}/").content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_listed_opened_and_saved_without_a_secret(boss, rows, kind):
    address = f"/{kind}/{rows[kind].slug}/"
    for page in (f"/{kind}/", address, f"/{kind}/new/", f"{address}delete/"):
        answer = boss.get(page)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()
        assert rows["credentials"].secret_encrypted not in answer.content.decode()
    form = boss.get(address).context["form"]
    sent = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in sent.items() if value is not None}
    assert boss.post(address, {**sent, "name": "Renamed"}).status_code == 302
    rows[kind].refresh_from_db()
    assert (rows[kind].name, rows[kind].revision) == ("Renamed", 2)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("kind", KINDS)
def test_a_user_sees_none_of_it(client, user, kind):
    client.force_login(user)
    assert client.get(f"/{kind}/").status_code == 403
    assert client.get(f"/{kind}/new/").status_code == 403


def test_a_credential_is_made_and_a_refused_form_does_not_repeat_its_secret(boss):
    wrong = {"name": "K", "kind": "header", "header": "", "secret": SECRET}
    refused = boss.post("/credentials/new/", wrong)
    assert refused.status_code == 400
    assert SECRET not in refused.content.decode()
    assert (
        boss.post("/credentials/new/", {"name": "K", "kind": "bearer", "secret": SECRET}).status_code == 302
    )
    assert secrets.decrypt(Credential.objects.get().secret_encrypted) == SECRET


def test_what_is_in_use_is_not_deleted(boss, rows):
    page = "/models/gpt/delete/"
    assert "the agent “Support”" in boss.get(page).content.decode()
    assert boss.post(page).status_code == 409
    assert boss.post("/agents/support/delete/").status_code == 302
    assert boss.post(page).status_code == 302


@pytest.mark.parametrize("address", ["/models/gpt/try/", "/agents/support/try/"])
@pytest.mark.usefixtures("rows")
def test_a_try_shows_the_answer_with_tokens_cost_and_time(boss, monkeypatch, address):
    reply = Reply("It is <b>ready</b>.", None, {"input_tokens": 9, "output_tokens": 1}, 0.01, [], "m", 0.5)
    monkeypatch.setattr("agents.gateway.complete", lambda request: reply)
    page = boss.post(address, {"text": "Ready?"}).content.decode()
    for part in ("It is &lt;b&gt;ready&lt;/b&gt;.", "9 tokens read", "1 written", "cost 0.010000"):
        assert part in page


@pytest.mark.usefixtures("rows")
def test_a_try_that_fails_says_why(boss, monkeypatch):
    def fail(request):
        raise GatewayError("“GPT” refused the API key.", code="bad_key", received="401")

    monkeypatch.setattr("agents.gateway.complete", fail)
    answer = boss.post("/models/gpt/try/", {"text": "Ready?"}, headers={"HX-Request": "true"})
    assert "“GPT” refused the API key." in answer.content.decode()
    assert "<main" not in answer.content.decode()


@pytest.mark.usefixtures("rows")
def test_a_tool_is_tried_with_arguments_and_does_not_reach_the_own_network(boss):
    Tool.objects.update(config={"url": "http://169.254.169.254/"})
    page = boss.post("/tools/lookup/try/", {"text": "{}"}).content.decode()
    assert "private or reserved network" in page
