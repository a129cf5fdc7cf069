"""A knowledge base, a model that answers over the wire, and contexts for steps."""

from __future__ import annotations

import pytest

from agents import loop, secrets
from agents.models import Agent, Credential, LLMModel
from knowledge import indexing, ingest, lexical, stores, vectors
from tests import aimock
from tests.unit.steps.conftest import Recorder

HANDBOOK = """# Returns

Items can be returned within 30 days. The refund is paid to the card that was used.

# Delivery

Parcels arrive after three working days. A late parcel is delivered again at no cost.
"""


@pytest.fixture
def at_work():
    return Recorder()


@pytest.fixture(scope="session")
def mock():
    """The address of a server that speaks OpenAI's protocol."""
    with aimock.serving() as address:
        yield address
    loop.shut_down()  # its connections must not outlive it


@pytest.fixture
def handbook(transactional_db, settings, tmp_path, monkeypatch):
    """The base `handbook` with one indexed document."""
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "files"
    monkeypatch.setattr(indexing, "wake", lambda: None)  # no thread: indexed here
    base = ingest.create_base(None, "Handbook")
    ingest.add_document(None, base, "Handbook.md", HANDBOOK.encode())
    indexing.drain()
    yield base
    stores.current().close()
    stores._store.cache_clear()
    lexical._indexes.clear()
    vectors._checked.clear()


@pytest.fixture
def support(transactional_db, mock):
    """The agent `support` on the model `mock`, with prices."""
    credential = Credential.objects.create(
        name="Key", slug="key", kind=Credential.Kind.API_KEY, secret_encrypted=secrets.encrypt("sk-1")
    )
    model = LLMModel.objects.create(
        name="Mock",
        slug="mock",
        provider=LLMModel.Provider.OPENAI_COMPATIBLE,
        model_name="gpt-4o-mini",
        base_url=f"{mock}/v1",
        credential=credential,
        input_price=1_000_000,
        timeout_s=20,
    )
    return Agent.objects.create(name="Support", slug="support", instructions="You are support.", model=model)
