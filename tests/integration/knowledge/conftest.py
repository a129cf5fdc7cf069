"""A knowledge base of its own for each test: real rows, real files, a real Chroma folder."""

from __future__ import annotations

import pytest
from django.conf import settings as product

from knowledge import indexing, ingest, lexical, stores, vectors


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    """Keep files and vectors in a folder of the test."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "files"
    yield tmp_path
    stores.current().close()
    stores._store.cache_clear()
    lexical._indexes.clear()
    vectors._checked.clear()


@pytest.fixture
def thread(monkeypatch):
    """What the indexing thread was asked for; it does not run, tests drain in their own thread."""
    asked = []
    monkeypatch.setattr(indexing, "wake", lambda: asked.append(1))
    return asked


@pytest.fixture
def base(transactional_db, thread, admin):
    """An empty base of Ada's."""
    return ingest.create_base(admin, "Handbook")


@pytest.fixture
def add(base):
    """``add(name, text)`` uploads, indexes and answers the document as it then is."""

    def _add(name, text, drain=True):
        content = text if isinstance(text, bytes) else text.encode()
        document = ingest.add_document(None, base, name, content)
        if drain:
            indexing.drain()
            document.refresh_from_db()
        return document

    return _add


@pytest.fixture
def handbook(transactional_db, thread):
    """The demo's handbook, indexed."""
    base = ingest.create_base(None, "Handbook")
    for file in sorted((product.BASE_DIR / "knowledge" / "demo" / "handbook").glob("*.md")):
        ingest.add_document(None, base, file.name, file.read_bytes(), "text/markdown")
    indexing.drain()
    return base
