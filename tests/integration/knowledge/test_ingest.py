"""Documents in, replaced, tried again and out; on the real model and a real Chroma folder."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from knowledge import claims, embeddings, indexing, ingest, readers, stores, vectors
from knowledge.models import Chunk, Document, KnowledgeBase
from knowledge.search import search
from orchestrator.errors import Conflict, Invalid, NotFound, TooLarge, Unsupported

RETURNS = "# Returns\n\nShoes can be returned within 30 days."
NEWER = "# Returns\n\nShoes can be returned within 60 days."
LONG = "\n\n".join(f"# Part {n}\n\nThe answer to riddle {n} is {n * 7}." for n in range(40))


def texts(base, question="How long can shoes be returned?"):
    return [hit.text for hit in search(base, question)]


def stored_files(folder):
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


def everything(base):
    """Rows and vectors agree: the chunk ids."""
    rows = set(Chunk.objects.filter(base=base).values_list("pk", flat=True))
    assert stores.current().ids(base.pk) == rows
    return rows


def test_an_upload_waits_is_indexed_and_is_found(base, add, thread, admin):
    document = ingest.add_document(admin, base, "returns.md", RETURNS.encode(), "text/markdown")
    assert (document.state, document.size, document.uploaded_by) == ("pending", len(RETURNS), admin)
    assert thread, "nobody was asked to index"
    assert indexing.drain() == 1
    document.refresh_from_db()
    assert (document.state, document.chunks_done, document.chunks_total) == ("ready", 1, 1)
    assert texts(base) == ["Returns\nShoes can be returned within 30 days."]
    assert len(everything(base)) == 1


def test_uploading_a_name_again_replaces_the_document(base, add, own_folder):
    first = add("returns.md", RETURNS)
    second = add("returns.md", NEWER)
    assert first.pk == second.pk
    assert texts(base) == ["Returns\nShoes can be returned within 60 days."]
    assert len(everything(base)) == 1
    assert [path.read_text() for path in stored_files(own_folder)] == [NEWER]


def test_the_old_passages_are_found_until_the_new_ones_are_in(base, add, monkeypatch):
    add("returns.md", RETURNS)
    add("returns.md", NEWER, drain=False)
    seen = []
    real = indexing._go_live
    monkeypatch.setattr(indexing, "_go_live", lambda document: (seen.append(texts(base)), real(document)))
    assert texts(base) == ["Returns\nShoes can be returned within 30 days."]
    indexing.drain()
    assert seen == [["Returns\nShoes can be returned within 30 days."]]
    assert texts(base) == ["Returns\nShoes can be returned within 60 days."]


def test_a_replacement_that_fails_leaves_the_old_passages_found(base, add):
    add("returns.md", RETURNS)
    document = add("returns.md", b"\x00\x01\x02")
    assert (document.state, document.chunks_total) == ("failed", 0)
    assert "binary" in document.reason
    assert texts(base) == ["Returns\nShoes can be returned within 30 days."]


def test_the_same_content_again_changes_nothing(base, add):
    revision = add("returns.md", RETURNS) and KnowledgeBase.objects.get().revision
    again = add("returns.md", RETURNS)
    assert again.state == "ready"
    assert KnowledgeBase.objects.get().revision == revision


def test_a_deleted_document_is_gone_with_passages_vectors_and_file(base, add, own_folder):
    add("other.md", "# Other\n\nThe showroom opens at ten.")
    ingest.delete_document(add("returns.md", RETURNS))
    assert [document.name for document in Document.objects.all()] == ["other.md"]
    assert all("Shoes" not in text for text in texts(base))
    assert len(everything(base)) == 1
    assert len(stored_files(own_folder)) == 1


def test_a_deleted_base_leaves_nothing(base, add, own_folder):
    add("returns.md", RETURNS)
    base_id = base.pk
    ingest.delete_base(base)
    assert not Document.objects.exists()
    assert not Chunk.objects.exists()
    assert stores.current().ids(base_id) == set()
    assert stored_files(own_folder) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty."),
        (b" \n ", "The file is empty."),
        ("Grüße".encode("latin-1"), "not UTF-8"),
        (b"# Only\n## Headings", "headings without any text"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_a_sentence(add, content, reason):
    document = add("notes.md", content)
    assert document.state == "failed"
    assert reason in document.reason
    assert document.reason.endswith(".")
    assert not Chunk.objects.exists()


def test_a_failed_document_can_be_tried_again(base, add, monkeypatch):
    monkeypatch.setattr(embeddings.current(), "embed", lambda texts: 1 / 0)
    document = add("returns.md", RETURNS)
    assert (document.state, "unexpected error (ZeroDivisionError)" in document.reason) == ("failed", True)
    assert not Chunk.objects.exists()
    monkeypatch.undo()
    again = ingest.retry_document(document)
    assert (again.state, again.reason) == ("pending", "")
    indexing.drain()
    assert texts(base) == ["Returns\nShoes can be returned within 30 days."]


def test_only_what_failed_can_be_tried_again(add):
    with pytest.raises(Conflict) as refused:
        ingest.retry_document(add("returns.md", RETURNS))
    assert refused.value.code == "not_failed"


def test_a_stored_file_that_is_gone_is_said(base, add):
    document = add("returns.md", RETURNS, drain=False)
    document.file.storage.delete(document.file.name)
    indexing.drain()
    document.refresh_from_db()
    assert document.reason == "The stored file is gone. Upload it again."


def test_a_file_over_the_limit_is_refused_and_not_kept(base, settings, own_folder):
    settings.UPLOAD_MAX_BYTES = 10
    with pytest.raises(TooLarge, match="at most 10") as refused:
        ingest.add_document(None, base, "big.txt", b"x" * 11)
    assert refused.value.details == {"file": "big.txt"}
    assert not Document.objects.exists()
    assert stored_files(own_folder) == []


def test_a_type_that_nobody_reads_is_refused(base):
    with pytest.raises(Unsupported):
        ingest.add_document(None, base, "run.exe", b"MZ")


def test_a_hostile_name_names_the_document_and_never_the_file(base, add, own_folder):
    document = add("../../../etc/cron.d/\u202etxt.sh.md", RETURNS)
    assert document.name == "txt.sh.md"
    (file,) = stored_files(own_folder)
    assert file.is_relative_to(own_folder / "files" / "knowledge" / base.pk.hex)
    assert file.suffix == ""
    assert not file.stat().st_mode & 0o111


def test_unicode_names_and_texts_are_found(base, add):
    add("Rückgabe 退货.md", "# 退货政策\n\n顾客可以在三十天内退货。")
    (hit,) = search(base, "退货")
    assert (hit.document, hit.heading, hit.found_by >= {"words"}) == ("Rückgabe 退货.md", "退货政策", True)


def test_two_uploads_of_one_name_at_once_leave_one_document(base, own_folder):
    contents = [f"# Returns\n\nShoes can be returned within {n} days." for n in range(30, 38)]
    gate = threading.Barrier(len(contents))

    def upload(content):
        gate.wait()
        try:
            return ingest.add_document(None, base, "returns.md", content.encode()).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(contents)) as pool:
        assert len(set(pool.map(upload, contents))) == 1
    indexing.drain()
    document = Document.objects.get()
    assert document.state == "ready"
    (file,) = stored_files(own_folder)
    assert texts(base) == [file.read_text().replace("# ", "").replace("\n\n", "\n")]
    assert len(everything(base)) == 1


def test_an_upload_into_a_base_that_was_deleted_is_refused(base, own_folder):
    KnowledgeBase.objects.all().delete()
    with pytest.raises(NotFound):
        ingest.add_document(None, base, "returns.md", RETURNS.encode())
    assert stored_files(own_folder) == []


def overtake(monkeypatch, when, act):
    """Run ``act`` once, right after the indexing thread has stored batch number ``when``."""
    real, batches = vectors.add, []

    def add(base, rows):
        real(base, rows)
        batches.append(1)
        if len(batches) == when:
            act()

    monkeypatch.setattr(vectors, "add", add)


def test_a_replacement_overtakes_the_one_that_is_being_indexed(base, add, monkeypatch):
    overtake(monkeypatch, 2, lambda: add("long.md", RETURNS, drain=False))
    document = add("long.md", LONG)
    assert document.state == "ready"
    assert texts(base) == ["Returns\nShoes can be returned within 30 days."]
    assert len(everything(base)) == 1


def test_deleting_a_document_stops_its_indexing(base, add, monkeypatch):
    overtake(monkeypatch, 2, lambda: ingest.delete_document(Document.objects.get()))
    with pytest.raises(Document.DoesNotExist):
        add("long.md", LONG)
    assert everything(base) == set()


def test_deleting_a_base_stops_the_indexing_of_its_documents(base, add, monkeypatch):
    base_id = base.pk
    overtake(monkeypatch, 2, lambda: ingest.delete_base(KnowledgeBase.objects.get()))
    with pytest.raises(Document.DoesNotExist):
        add("long.md", LONG)
    assert stores.current().ids(base_id) == set()
    assert not Chunk.objects.exists()


def test_progress_is_visible_while_a_document_is_indexed(base, add, monkeypatch):
    seen = []
    overtake(
        monkeypatch,
        2,
        lambda: seen.append(Document.objects.values_list("state", "chunks_done", "chunks_total").get()),
    )
    add("long.md", LONG)
    assert seen == [("indexing", vectors.BATCH, 40)]


def test_what_a_dead_process_left_is_taken_up_again(base, add, thread):
    document = add("long.md", LONG, drain=False)
    host = claims.me().split("/")[0]
    Document.objects.update(
        state="indexing", worker=f"{host}/1/0", generation=5, chunks_done=16, chunks_total=40
    )
    row = Chunk.objects.create(base=base, document=document, generation=5, number=1, text="half done")
    vectors.add(base.pk, {row.pk: (document.pk, "half done")})
    thread.clear()
    assert ingest.resume_pending() == 1
    assert thread, "nobody was asked to go on"
    assert Document.objects.get().state == "pending"
    indexing.drain()
    assert Document.objects.get().state == "ready"
    assert len(everything(base)) == 40


def test_what_a_living_process_works_on_is_left_to_it(base, add, thread):
    add("long.md", LONG, drain=False)
    from django.utils import timezone

    Document.objects.update(state="indexing", worker="elsewhere/1/1", seen_at=timezone.now())
    thread.clear()
    assert ingest.resume_pending() == 0
    assert (Document.objects.get().state, thread) == ("indexing", [])


def test_what_a_thread_of_this_process_gave_up_is_taken_up_again(base, add):
    add("long.md", LONG, drain=False)
    Document.objects.update(state="indexing", worker=claims.me())
    assert ingest.resume_pending() == 1


def test_a_process_that_ends_leaves_its_document_to_the_next_one(base, add, monkeypatch):
    overtake(monkeypatch, 1, indexing._worker.stopping.set)
    try:
        document = add("long.md", LONG)
    finally:
        indexing._worker.stopping.clear()
    assert document.state == "pending"
    assert texts(base, "riddle") == []
    indexing.drain()
    document.refresh_from_db()
    assert document.state == "ready"
    assert len(everything(base)) == 40


def test_a_document_is_indexed_by_one_process_only(base, add, monkeypatch):
    """Two claims of one document: the second finds it taken."""
    add("returns.md", RETURNS, drain=False)
    first = indexing._claim()
    assert first is not None
    assert indexing._claim() is None


def test_documents_are_taken_in_the_order_of_their_upload(base, add):
    for name in ("b.txt", "a.txt", "c.txt"):
        add(name, "text", drain=False)
    taken = []
    while document := indexing._claim():
        taken.append(document.name)
    assert taken == ["b.txt", "a.txt", "c.txt"]


def test_an_unavailable_store_keeps_a_delete_from_nobody(base, add, monkeypatch, caplog):
    document = add("returns.md", RETURNS)

    def fails(*_):
        raise stores.VectorsUnavailable("The vector server is away.")

    monkeypatch.setattr(type(stores.current()), "forget", fails)
    ingest.delete_document(document)
    assert not Document.objects.exists()
    assert "left behind" in caplog.text
    monkeypatch.undo()
    indexing.drain()
    assert everything(base) == set()


def test_a_base_needs_a_name_and_gets_an_address_of_its_own(base):
    assert [base.slug, ingest.create_base(None, " Hand   book ").slug] == ["handbook", "hand-book"]
    assert ingest.create_base(None, "Handbook").slug == "handbook-2"
    for name in ("", "  ", "x" * 121):
        with pytest.raises(Invalid):
            ingest.create_base(None, name)


def test_renaming_keeps_the_address(base):
    ingest.change_base(base, "Rules", "What holds.")
    again = KnowledgeBase.objects.get()
    assert (again.name, again.slug, again.description) == ("Rules", "handbook", "What holds.")


def test_every_reader_is_tried_by_its_suffix(add):
    for reader in readers.READERS:
        for suffix in reader.suffixes:
            assert add(f"file{suffix}", RETURNS).state == "ready"


def test_a_missing_model_fails_the_document_with_how_to_install_it(base, add, monkeypatch):
    class Missing:
        max_tokens = 1
        id = "missing"

        def count_tokens(self, text):
            raise embeddings.EmbeddingUnavailable("The embedding model is not installed. Install it.")

    monkeypatch.setattr(embeddings, "current", Missing)
    assert add("returns.md", RETURNS).reason == "The embedding model is not installed. Install it."


def test_a_document_of_the_same_name_in_another_base_is_untouched(base, add):
    other = ingest.create_base(None, "Other")
    ingest.add_document(None, other, "returns.md", NEWER.encode())
    add("returns.md", RETURNS)
    ingest.delete_base(other)
    assert texts(base) == ["Returns\nShoes can be returned within 30 days."]
