"""The verbs that change what is known. Views, REST, admin and commands call these and nothing below.

Who may is asked by the doors (``orchestrator.access``); ``user`` is recorded as who did it.
"""

from __future__ import annotations

import hashlib
import logging
from itertools import islice

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from knowledge import indexing, readers, stores
from knowledge.models import Chunk, Document, KnowledgeBase, stored_path
from knowledge.names import file_name, slugs
from orchestrator.errors import Conflict, Invalid, NotFound, ProductError, TooLarge, Unsupported
from orchestrator.grants import forget
from orchestrator.models import User

log = logging.getLogger(__name__)
State = Document.State
SAME_NAMES = 1_000  # bases of one name
RACES = 50  # uploads of one name at the same moment


def create_base(user: User | None, name: str, description: str = "") -> KnowledgeBase:
    """A new, empty base with an address made from its name; raises Invalid for a name that is none."""
    name = _base_name(name)
    for slug in islice(slugs(name), SAME_NAMES):
        if KnowledgeBase.objects.filter(slug=slug).exists():
            continue
        try:
            with transaction.atomic():
                return KnowledgeBase.objects.create(
                    name=name, slug=slug, description=description.strip(), created_by=user
                )
        except IntegrityError:
            log.debug("The address %s was taken in this moment.", slug)
    raise Conflict(f"There are {SAME_NAMES:,} knowledge bases called {name}. Choose another name.")


def change_base(base: KnowledgeBase, name: str, description: str) -> KnowledgeBase:
    """Rename or describe a base; its address stays, since orchestrations use it."""
    base.name, base.description = _base_name(name), description.strip()
    base.save(update_fields=["name", "description"])
    return base


def delete_base(base: KnowledgeBase) -> None:
    """Remove a base with its documents, passages, vectors and files."""
    files = list(Document.objects.filter(base=base).values_list("file", flat=True))
    Document.objects.filter(base=base).update(generation=F("generation") + 1, live_generation=0)
    Chunk.objects.filter(base=base).delete()
    base_id = base.pk
    base.delete()
    forget(KnowledgeBase, base_id)
    try:
        stores.current().drop(base_id)
    except ProductError as error:
        log.warning("Vectors of the deleted base %s are left behind: %s", base_id, error.message)
    for file in files:
        _remove_file(file)


def check_upload(name: str, size: int, media_type: str) -> str:
    """The name under which an upload would be known.

    Raises Invalid (no name), TooLarge (over settings.UPLOAD_MAX_BYTES), Unsupported (no reader).
    """
    known = file_name(name)
    readers.reader_for(known, media_type)
    if size > settings.UPLOAD_MAX_BYTES:
        most = filesizeformat(settings.UPLOAD_MAX_BYTES)
        raise TooLarge(
            f"{known} has {filesizeformat(size)}, and a document may have at most {most}. "
            "Split it and upload the parts.",
            file=known,
        )
    return known


def add_document(
    user: User | None, base: KnowledgeBase, name: str, content: bytes, media_type: str = ""
) -> Document:
    """Store a file and have it indexed; a document of the same name is replaced.

    The passages of the one that is replaced stay searchable until the new ones are in. The same content
    again changes nothing. Raises what ``check_upload`` raises; NotFound if the base was deleted.
    """
    name = check_upload(name, len(content), media_type)
    upload = Document(
        base=base,
        name=name,
        media_type=media_type[:120],
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        uploaded_by=user,
    )
    known = Document.objects.filter(base=base, name=name).exclude(state=State.FAILED).first()
    if known and known.sha256 == upload.sha256:
        return known
    upload.file.name = stored = default_storage.save(stored_path(upload, name), ContentFile(content))
    try:
        document = _place(upload)
    except BaseException:
        _remove_file(stored)
        raise
    transaction.on_commit(indexing.wake)
    return document


def replace_document(
    user: User | None, document: Document, name: str, content: bytes, media_type: str = ""
) -> Document:
    """Replace one document by a file of any name and of its own format; it keeps its name.

    Raises what ``check_upload`` raises, and Unsupported for another format.
    """
    sent = check_upload(name, len(content), media_type)
    kind = readers.reader_for(document.name, document.media_type)
    if readers.reader_for(sent, media_type) != kind:
        raise Unsupported(
            f"{document.name} is {kind.label} and {sent} is not. Add it as a document of its own.", file=sent
        )
    return add_document(user, KnowledgeBase(pk=document.base_id), document.name, content, media_type)


def _place(upload: Document) -> Document:
    """Make ``upload`` the document of its name. Of several at once each replaces the one before it."""
    for _ in range(RACES):
        if not KnowledgeBase.objects.filter(pk=upload.base_id).exists():
            raise NotFound("This knowledge base was deleted.")
        known = Document.objects.filter(base_id=upload.base_id, name=upload.name).first()
        if known is None:
            try:
                with transaction.atomic():
                    upload.save(force_insert=True)
                    return upload
            except IntegrityError:  # the same name in this moment, or the base is gone: look again
                log.debug("%s was added by somebody else in this moment.", upload.name)
        elif _replace(known, upload):
            _remove_file(known.file.name or "")
            return Document.objects.get(pk=known.pk)
    raise Conflict(f"{upload.name} is being replaced by others at the same time. Upload it again.")


def _replace(known: Document, upload: Document) -> bool:
    """Give ``known`` the upload's file; False if somebody else changed it since it was read."""
    return bool(
        Document.objects.filter(pk=known.pk, generation=known.generation).update(
            generation=known.generation + 1,
            state=State.PENDING,
            reason="",
            media_type=upload.media_type,
            size=upload.size,
            sha256=upload.sha256,
            file=upload.file.name,
            uploaded_by=upload.uploaded_by,
            chunks_done=0,
            chunks_total=0,
            worker="",
            updated_at=timezone.now(),
        )
    )


def retry_document(document: Document) -> Document:
    """Index a failed document once more; raises Conflict ``not_failed``."""
    again = Document.objects.filter(
        pk=document.pk, generation=document.generation, state=State.FAILED
    ).update(state=State.PENDING, generation=document.generation + 1, reason="", updated_at=timezone.now())
    if not again:
        raise Conflict(f"{document.name} has not failed, so it need not be tried again.", code="not_failed")
    transaction.on_commit(indexing.wake)
    return Document.objects.get(pk=document.pk)


def delete_document(document: Document) -> None:
    """Remove a document with its passages, vectors and file; whoever indexes it stops.

    Out of the search first, then row by row: after a crash in between it is still listed, to delete again.
    """
    Document.objects.filter(pk=document.pk).update(generation=F("generation") + 1, live_generation=0)
    indexing.touch(document.base_id)
    Chunk.objects.filter(document=document).delete()
    file, base_id, document_id = document.file.name or "", document.base_id, document.pk
    document.delete()
    try:
        stores.current().forget(base_id, document_id)
    except ProductError as error:
        log.warning("Vectors of %s are left behind until they can be removed: %s", document_id, error.message)
        indexing.heal_later(base_id)
    _remove_file(file)


def resume_pending() -> int:
    """Take up what waits and what dead workers left behind; answers how many documents wait.

    For the start of a server and its sweeps: cheap, and safe from any number of processes at once.
    """
    for document in Document.objects.filter(state=State.INDEXING):
        if indexing.interrupted(document):
            log.warning("Indexing of %s was interrupted; it starts again.", document.name)
            Document.objects.filter(
                pk=document.pk, generation=document.generation, state=State.INDEXING
            ).update(state=State.PENDING, generation=document.generation + 1, worker="")
    waiting = Document.objects.filter(state=State.PENDING).count()
    if waiting:
        indexing.wake()
    return waiting


def _base_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid("A knowledge base needs a name.", field="name")
    if len(name) > 120:
        raise Invalid("A name has at most 120 characters.", field="name")
    return name


def _remove_file(name: str) -> None:
    """Remove a stored file; one that cannot be removed is left and logged."""
    try:
        default_storage.delete(name)
    except OSError:
        log.warning("The file %s could not be removed.", name, exc_info=True)
