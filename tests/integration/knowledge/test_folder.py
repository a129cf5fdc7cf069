"""One Chroma folder, several processes, and what may happen to its files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid

import numpy as np
import pytest

from knowledge.stores import VectorsUnavailable
from knowledge.stores.chroma import ChromaStore
from knowledge.stores.folder import Folder

BASE, DOCUMENT = uuid.UUID(int=1), uuid.UUID(int=2)

# A process of its own that does what it is told, a line of JSON each: [verb, from, to]
PROCESS = """
import json, sys, uuid
from pathlib import Path
import numpy as np
from knowledge.stores.chroma import ChromaStore
from knowledge.stores.folder import Folder
BASE, DOCUMENT = uuid.UUID(int=1), uuid.UUID(int=2)
store = ChromaStore(Folder(Path(sys.argv[1])), "test")
def vector(n):
    return np.random.default_rng(n).standard_normal(16).astype(np.float32)
for line in sys.stdin:
    verb, first, last = json.loads(line)
    numbers = range(first, last)
    if verb == "put":
        store.put(BASE, {uuid.UUID(int=n): DOCUMENT for n in numbers}, np.stack([vector(n) for n in numbers]))
    found = [n for n in numbers[::10] if store.nearest(BASE, vector(n), 1)[0].chunk == uuid.UUID(int=n)]
    print(json.dumps([len(found), store.count(BASE)]), flush=True)
"""


def vector(n):
    return np.random.default_rng(n).standard_normal(16).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "chroma"


@pytest.fixture
def store(path):
    return ChromaStore(Folder(path), "test")


@pytest.fixture
def filled(store):
    """1,200 vectors: enough for Chroma to write its index files."""
    numbers = range(1, 1_201)
    store.put(BASE, {uuid.UUID(int=n): DOCUMENT for n in numbers}, np.stack([vector(n) for n in numbers]))
    assert found(store, 7)
    return store


def found(store, n):
    near = store.nearest(BASE, vector(n), 1)
    return bool(near) and near[0].chunk == uuid.UUID(int=n)


@pytest.fixture
def start(path):
    running = []

    def _start():
        process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        running.append(process)

        def tell(verb, first, last):
            process.stdin.write(json.dumps([verb, first, last]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        return tell

    yield _start
    for process in running:
        process.communicate()


def test_processes_on_one_folder_see_and_keep_what_the_others_write(start, store):
    first, second = start(), start()
    assert first("put", 0, 50) == [5, 50]
    assert second("read", 0, 50) == [5, 50]
    assert second("put", 50, 1_300) == [125, 1_300]
    assert first("put", 1_300, 2_600) == [130, 2_600]
    assert second("read", 0, 2_600) == [260, 2_600]
    assert start()("read", 0, 2_600) == [260, 2_600]
    assert found(store, 2_000)


def test_a_folder_that_was_removed_while_open_is_empty_and_usable(filled, path):
    shutil.rmtree(path)
    assert filled.count(BASE) == 0
    filled.put(BASE, {uuid.UUID(int=7): DOCUMENT}, vector(7)[None])
    assert found(filled, 7)


def _garbage(file, first=0):
    with file.open("r+b") as handle:
        handle.seek(first)
        handle.write(os.urandom(max(file.stat().st_size - first, 4_096)))


DAMAGES = {
    "database overwritten": lambda path: _garbage(path / "chroma.sqlite3"),
    "database torn": lambda path: os.truncate(path / "chroma.sqlite3", 40_000),
    "database overwritten in the middle": lambda path: _garbage(path / "chroma.sqlite3", 50_000),
    "database emptied": lambda path: os.truncate(path / "chroma.sqlite3", 0),
    "database removed": lambda path: (path / "chroma.sqlite3").unlink(),
    "folder replaced by a file": lambda path: (shutil.rmtree(path), path.write_text("x")),
    "index removed": lambda path: [shutil.rmtree(each) for each in path.iterdir() if each.is_dir()],
    "index list overwritten": lambda path: [_garbage(each) for each in path.glob("*/index_metadata.pickle")],
    "index header overwritten": lambda path: [_garbage(each) for each in path.glob("*/header.bin")],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_folder_loses_vectors_and_nothing_else(filled, path, damage):
    filled._access._close()
    damage(path)
    fresh = ChromaStore(Folder(path), "test")
    fresh.nearest(BASE, vector(7), 20)
    assert fresh.count(BASE) in (0, 1_200)
    numbers = range(1, 1_201)
    fresh.put(BASE, {uuid.UUID(int=n): DOCUMENT for n in numbers}, np.stack([vector(n) for n in numbers]))
    assert all(found(fresh, n) for n in (1, 7, 600, 1_200))


def test_a_process_killed_in_the_middle_of_a_write_costs_its_collection_only(filled, path):
    other = uuid.UUID(int=9)
    filled.put(other, {uuid.UUID(int=7): DOCUMENT}, vector(7)[None])
    kill = (
        "import os, sys, uuid; from pathlib import Path; from knowledge.stores.folder import Folder;"
        "Folder(Path(sys.argv[1])).use(sys.argv[2], lambda client: os.kill(os.getpid(), 9), write=True)"
    )
    subprocess.run([sys.executable, "-c", kill, path, f"kb-{BASE.hex}"], check=False)
    assert filled.count(BASE) == 0
    assert filled.count(other) == 1
    assert filled.count(BASE) == 0


def test_a_folder_that_cannot_be_written_is_said_and_kept(filled, path, monkeypatch):
    monkeypatch.setattr(
        "knowledge.stores.folder._open", lambda path: (_ for _ in ()).throw(OSError("disk full"))
    )
    shut = ChromaStore(Folder(path), "test")
    with pytest.raises(VectorsUnavailable, match="disk full"):
        shut.count(BASE)
    monkeypatch.undo()
    assert found(ChromaStore(Folder(path), "test"), 7)


def test_nobody_waits_for_the_folder_for_ever(filled, path, monkeypatch):
    monkeypatch.setattr("knowledge.stores.folder.LOCK_WITHIN_S", 0.05)
    with filled._access._locked(), pytest.raises(VectorsUnavailable, match="Another process"):
        filled.count(BASE)


def test_the_folder_reports_to_nobody(filled):
    def look(client):
        return client._system.settings

    assert filled._access.use("kb-x", look).anonymized_telemetry is False
