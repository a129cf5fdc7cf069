"""Changing a draft. Every edit is applied to the newest revision by compare-and-set, with its inverse kept.

An edit is refused (Conflict ``stale_revision``) only if what it touches says something else than when the
person saw it, and refused whole (GraphError, Invalid) if the draft would not be a graph afterwards. Undo and
redo are each person's own, over reloads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from django.db import transaction
from django.utils import timezone

from builder import cards, rows
from builder.changes import perform
from builder.document import MAX_BYTES, structure
from builder.draft import MissingError, MovedError, Patch, Path, Recorder
from builder.graph import GraphError
from builder.history import GapError, Since, forget, next_redo, next_undo, since
from builder.models import DraftEdit, Orchestration
from orchestrator.errors import Conflict, Invalid, NotFound, TooLarge
from orchestrator.models import User

TRIES = 100
PATIENCE_S = 2.0  # for an edit whose row another process is just writing

Change = Callable[[Recorder], str]


@dataclass(frozen=True, slots=True)
class Applied:
    """What an edit did. ``changed`` lists the steps whose cards may look different now."""

    revision: int
    document: dict[str, Any] = field(repr=False)
    keys: dict[str, str]
    changed: list[str]
    removed: list[str]
    edges: bool
    meta: bool
    says: str

    def summary(self) -> dict[str, Any]:
        """All but the document, as JSON."""
        return {name: value for name, value in asdict(self).items() if name != "document"}


def apply(user: User, orchestration: Orchestration, edit: Any, revision: int) -> Applied:
    """Do ``edit`` (see ``builder.changes``), which ``user`` chose while seeing ``revision``.

    ``orchestration`` is brought up to date in place. Raises Conflict ``stale_revision``, GraphError, Invalid,
    TooLarge; then nothing is stored.
    """
    op = str(edit.get("op")) if isinstance(edit, dict) else ""
    return commit(user, orchestration, lambda recorder: perform(recorder, edit), op, revision)


def undo(user: User, orchestration: Orchestration) -> Applied:
    """Take back the newest edit of ``user`` that stands.

    Raises Conflict ``nothing_to_undo``, or ``stale_revision`` where somebody changed the same since; that
    edit is then passed over, so that the next undo reaches the one before it.
    """
    edit = next_undo(user, orchestration)
    if edit is None:
        raise Conflict("There is nothing of yours to undo here.", code="nothing_to_undo")
    return _steer(user, orchestration, edit, undone=True)


def redo(user: User, orchestration: Orchestration) -> Applied:
    """Do again what ``user`` undid last. Raises Conflict ``nothing_to_redo`` or ``stale_revision``."""
    edit = next_redo(user, orchestration)
    if edit is None:
        raise Conflict("There is nothing of yours to redo here.", code="nothing_to_redo")
    return _steer(user, orchestration, edit, undone=False)


def commit(
    user: User, orchestration: Orchestration, change: Change, op: str, revision: int | None = None
) -> Applied:
    """Apply ``change`` to the newest draft and store it, if nobody was faster; else again.

    Without ``revision`` the change itself says (MovedError) whether it still fits.
    """
    give_up = time.monotonic() + PATIENCE_S
    for _ in range(TRIES):
        _refresh(orchestration)
        recorder = Recorder(orchestration.draft)
        try:
            behind = since(orchestration, orchestration.revision if revision is None else revision)
        except GapError as error:
            if time.monotonic() > give_up or revision is None or revision > orchestration.revision:
                raise _stale(orchestration, None, ()) from error
            time.sleep(0.02)
            continue
        says = _change(recorder, change, behind, orchestration)
        _refuse_stale(recorder, behind, orchestration)
        if not recorder.forward:
            return _applied(orchestration, recorder, says)
        document = _checked(recorder)
        if _store(user, orchestration, document, recorder, {"op": op, "says": says}):
            return _applied(orchestration, recorder, says)
    raise Conflict("Too many people change this draft at once; try again.", code="stale_revision")


def _refresh(orchestration: Orchestration) -> None:
    try:
        orchestration.refresh_from_db(fields=["draft", "revision", "name", "description"])
    except Orchestration.DoesNotExist as error:
        raise NotFound("This orchestration was deleted.") from error


def _change(recorder: Recorder, change: Change, behind: Since, orchestration: Orchestration) -> str:
    try:
        return change(recorder)
    except MissingError as error:
        if behind.seen.read(error.path):
            raise _stale(orchestration, behind, error.path) from error
        what = "step" if error.path[0] == "steps" else "edge"
        named = " → ".join(error.path[1:])
        raise Invalid(f"There is no {what} {named}.", code=f"unknown_{what}", step=error.path[1]) from error


def _refuse_stale(recorder: Recorder, behind: Since, orchestration: Orchestration) -> None:
    if not behind.edits:
        return
    path = behind.changed([patch["path"] for patch in recorder.forward], recorder.before)
    if path is not None:
        raise _stale(orchestration, behind, path)


def _stale(orchestration: Orchestration, behind: Since | None, path: Path) -> Conflict:
    culprit = behind.culprit(path) if behind else None
    who = culprit.user.display_name if culprit else "Somebody"
    what = (
        f"has changed this since you saw it ({culprit.edit['says']})" if culprit else "has changed this draft"
    )
    return Conflict(
        f"{who} {what}; nothing was saved. Look at the new state and decide again.",
        code="stale_revision",
        revision=orchestration.revision,
        by=who if culprit else None,
        **({"step": path[1]} if path and path[0] in ("steps", "edges") else {}),
    )


def _checked(recorder: Recorder) -> dict[str, Any]:
    """The document, if it still is a graph. A refusal names steps as people call them."""
    document = recorder.draft.document()
    if len(orjson.dumps(document)) > MAX_BYTES:
        raise TooLarge(f"A document may have {MAX_BYTES // 1024 // 1024} MiB; this one would have more.")
    try:
        structure(document)
    except GraphError as error:
        if error.code == "cycle":
            circle = [cards.title(recorder.draft.steps[key]) for key in error.details["steps"]]
            error.message = f"This would lead in a circle: {' → '.join([*circle[:20], circle[0]])}."
        raise
    return document


def _store(
    user: User,
    orchestration: Orchestration,
    document: dict[str, Any],
    recorder: Recorder,
    edit: dict[str, Any],
) -> bool:
    """Write the draft if it is at the revision that was read; False where somebody was faster.

    The edit's row and the Step and Edge rows follow in the same transaction, or, on a database without one,
    after the draft: what a crash loses there is this edit's undo and a search hit, never the draft's truth.
    """
    revision = orchestration.revision + 1
    now = timezone.now()
    fresh = {"name": document["name"], "description": document.get("description", "")}
    with transaction.atomic():
        won = Orchestration.objects.filter(pk=orchestration.pk, revision=orchestration.revision).update(
            draft=document, revision=revision, updated_at=now, **fresh
        )
        if not won:
            return False
        DraftEdit.objects.create(
            orchestration=orchestration,
            user=user,
            revision=revision,
            edit={**edit, "patches": recorder.forward},
            inverse=recorder.backward,
        )
        rows.follow(orchestration, recorder.draft, recorder.forward)
        forget(orchestration, revision)
    orchestration.draft, orchestration.revision, orchestration.updated_at = document, revision, now
    orchestration.name, orchestration.description = fresh["name"], fresh["description"]
    return True


def _steer(user: User, orchestration: Orchestration, edit: DraftEdit, *, undone: bool) -> Applied:
    """Apply an edit's inverse, or the edit again, where everything still is as it was left."""
    forward: list[Patch] = edit.edit["patches"]
    patches, expected = (edit.inverse, forward) if undone else (forward, edit.inverse)
    verb = "undo" if undone else "redo"

    def change(recorder: Recorder) -> str:
        recorder.replay(patches, expected)
        recorder.keys = edit.edit.get("keys", {})
        return f"{verb}: {edit.edit['says']}"

    try:
        applied = commit(user, orchestration, change, verb)
    except (MovedError, GraphError, Invalid) as error:
        DraftEdit.objects.filter(pk=edit.pk).update(edit={**edit.edit, "void": True})
        raise Conflict(
            f"This cannot be {'undone' if undone else 'redone'} ({edit.edit['says']}): "
            "what it changed has been changed again since.",
            code="stale_revision",
            revision=orchestration.revision,
        ) from error
    DraftEdit.objects.filter(pk=edit.pk).update(undone=undone)
    return applied


def _applied(orchestration: Orchestration, recorder: Recorder, says: str) -> Applied:
    changed: dict[str, None] = {}
    before, now = recorder.before, recorder.draft
    paths = [patch["path"] for patch in recorder.forward]
    for path in paths:
        ends = (path[1], path[3]) if path[:1] == ["edges"] else path[1:2] if path[:1] == ["steps"] else ()
        changed.update(dict.fromkeys(ends))
    if [] in paths:
        changed = dict.fromkeys([*before.steps, *now.steps])
    return Applied(
        revision=orchestration.revision,
        document=orchestration.draft,
        keys=recorder.keys,
        changed=[key for key in changed if key in now.steps],
        removed=[key for key in before.steps if key not in now.steps],
        edges=list(before.edges) != list(now.edges),
        meta=before.meta != now.meta,
        says=says,
    )
