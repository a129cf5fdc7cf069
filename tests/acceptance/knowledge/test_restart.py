"""Indexing by real processes that end, or are ended, in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)  # each test starts several processes
ROOT = Path(__file__).resolve().parents[3]
PASSAGES = 80
LONG = "\n\n".join(
    f"# Riddle {n}\n\nThe answer to riddle {n} is {n * 7}. " + "So it is said. " * 20 for n in range(PASSAGES)
)

PREPARE = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from knowledge import ingest
ingest.create_base(None, "Handbook")
"""
UPLOAD = """
import pathlib, sys, time
from knowledge import ingest
from knowledge.models import Document, KnowledgeBase
ingest.add_document(None, KnowledgeBase.objects.get(), "long.md", pathlib.Path(sys.argv[1]).read_bytes())
while not Document.objects.filter(chunks_done__gt=0).exists():
    time.sleep(0.01)
print("begun", flush=True)
"""
STAY = """
sys.stdin.read()
"""
LOOK = """
import json
from knowledge import indexing, ingest, stores
from knowledge.models import Chunk, Document, KnowledgeBase
from knowledge.search import search
state = Document.objects.get().state
waiting = ingest.resume_pending()
indexing.drain()
base, document = KnowledgeBase.objects.get(), Document.objects.get()
rows = set(Chunk.objects.values_list("pk", flat=True))
(hit,) = search(base, "riddle 77", 1)
same = rows == stores.current().ids(base.pk)
print(json.dumps([state, waiting, document.state, document.passages, len(rows), same, hit.heading]))
"""


@pytest.fixture
def process(tmp_path, database_url):
    """``process(code)``: a Python process of the product with its own data."""
    environment = {
        **os.environ,
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
        "PYTHONPATH": str(ROOT),
    }
    (tmp_path / "long.md").write_text(LONG)

    def _process(code):
        return subprocess.Popen(
            [sys.executable, "-c", f"import django\ndjango.setup()\n{code}", str(tmp_path / "long.md")],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    return _process


def done(process):
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    return said


def test_a_document_whose_process_was_killed_is_indexed_by_the_next_one(process):
    killed = process(PREPARE + UPLOAD + STAY)
    assert killed.stdout.readline() == "begun\n"
    killed.kill()
    killed.communicate()
    state, waiting, *after = json.loads(done(process(LOOK)))
    assert (state, waiting) == ("indexing", 1)
    assert after == ["ready", PASSAGES, PASSAGES, True, "Riddle 77"]


def test_a_process_that_ends_hands_its_document_on(process):
    assert done(process(PREPARE + UPLOAD)) == "begun\n"
    state, waiting, *after = json.loads(done(process(LOOK)))
    assert (state, waiting) == ("pending", 1)
    assert after == ["ready", PASSAGES, PASSAGES, True, "Riddle 77"]


def test_processes_that_index_together_do_each_document_once(process):
    done(process(PREPARE))
    upload = """
import pathlib, sys
from knowledge import indexing, ingest
from knowledge.models import KnowledgeBase
base = KnowledgeBase.objects.get()
for n in range(6):
    ingest.add_document(None, base, f"{n}.md", f"# Riddle {n}\\n\\nThe answer is {n * 7}.".encode())
indexing.drain()
"""
    together = [process(upload) for _ in range(3)]
    for each in together:
        done(each)
    look = """
import json
from knowledge import indexing, stores
from knowledge.models import Chunk, Document, KnowledgeBase
indexing.drain()
rows = set(Chunk.objects.values_list("pk", flat=True))
states = sorted(set(Document.objects.values_list("state", flat=True)))
same = rows == stores.current().ids(KnowledgeBase.objects.get().pk)
print(json.dumps([states, Document.objects.count(), len(rows), same]))
"""
    assert json.loads(done(process(look))) == [["ready"], 6, 6, True]
