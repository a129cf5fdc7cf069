"""How much there is, and how it is said: what the pages and REST show beside the rows themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, QuerySet, Sum
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from knowledge.models import Document, KnowledgeBase

State = Document.State
# which status a state looks like (the template tag ``status``)
STATUSES = {
    State.PENDING: "PENDING",
    State.INDEXING: "RUNNING",
    State.READY: "COMPLETED",
    State.FAILED: "FAILED",
}


def sizes() -> dict[UUID, tuple[int, int]]:
    """Base -> (documents, searchable passages); bases without documents are left out."""
    rows = Document.objects.values("base").annotate(documents=Count("pk"), found=Sum("passages"))
    return {row["base"]: (row["documents"], row["found"] or 0) for row in rows.order_by()}


def size(base: KnowledgeBase) -> tuple[str, str]:
    """``("5 documents", "277 passages")``."""
    documents, passages = sizes().get(base.pk, (0, 0))
    return counted(documents, "document"), counted(passages, "passage")


@dataclass(frozen=True, slots=True)
class Shelf:
    """A base as the list shows it."""

    base: KnowledgeBase
    summary: str
    status: str  # how its documents are, as a whole
    words: str


def bases(found: QuerySet[KnowledgeBase]) -> list[Shelf]:
    """The bases by name."""
    totals = sizes()
    states: dict[UUID, Counter[str]] = defaultdict(Counter)
    rows = Document.objects.values("base", "state").annotate(number=Count("pk"))
    for row in rows.order_by():
        states[row["base"]][row["state"]] = row["number"]
    return [_shelf(base, totals.get(base.pk, (0, 0)), states[base.pk]) for base in found]


def _shelf(base: KnowledgeBase, total: tuple[int, int], states: Counter[str]) -> Shelf:
    summary = "Nothing in it yet"
    if total[0]:
        summary = f"{counted(total[0], 'document')}, {counted(total[1], 'passage')}"
    waiting = states[State.PENDING] + states[State.INDEXING]
    if states[State.FAILED]:
        return Shelf(base, summary, "FAILED", f"{states[State.FAILED]} failed")
    if waiting:
        return Shelf(base, summary, "RUNNING", f"{waiting} to index")
    return Shelf(base, summary, "COMPLETED" if total[0] else "PENDING", "Ready" if total[0] else "Empty")


@dataclass(frozen=True, slots=True)
class Line:
    """A document as the panel shows it."""

    document: Document
    status: str
    words: str  # "Ready"
    what: str  # "2.1 KB · 7 passages", "62 of 140 passages, about 20 s", or why it failed
    percent: int | None  # while it is indexed
    when: str
    exact: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The documents of a base by name, and what is said about all of them."""

    lines: list[Line]
    summary: str  # "5 documents, 277 passages"
    note: str  # "1 needs you", "2 to index"
    busy: bool


def panel(base: KnowledgeBase, now: datetime) -> Panel:
    """What the documents panel of a base shows."""
    documents = list(Document.objects.filter(base=base))
    queue = _queue()
    states = Counter(document.state for document in documents)
    waiting = states[State.PENDING] + states[State.INDEXING]
    failed = states[State.FAILED]
    note = f"{failed} need{'s' if failed == 1 else ''} you" if failed else ""
    return Panel(
        [_line(document, queue, now) for document in documents],
        f"{counted(len(documents), 'document')}, "
        f"{counted(sum(document.passages for document in documents), 'passage')}",
        note or (f"{waiting} to index" if waiting else ""),
        bool(waiting),
    )


def line(document: Document, now: datetime) -> Line:
    """One document as the panel shows it."""
    return _line(document, _queue(), now)


def _line(document: Document, queue: list[Document], now: datetime) -> Line:
    state = State(document.state)
    indexing = state == State.INDEXING
    return Line(
        document,
        status=STATUSES[state],
        words=str(state.label),
        what=_what(document, queue, now),
        percent=document.chunks_done * 100 // max(document.chunks_total, 1) if indexing else None,
        when=when(document.updated_at, now),
        exact=timezone.localtime(document.updated_at).strftime("%Y-%m-%d %H:%M:%S"),
    )


def _what(document: Document, queue: list[Document], now: datetime) -> str:
    if document.state == State.READY:
        return f"{filesizeformat(document.size)} · {counted(document.passages, 'passage')}"
    if document.state == State.INDEXING:
        return _progress(document, now)
    earlier = ""
    if document.passages:
        earlier = f" The {counted(document.passages, 'passage')} of the earlier file are still found."
    if document.state == State.FAILED:
        return document.reason + earlier
    return _after(document, queue) + earlier


def _progress(document: Document, now: datetime) -> str:
    """``62 of 140 passages, about 20 s``, by how long those done took."""
    if not document.chunks_total:
        return "Reading it"
    text = f"{document.chunks_done:,} of {counted(document.chunks_total, 'passage')}"
    if not document.chunks_done or document.started_at is None:
        return text
    took = (now - document.started_at).total_seconds()
    left = took / document.chunks_done * (document.chunks_total - document.chunks_done)
    if left < 1:
        return text
    return f"{text}, about {round(left)} s" if left < 90 else f"{text}, about {round(left / 60)} min"


def _queue() -> list[Document]:
    """What is indexed or waits, in all bases, in its order."""
    busy = Document.objects.filter(state__in=(State.INDEXING, State.PENDING)).order_by("updated_at", "pk")
    rows = list(busy.only("name", "state"))
    return sorted(rows, key=lambda row: row.state != State.INDEXING)


def _after(document: Document, queue: list[Document]) -> str:
    names = [row.name for row in queue]
    ids = [row.pk for row in queue]
    place = ids.index(document.pk) if document.pk in ids else 0
    return f"After {names[place - 1]}" if place else "Next"


def counted(number: int, noun: str) -> str:
    """``1 passage``, ``1,204 passages``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def when(at: datetime, now: datetime) -> str:
    """``Today 08:12``, ``Yesterday 08:12``, ``24 Nov 08:12``, in the reader's zone."""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    days = {today: "Today", today - timedelta(days=1): "Yesterday"}
    year = f" {local.year}" if local.year != today.year else ""
    return f"{days.get(local.date()) or f'{local.day} {local:%b}{year}'} {local:%H:%M}"
