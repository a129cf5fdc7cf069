"""What people do to an orchestration as a whole. Doors have asked whether they may."""

from __future__ import annotations

import re
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.db.models.deletion import ProtectedError
from django.utils.text import slugify

from builder import cards, edits, rows
from builder.document import canonical, digest, empty, structure
from builder.draft import Draft, Recorder
from builder.edits import Applied
from builder.models import Orchestration, OrchestrationVersion
from builder.problems import problems
from builder.references import Directory
from orchestrator.errors import Conflict, Invalid, NotFound
from orchestrator.grants import access_of, forget, set_access
from orchestrator.models import User
from steps.base import Problem

__all__ = [
    "access_of", "create", "delete", "import_document", "publish", "replace_document", "restore",
    "set_access", "version_of",
]  # fmt: skip

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,119})")
SLUG_LENGTH = 100  # room for a number
TRIES = 1_000


def create(user: User, name: str, description: str = "", slug: str = "") -> Orchestration:
    """A new orchestration without steps; its slug is made from the name, with a number when taken.

    Raises Invalid for a name or slug that cannot be, Conflict ``slug_taken`` for a given slug.
    """
    if slug and not SLUG.fullmatch(slug):
        message = "A slug is made of lower-case letters, digits and hyphens, at most 120 of them."
        raise Invalid(message, field="slug")
    return _create(user, empty(name, description), slug)


def import_document(user: User, document: dict[str, Any], *, publish: bool = False) -> Orchestration:
    """A new orchestration from a document; steps without a position get one.

    With ``publish`` it is published too, or, where it has Problems, nothing is stored. Raises GraphError,
    Invalid (``has_problems``).
    """
    document = placed(canonical(document))
    structure(document)
    if publish:
        _refuse_problems(user, document)
    orchestration = _create(user, document)
    if publish:
        publish_draft(user, orchestration, "Imported")
    return orchestration


def replace_document(
    user: User, orchestration: Orchestration, document: dict[str, Any], revision: int
) -> Applied:
    """Put ``document`` in place of the draft that ``user`` saw at ``revision``.

    Raises Conflict ``stale_revision`` where the draft says something else by now, GraphError, Invalid.
    """
    return _put(user, orchestration, document, "replace the document", revision)


def keep_runs(orchestration: Orchestration, days: int | None) -> None:
    """Have ended runs removed after ``days``; None keeps them for good. Raises Invalid for less than 0."""
    if days is not None and not 0 <= days <= 36_500:
        raise Invalid("Runs are kept from 0 to 36,500 days.", field="keep_days")
    orchestration.keep_days = days
    orchestration.save(update_fields=["keep_days"])


def publish(user: User, orchestration: Orchestration, note: str = "") -> OrchestrationVersion:
    """Make the draft, as it is now, the next version, which runs use from then on.

    Raises Invalid ``has_problems`` with the list in its details, Conflict ``nothing_changed``.
    """
    orchestration.refresh_from_db()
    _refuse_problems(user, orchestration.draft)
    number = orchestration.published_number
    if number and version_of(orchestration, number).sha256 == digest(orchestration.draft):
        raise Conflict(f"Nothing has changed since version {number}.", code="nothing_changed")
    return publish_draft(user, orchestration, note)


def publish_draft(user: User, orchestration: Orchestration, note: str) -> OrchestrationVersion:
    """Store the draft that ``orchestration`` holds as the next version.

    Two who publish at once get two numbers: the unique pair (orchestration, number) has one winner, the other
    takes the next.
    """
    if len(note) > 2_000:
        raise Invalid("A note has at most 2,000 characters.", field="note")
    draft, revision = orchestration.draft, orchestration.revision
    for _ in range(TRIES):
        last = orchestration.versions.aggregate(last=Max("number"))["last"] or 0
        try:
            with transaction.atomic():
                version = OrchestrationVersion.objects.create(
                    orchestration=orchestration,
                    number=last + 1,
                    document=draft,
                    sha256=digest(draft),
                    note=note,
                    published_by=user,
                )
        except IntegrityError:
            continue
        _announce(orchestration, version, revision)
        return version
    raise Conflict("Too many people publish this at once; try again.", code="busy")


def restore(user: User, orchestration: Orchestration, number: int) -> Applied:
    """Make the draft say what version ``number`` says; an edit like any other, so it can be undone."""
    version = version_of(orchestration, number)
    return _put(user, orchestration, version.document, f"restore version {number}", None)


def version_of(orchestration: Orchestration, number: int) -> OrchestrationVersion:
    """Version ``number``. Raises NotFound."""
    version = orchestration.versions.filter(number=number).select_related("published_by").first()
    if version is None:
        raise NotFound(f"{orchestration.name} has no version {number}.")
    return version


def delete(user: User, orchestration: Orchestration) -> None:
    """Remove it with its versions. Raises Conflict ``has_runs``: what ran stays explained."""
    pk = orchestration.pk
    try:
        orchestration.delete()
    except ProtectedError as error:
        message = f"{orchestration.name} has runs, whose history needs it; take everybody's access instead."
        raise Conflict(message, code="has_runs") from error
    forget(Orchestration, pk)


def placed(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` with every step on the canvas: where one has no position, all are tidied."""
    if all("position" in step for step in document["steps"]):
        return document
    structure(document)
    places = cards.tidy(document)
    steps = [{**step, "position": places[step["key"]]} for step in document["steps"]]
    return canonical({**document, "steps": steps})


def _create(user: User, document: dict[str, Any], slug: str = "") -> Orchestration:
    wish = slug or slugify(document["name"])[:SLUG_LENGTH].strip("-") or "orchestration"
    taken = set(Orchestration.objects.filter(slug__startswith=wish).values_list("slug", flat=True))
    for number in range(1, TRIES):
        name = wish if number == 1 else f"{wish}-{number}"
        if name in taken and not slug:
            continue
        try:
            with transaction.atomic():
                made = Orchestration.objects.create(
                    name=document["name"],
                    slug=name,
                    description=document.get("description", ""),
                    draft=document,
                    created_by=user,
                )
                rows.rebuild(made, Draft(document))
                return made
        except IntegrityError:  # somebody took the slug since we looked
            if slug:
                break
    raise Conflict(f"The slug {wish} is taken; choose another.", code="slug_taken", field="slug")


def _put(
    user: User, orchestration: Orchestration, document: dict[str, Any], says: str, revision: int | None
) -> Applied:
    document = placed(canonical(document))
    structure(document)

    def change(recorder: Recorder) -> str:
        recorder.put([], document)
        return says

    return edits.commit(user, orchestration, change, "replace", revision)


def _refuse_problems(user: User, document: dict[str, Any]) -> None:
    found = problems(document, Directory(user))
    if not found:
        return
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    where = f"{first.step}: " if first.step else ""
    raise Invalid(
        f"It cannot be published: {where}{first.message}{more}",
        code="has_problems",
        step=first.step,
        problems=[as_json(problem) for problem in found],
    )


def as_json(problem: Problem) -> dict[str, Any]:
    """A Problem as REST shows it."""
    return {
        "step": problem.step,
        "field": problem.field,
        "code": problem.code,
        "message": problem.message,
    }


def _announce(orchestration: Orchestration, version: OrchestrationVersion, revision: int) -> None:
    """Let runs use ``version``, unless a newer one is out. A crash before this leaves the old one in use."""
    Orchestration.objects.filter(pk=orchestration.pk, published_number__lt=version.number).update(
        published_number=version.number, published_revision=revision
    )
    orchestration.refresh_from_db(fields=["published_number", "published_revision"])
