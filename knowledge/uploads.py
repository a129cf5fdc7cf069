"""Several files of one form: those that can be taken are, each of the others gets its reason."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.files.uploadedfile import UploadedFile

from knowledge import ingest
from knowledge.models import KnowledgeBase
from orchestrator.errors import ProductError
from orchestrator.models import User


def take(user: User, base: KnowledgeBase, files: Iterable[UploadedFile[bytes]]) -> list[str]:
    """Add the files; answers a sentence for each that was refused."""
    refused = []
    for file in files:
        try:
            name, media_type = file.name or "", file.content_type or ""
            ingest.check_upload(name, file.size or 0, media_type)  # before its bytes are read
            ingest.add_document(user, base, name, file.read(), media_type)
        except ProductError as error:
            refused.append(error.message)
    return refused
