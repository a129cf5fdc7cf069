"""What every vector store must do: in memory, in a Chroma folder, on a Chroma server."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
import uuid
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from knowledge.stores import VectorsUnavailable
from knowledge.stores.chroma import BATCH, ChromaStore
from knowledge.stores.folder import Folder
from knowledge.stores.memory import MemoryStore
from knowledge.stores.server import Server

BASE, OTHER = uuid.uuid4(), uuid.uuid4()
MANUAL, LETTER = uuid.uuid4(), uuid.uuid4()


def unit(*texts):
    """A vector that belongs to each text and to no other."""
    rows = np.stack([np.random.default_rng(zlib.crc32(text.encode())).standard_normal(32) for text in texts])
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = Path(sys.executable).with_name("chroma")
    folder = tmp_path_factory.mktemp("server")
    process = subprocess.Popen(
        [command, "run", "--path", folder, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    url = f"http://127.0.0.1:{port}"
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        try:
            urllib.request.urlopen(f"{url}/api/v2/heartbeat", timeout=1).close()
            break
        except OSError:
            assert process.poll() is None, "the Chroma server ended"
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture(params=["memory", "folder", "server"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    access = Folder(tmp_path / "chroma")
    if request.param == "server":
        access = Server(request.getfixturevalue("server"))
    made = ChromaStore(access, "test")
    made.drop(BASE)
    made.drop(OTHER)
    yield made
    made.close()


@pytest.fixture
def chunks(store):
    ids = {name: uuid.uuid4() for name in "abc"}
    store.put(BASE, {ids["a"]: MANUAL, ids["b"]: MANUAL, ids["c"]: LETTER}, unit("a", "b", "c"))
    return ids


def test_a_base_without_vectors_is_empty(store):
    assert store.ids(BASE) == set()
    assert store.count(BASE) == 0
    assert store.nearest(BASE, unit("a")[0], 5) == []
    store.remove(BASE, [uuid.uuid4()])
    store.forget(BASE, MANUAL)
    store.drop(BASE)


def test_the_most_similar_comes_first_with_its_cosine(store, chunks):
    found = store.nearest(BASE, unit("b")[0], 5)
    assert found[0].chunk == chunks["b"]
    assert found[0].cosine == pytest.approx(1, abs=1e-3)
    expected = sorted((float(unit(name)[0] @ unit("b")[0]) for name in "abc"), reverse=True)
    assert [near.cosine for near in found] == pytest.approx(expected, abs=1e-3)


def test_at_most_as_many_as_asked_for(store, chunks):
    assert len(store.nearest(BASE, unit("a")[0], 2)) == 2


def test_bases_are_apart(store, chunks):
    assert store.nearest(OTHER, unit("a")[0], 5) == []
    store.put(OTHER, {uuid.uuid4(): MANUAL}, unit("x"))
    store.forget(OTHER, MANUAL)
    store.drop(OTHER)
    assert store.ids(BASE) == set(chunks.values())


def test_putting_a_chunk_again_replaces_its_vector(store, chunks):
    store.put(BASE, {chunks["a"]: MANUAL}, unit("moved"))
    assert store.count(BASE) == 3
    assert store.nearest(BASE, unit("moved")[0], 1)[0].chunk == chunks["a"]


def test_chunks_documents_and_bases_can_be_forgotten(store, chunks):
    store.remove(BASE, [chunks["a"]])
    assert store.ids(BASE) == {chunks["b"], chunks["c"]}
    store.forget(BASE, MANUAL)
    assert store.ids(BASE) == {chunks["c"]}
    store.drop(BASE)
    assert store.count(BASE) == 0


def test_more_than_one_batch_is_taken(store):
    ids = [uuid.uuid4() for _ in range(BATCH + 3)]
    rows = np.random.default_rng(1).standard_normal((len(ids), 8)).astype(np.float32)
    store.put(BASE, dict.fromkeys(ids, MANUAL), rows / np.linalg.norm(rows, axis=1, keepdims=True))
    assert store.count(BASE) == len(ids)
    store.remove(BASE, ids)
    assert store.count(BASE) == 0


def test_many_threads_write_and_read_at_once(store):
    """While an approximate index is written to, it may miss what has just come; afterwards it may not."""

    def work(n):
        chunk = uuid.uuid4()
        store.put(BASE, {chunk: MANUAL}, unit(f"thread {n}"))
        assert len(store.nearest(BASE, unit(f"thread {n}")[0], 1)) == 1
        return chunk

    with ThreadPoolExecutor(1 if isinstance(store, MemoryStore) else 8) as pool:
        chunks = list(pool.map(work, range(40)))
    assert store.count(BASE) == 40
    found = [store.nearest(BASE, unit(f"thread {n}")[0], 1)[0].chunk for n in range(40)]
    assert found == chunks


def test_vectors_of_another_model_are_replaced_and_never_compared(tmp_path):
    folder = Folder(tmp_path / "chroma")
    old, new = ChromaStore(folder, "old"), ChromaStore(folder, "new")
    old.put(BASE, {uuid.uuid4(): MANUAL}, unit("a"))
    assert new.count(BASE) == 0
    assert new.nearest(BASE, np.ones(8, dtype=np.float32), 5) == []
    chunk = uuid.uuid4()
    new.put(BASE, {chunk: MANUAL}, np.ones((1, 8), dtype=np.float32))
    assert new.ids(BASE) == {chunk}


def test_a_server_that_is_not_there_is_said_with_its_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(VectorsUnavailable, match=url) as refused:
        ChromaStore(Server(url), "test").count(BASE)
    assert refused.value.retryable
