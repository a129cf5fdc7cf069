"""The mock of the providers' wire protocols, and models that point at it."""

from __future__ import annotations

import pytest

from agents import loop
from agents.models import LLMModel
from agents.providers.base import Account
from tests import aimock

KEY = "sk-test-4711"
NAMES = {"anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}  # their addresses end before /v1


@pytest.fixture(scope="session")
def mock():
    """The address of a running mock."""
    with aimock.serving() as address:
        yield address
    loop.shut_down()  # its connections must not outlive it


@pytest.fixture
def asked(mock):
    """The requests that the mock has got since the test began."""
    before = len(aimock.asked(mock))
    return lambda: aimock.asked(mock)[before:]


@pytest.fixture
def key(monkeypatch):
    """An API key, as if decrypted from the model's credential."""
    monkeypatch.setattr(
        "agents.gateway.account_of", lambda row: Account(row.name, row.model_name, row.base_url, KEY)
    )
    return KEY


@pytest.fixture
def model_of(mock):
    """Make a model of a provider that answers from the mock; rows are not stored."""

    def make(provider, **fields):
        return LLMModel(
            **{
                "name": "Mock",
                "slug": "mock",
                "provider": provider,
                "model_name": NAMES.get(provider, "gpt-4o-mini"),
                "base_url": mock if provider in NAMES else f"{mock}/v1",
                "timeout_s": 20,
                **fields,
            }
        )

    return make
