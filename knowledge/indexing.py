"""Documents to chunks and vectors, one at a time, in a thread of this process that ends when all is done.

The database is the queue: a document waits as PENDING and belongs to whoever's update moved it to
INDEXING. Each claim raises ``generation``, and every write is conditional on it, so a worker that was
overtaken (a newer upload, a delete, a claim after it was thought dead) finds nothing to write to and stops.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import F, QuerySet
from django.utils import timezone

from knowledge import chunking, claims, embeddings, readers, stores, vectors
from knowledge.chunking import Passage
from knowledge.models import Chunk, Document, KnowledgeBase
from knowledge.readers import Unreadable
from orchestrator.errors import ProductError

log = logging.getLogger(__name__)
STOP_WITHIN_S = 5.0


class Overtaken(Exception):
    """The document is no longer this worker's; what it wrote is to be discarded."""


class Stopping(Exception):
    """The process ends; the document waits for the next one."""


class _Worker:
    """The process's indexing thread: started by the first ``wake``, gone when there is nothing to do."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.thread: threading.Thread | None = None
        self.asked = False
        self.to_heal: set[UUID] = set()
        self.at_work: set[UUID] = set()  # documents that threads of this process hold

    def wake(self) -> None:
        with self.lock:
            self.asked = True
            if self.thread is None and not self.stopping.is_set():
                self.thread = threading.Thread(target=self.work, name="indexing", daemon=True)
                self.thread.start()

    def work(self) -> None:
        try:
            while self.goes_on():
                _work_off()
        except Exception:
            log.exception("Indexing ended early; waiting documents are taken up at the next upload or sweep.")
            with self.lock:
                self.thread = None
        finally:
            connections.close_all()

    def goes_on(self) -> bool:
        """Whether somebody asked since the last look; if not, the thread is gone for ``wake``."""
        with self.lock:
            asked, self.asked = self.asked and not self.stopping.is_set(), False
            if not asked:
                self.thread = None
            return asked

    def stop(self) -> None:
        """End after the batch at work: a thread in the model's native code must not outlive the process."""
        self.stopping.set()
        with self.lock:
            thread = self.thread
        if thread is not None:
            thread.join(STOP_WITHIN_S)


_worker = _Worker()
wake = _worker.wake
stop = _worker.stop
atexit.register(stop)


def heal_later(base: UUID) -> None:
    """Have the indexing thread make the base's missing vectors, and remove those left over."""
    _worker.to_heal.add(base)
    wake()


def drain() -> int:
    """Index whatever waits and return when nothing does; answers how many documents this thread did.

    For commands and tests; helps the indexing thread rather than waiting for it.
    """
    done = _work_off()
    with _worker.lock:
        thread = _worker.thread
    if thread is not None:
        thread.join()
        done += _work_off()
    return done


def _work_off() -> int:
    """Index until nothing waits, in the calling thread."""
    done = 0
    while not _worker.stopping.is_set():
        while _worker.to_heal:
            vectors.heal(_worker.to_heal.pop())
        document = _claim()
        if document is None:
            break
        try:
            index(document)
        finally:
            _worker.at_work.discard(document.pk)
        done += 1
    return done


def interrupted(document: Document) -> bool:
    """Whether nobody goes on with a document that is INDEXING."""
    if document.worker == claims.me():
        return document.pk not in _worker.at_work
    return claims.gone(document.worker, document.seen_at, timezone.now())


def _claim() -> Document | None:
    """The document that has waited longest, now INDEXING by us; None when none waits."""
    waiting = Document.objects.filter(state=Document.State.PENDING).order_by("updated_at", "pk")
    for pk, generation in waiting.values_list("pk", "generation"):
        now = timezone.now()
        _worker.at_work.add(pk)  # before the claim, or a sweep would find it claimed and nobody at work
        won = Document.objects.filter(pk=pk, generation=generation, state=Document.State.PENDING).update(
            state=Document.State.INDEXING,
            generation=generation + 1,
            worker=claims.me(),
            started_at=now,
            seen_at=now,
            chunks_done=0,
            chunks_total=0,
            reason="",
        )
        if won and (document := Document.objects.filter(pk=pk, generation=generation + 1).first()):
            return document
        _worker.at_work.discard(pk)
    return None


def index(document: Document) -> None:
    """Index a claimed document; it ends READY, FAILED with its reason, or untouched if overtaken."""
    try:
        _discard(document, kept=(document.generation, document.live_generation))
        _store(document, _read(document))
        _go_live(document)
    except Stopping:
        _update(document, state=Document.State.PENDING, worker="")
    except Exception as error:
        if not _ours(document).exists():  # what failed, failed since the rows were deleted under it
            log.info("%s was replaced or deleted while it was indexed.", document.name)
            return _discard_all(document)
        if not isinstance(error, ProductError):
            log.exception("Indexing %s failed.", document.name)
        _discard(document, kept=(document.live_generation,))
        _update(document, state=Document.State.FAILED, reason=_reason(error), worker="")


def _read(document: Document) -> list[Passage]:
    """The document's passages; raises ProductError with the reason why there are none."""
    reader = readers.reader_for(document.name, document.media_type)
    try:
        with document.file.open("rb") as file:
            sections = reader.read(file.read())
    except FileNotFoundError as error:
        raise Unreadable("The stored file is gone. Upload it again.") from error
    model = embeddings.current()
    passages = list(chunking.passages(sections, model.count_tokens, model.max_tokens))
    if not passages:
        raise Unreadable("The file holds no text that could be searched.")
    return passages


def _store(document: Document, passages: Sequence[Passage]) -> None:
    """Write rows, then their vectors, batch by batch; raises Overtaken, Stopping."""
    _report(document, chunks_total=len(passages))
    for number, batch in enumerate(_batches(passages)):
        rows = Chunk.objects.bulk_create(
            Chunk(
                base_id=document.base_id,
                document=document,
                generation=document.generation,
                number=passage.number,
                text=passage.text,
                heading=passage.heading,
                page=passage.page,
            )
            for passage in batch
        )
        vectors.add(document.base_id, {row.pk: (document.pk, row.text) for row in rows})
        _report(document, chunks_done=number * vectors.BATCH + len(batch))
        if _worker.stopping.is_set():
            raise Stopping


def _go_live(document: Document) -> None:
    """Let searches see this generation and no other; READY last, so that a crash in between repeats it."""
    _report(document, live_generation=document.generation, passages=F("chunks_total"))
    touch(document.base_id)
    _discard(document, kept=(document.generation,))
    _update(document, state=Document.State.READY, worker="")


def touch(base: UUID) -> None:
    """Tell every process that the base's searchable chunks changed."""
    KnowledgeBase.objects.filter(pk=base).update(revision=F("revision") + 1)


def _ours(document: Document) -> QuerySet[Document]:
    return Document.objects.filter(pk=document.pk, generation=document.generation)


def _update(document: Document, **fields: Any) -> bool:
    return bool(_ours(document).update(updated_at=timezone.now(), **fields))


def _report(document: Document, **fields: Any) -> None:
    if not _ours(document).update(seen_at=timezone.now(), **fields):
        raise Overtaken


def _discard(document: Document, kept: tuple[int, ...]) -> None:
    """Remove the chunks of all generations but ``kept``."""
    rows = Chunk.objects.filter(document_id=document.pk).exclude(generation__in=kept)
    if chunks := list(rows.values_list("pk", flat=True)):
        rows.delete()
        vectors.forget(document.base_id, chunks)


def _discard_all(document: Document) -> None:
    """Remove what an overtaken worker wrote, and what of the base it may have brought back."""
    rows = Chunk.objects.filter(document_id=document.pk, generation=document.generation)
    chunks = list(rows.values_list("pk", flat=True))
    rows.delete()
    vectors.forget(document.base_id, chunks)
    if not KnowledgeBase.objects.filter(pk=document.base_id).exists():
        stores.current().drop(document.base_id)


def _reason(error: Exception) -> str:
    if isinstance(error, ProductError):
        return error.message
    return (
        f"Indexing stopped at an unexpected error ({type(error).__name__}). "
        "Try again; if it happens again, the server's log has the details."
    )


def _batches(passages: Sequence[Passage]) -> Iterator[list[Passage]]:
    rest = iter(passages)
    while batch := list(islice(rest, vectors.BATCH)):
        yield batch
