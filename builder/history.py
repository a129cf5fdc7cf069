"""What happened to a draft: who changed what since, the draft as it was, and what a person can undo."""

from __future__ import annotations

from dataclasses import dataclass

from builder.draft import Draft, Path, apply, related, same
from builder.models import DraftEdit, Orchestration
from orchestrator.models import User

REMEMBERED = 500  # revisions; a page that is further behind must load again
KEPT = 2_000  # edits a draft keeps for undo
STEERING = ("undo", "redo")


class GapError(Exception):
    """A revision's edit is not (or not yet) written down."""


@dataclass(frozen=True, slots=True)
class Since:
    """The draft as a person saw it, and the edits since, newest first."""

    seen: Draft
    edits: list[DraftEdit]

    def changed(self, paths: list[Path], now: Draft) -> Path | None:
        """The first of ``paths`` at which the draft says something else now."""
        return next((path for path in paths if not same(path, self.seen.read(path), now.read(path))), None)

    def culprit(self, path: Path) -> DraftEdit | None:
        """The newest edit that touched ``path``."""
        return next((edit for edit in self.edits if _touches(edit, path)), None)


def since(orchestration: Orchestration, revision: int) -> Since:
    """Go back from the draft that ``orchestration`` holds to ``revision``.

    Raises GapError where the way back is not known: too far, ahead, or an edit whose row is missing (on
    MongoDB the draft is written a moment before it).
    """
    steps = orchestration.revision - revision
    if not 0 <= steps <= REMEMBERED:
        raise GapError
    seen = Draft(orchestration.draft)
    if not steps:
        return Since(seen, [])
    rows = DraftEdit.objects.filter(orchestration=orchestration, revision__gt=revision)
    edits = list(
        rows.filter(revision__lte=orchestration.revision).select_related("user").order_by("-revision")
    )
    if [edit.revision for edit in edits] != list(range(orchestration.revision, revision, -1)):
        raise GapError
    for edit in edits:
        apply(seen, edit.inverse)
    return Since(seen, edits)


def next_undo(user: User, orchestration: Orchestration) -> DraftEdit | None:
    """The newest edit of ``user`` that stands."""
    own = DraftEdit.objects.filter(orchestration=orchestration, user=user, undone=False)
    return next((edit for edit in own.order_by("-revision").iterator(20) if _ordinary(edit)), None)


def next_redo(user: User, orchestration: Orchestration) -> DraftEdit | None:
    """The edit that ``user`` undid last, unless they have edited since."""
    found = None
    own = DraftEdit.objects.filter(orchestration=orchestration, user=user)
    for edit in own.order_by("-revision").iterator(20):
        if not _ordinary(edit):
            continue
        if not edit.undone:
            break
        found = edit
    return found


def forget(orchestration: Orchestration, revision: int) -> None:
    """Drop edits that are older than anybody undoes; called now and then."""
    if revision % 100 == 0:
        DraftEdit.objects.filter(orchestration=orchestration, revision__lte=revision - KEPT).delete()


def _ordinary(edit: DraftEdit) -> bool:
    return edit.edit.get("op") not in STEERING and not edit.edit.get("void")


def _touches(edit: DraftEdit, path: Path) -> bool:
    return any(related(patch["path"], path) for patch in edit.edit.get("patches", []))
