"""REST: making, changing and deleting models, agents, tools and credentials."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from agents import secrets, verbs
from agents.models import Agent, Credential, LLMModel, Tool
from builder.verbs import import_document

pytestmark = pytest.mark.django_db
SECRET = "sk-never-shown-4711"
BODIES = {
    "llm-models": {"name": "GPT mini", "provider": "openai", "model_name": "gpt-4o-mini"},
    "agents": {"name": "Support", "model": "base"},
    "tools": {"name": "Find order", "config": {"url": "https://shop.example/orders/{{ input.number }}"}},
    "credentials": {"name": "Shop key", "kind": "bearer", "secret": SECRET},
}


@pytest.fixture
def base():
    return LLMModel.objects.create(name="Base", slug="base", provider="local", model_name="m")


@pytest.fixture
def call(client, admin):
    client.force_login(admin)

    def send(method, path, body=None):
        return getattr(client, method)(f"/api/v1/{path}", body, content_type="application/json")

    return send


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("kind", BODIES)
def test_each_is_made_changed_and_deleted(call, kind):
    made = call("post", f"{kind}/", BODIES[kind])
    assert made.status_code == 201, made.content
    again = call("post", f"{kind}/", BODIES[kind]).json()
    assert again["slug"] == f"{made.json()['slug']}-2"
    address = f"{kind}/{made.json()['id']}/"
    changed = call("patch", address, {"name": "Renamed"})
    assert (changed.json()["name"], changed.json()["slug"]) == ("Renamed", made.json()["slug"])
    assert changed.json()["revision"] == 2
    assert call("delete", address).status_code == 204
    assert call("get", address).status_code == 404


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize("kind", BODIES)
def test_a_user_makes_and_changes_nothing(client, user, call, kind):
    address = f"{kind}/{call('post', f'{kind}/', BODIES[kind]).json()['id']}/"
    client.force_login(user)
    assert call("post", f"{kind}/", BODIES[kind]).status_code == 403
    assert call("patch", address, {"name": "Mine"}).status_code == 404
    assert call("delete", address).status_code == 404


def test_a_secret_goes_in_and_never_comes_out(call, caplog):
    made = call("post", "credentials/", BODIES["credentials"])
    row = Credential.objects.get(slug="shop-key")
    address = f"credentials/{row.pk}/"
    refused = call("patch", address, {"kind": "header", "header": "no good", "secret": SECRET})
    answers = [made, call("get", address), call("patch", address, {"name": "X"}), refused]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 400]
    for answer in answers:
        assert SECRET not in answer.content.decode()
        assert row.secret_encrypted not in answer.content.decode()
    assert SECRET not in caplog.text
    assert verbs.auth_for("shop-key") == {"Authorization": f"Bearer {SECRET}"}


def test_a_credential_needs_a_secret(call):
    answer = call("post", "credentials/", {"name": "Empty", "kind": "bearer"})
    assert (answer.status_code, answer.json()["message"]) == (400, "Enter the secret.")


@pytest.mark.usefixtures("base")
def test_a_slug_may_be_chosen_once_and_stays(call):
    made = call("post", "agents/", {**BODIES["agents"], "slug": "helper"})
    assert made.json()["slug"] == "helper"
    taken = call("post", "agents/", {**BODIES["agents"], "slug": "helper"})
    assert (taken.status_code, taken.json()["code"]) == (409, "slug_taken")
    assert call("patch", f"agents/{made.json()['id']}/", {"slug": "other"}).status_code == 400


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize(
    ("kind", "wrong", "says"),
    [
        ("llm-models", {"provider": "openai_compatible"}, "needs its address"),
        ("llm-models", {"timeout_s": 0}, "more than 0 seconds"),
        ("llm-models", {"credential": "nobody"}, "credential"),
        ("agents", {"model": "nobody"}, "model"),
        ("agents", {"output_schema": {"type": "array"}}, "object"),
        ("agents", {"tools": ["nobody"]}, "There is no tool “nobody”."),
        ("tools", {"config": {"url": "{{ input.where }}"}}, "a server’s name"),
        ("tools", {"config": {"url": "https://{{ input.host }}/"}}, "a server’s name"),
        ("tools", {"config": {"url": "https://shop.example@evil.example/"}}, "a server’s name"),
        ("tools", {"config": {"url": "https://x.example/", "arguments": {"type": "array"}}}, "arguments’"),
        ("tools", {"config": {"address": "https://x.example/"}}, "config"),
        ("tools", {"kind": "knowledge", "config": {}}, "base"),
    ],
)
def test_what_could_not_be_used_is_refused(call, kind, wrong, says):
    answer = call("post", f"{kind}/", {**BODIES[kind], **wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert says in answer.json()["message"]


def test_a_model_providers_key_is_given_to_no_tool(call):
    call("post", "credentials/", {"name": "Key", "kind": "api_key", "secret": SECRET})
    answer = call("post", "tools/", {**BODIES["tools"], "credential": "key"})
    assert answer.status_code == 400


def test_what_is_in_use_is_not_deleted_and_the_users_are_named(call, admin, base):
    key = Credential.objects.create(name="Key", slug="key", secret_encrypted=secrets.encrypt("s"))
    base.credential = key
    base.save()
    tool = Tool.objects.create(name="Look up", slug="lookup", config={"url": "https://x.example/"})
    agent = Agent.objects.create(name="Sales", slug="sales", model=base, tools=["lookup"])
    step = {"key": "ask", "type": "llm", "config": {"agent": "sales", "prompt": "Hello"}}
    import_document(admin, {"schema": 1, "name": "Refund request", "steps": [step], "edges": []})
    expected = {
        f"credentials/{key.pk}/": "the model “Base”",
        f"llm-models/{base.pk}/": "the agent “Sales”",
        f"tools/{tool.pk}/": "the agent “Sales”",
        f"agents/{agent.pk}/": "the orchestration “Refund request”",
    }
    for address, who in expected.items():
        answer = call("delete", address)
        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
        assert f"is used by {who}." in answer.json()["message"]
        assert call("get", address).status_code == 200


def test_lists_are_searched_and_ordered(call):
    for name in ("Bravo", "Alpha", "Charlie"):
        LLMModel.objects.create(name=name, slug=name.lower(), provider="local", model_name="m")
    names = [row["name"] for row in call("get", "llm-models/?ordering=-name&page_size=2").json()["results"]]
    assert names == ["Charlie", "Bravo"]
    assert call("get", "llm-models/?search=alph").json()["count"] == 1


@pytest.fixture
def old_key(settings, tmp_path):
    """What was stored with an old key, and a file that holds it; SECRET_KEY is another by now."""
    settings.SECRET_KEY = "the-old-one"
    Credential.objects.create(
        name="Partner", slug="partner", kind="bearer", secret_encrypted=secrets.encrypt(SECRET)
    )
    settings.SECRET_KEY = "the-new-one"
    file = tmp_path / "old"
    file.write_text("the-old-one\n")
    return file


def test_rotation_reads_with_the_old_key_and_stores_with_the_new(old_key, capsys):
    for _ in range(2):  # a second run is harmless
        call_command("rotate_secrets", old_key_file=str(old_key))
        assert verbs.auth_for("partner") == {"Authorization": f"Bearer {SECRET}"}
    assert capsys.readouterr().out == "1 secret encrypted anew.\n" * 2


def test_rotation_with_a_wrong_key_changes_nothing(old_key):
    before = Credential.objects.get().secret_encrypted
    old_key.write_text("not-it")
    with pytest.raises(CommandError, match="“Partner”"):
        call_command("rotate_secrets", old_key_file=str(old_key))
    assert Credential.objects.get().secret_encrypted == before
