"""The mock of the providers' wire protocols, and models that point at it."""

from __future__ import annotations

from functools import partial

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


def use_key(patch):
    """Let every model have an API key, as if decrypted from its credential."""
    patch.setattr(
        "agents.gateway.account_of", lambda row: Account(row.name, row.model_name, row.base_url, KEY)
    )


@pytest.fixture
def key(monkeypatch):
    """An API key, as if decrypted from the model's credential."""
    use_key(monkeypatch)
    return KEY


def model_at(address, provider, **fields):
    """A model of a provider that answers from the mock at this address; its row is not stored."""
    return LLMModel(
        **{
            "name": "Mock",
            "slug": "mock",
            "provider": provider,
            "model_name": NAMES.get(provider, "gpt-4o-mini"),
            "base_url": address if provider in NAMES else f"{address}/v1",
            "timeout_s": 20,
            **fields,
        }
    )


@pytest.fixture
def model_of(mock):
    """Make a model of a provider that answers from the mock; rows are not stored."""
    return partial(model_at, mock)
