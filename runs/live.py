"""Live news: "run R is at seq N", streaming text, log lines, and "your inbox changed".

News carries no state: whoever hears it reads the journal from the seq it has sent, so a lost or doubled
message does no harm. The in-memory channel layer belongs to the server's event loop: threads hand their
messages to that loop, and where nobody in this process watches, there is nothing to do. With Redis the
watchers may be anywhere, and a loop of our own sends.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from django.conf import settings

from runs.models import Approval, OrchestrationInstance

log = logging.getLogger(__name__)
FRAME_S = 0.05  # streaming text is sent about 20 times a second
POLL_S = 1.0
TEXT_LIMIT = 1_000_000  # characters kept of one step's text
Message = dict[str, Any]


def run_group(run_id: UUID | str) -> str:
    """The channel group of everybody who watches a run."""
    return f"run.{UUID(str(run_id)).hex}"


def person_group(pk: UUID | str) -> str:
    """The channel group of a person's sockets."""
    return f"person.{UUID(str(pk)).hex}"


def inbox_group(who: str) -> str:
    """The channel group of an addressee: ``user:<username>`` or ``role:<role>``, in permitted letters."""
    return f"inbox.{sha256(who.encode()).hexdigest()[:32]}"


class _Wire:
    """Hands messages from any thread to the loop that may send them; the newest of a kind replaces."""

    def __init__(self) -> None:
        self.watched: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Message] = {}
        self._scheduled = False

    def watch(self, group: str) -> None:
        """Called on the server's loop by a consumer that joins ``group``."""
        with self._lock:
            if self._remote is False:
                self._loop = asyncio.get_running_loop()
            self.watched[group] += 1

    def unwatch(self, group: str) -> None:
        """The consumer leaves."""
        with self._lock:
            self.watched[group] -= 1
            if self.watched[group] <= 0:
                del self.watched[group]

    @property
    def _remote(self) -> bool:
        return bool(settings.CHANNEL_LAYER == "redis")

    def send(self, group: str, message: Message, key: str) -> None:
        """Send soon; a waiting message of the same ``key`` for the group is replaced."""
        if not self._remote and group not in self.watched:
            return
        with self._lock:
            self._waiting[group, key] = message
            if self._scheduled:
                return
            loop = self._sender()
            if loop is None:
                self._waiting.clear()
                return
            self._scheduled = True
        try:
            loop.call_soon_threadsafe(self._start)
        except RuntimeError:  # the loop has just ended, and its watchers with it
            with self._lock:
                self._waiting.clear()
                self._scheduled = False

    def after(self, seconds: float, group: str, work: Callable[[], None]) -> bool:
        """Call ``work`` on the sending loop in a while; False where nobody watches ``group``."""
        if not self._remote and group not in self.watched:
            return False
        with self._lock:
            loop = self._sender()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(loop.call_later, seconds, work)
        except RuntimeError:  # the loop has just ended
            return False
        return loop is not None

    def _sender(self) -> asyncio.AbstractEventLoop | None:
        if self._loop is not None and self._loop.is_closed():
            self._loop = None
        if self._loop is None and self._remote:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="live", daemon=True).start()
        return self._loop

    def _start(self) -> None:
        task = asyncio.ensure_future(self._flush())
        task.add_done_callback(_report)

    async def _flush(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._scheduled = False
        layer = get_channel_layer()
        for (group, _), message in waiting.items():
            await layer.group_send(group, message)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("Sending live news failed", exc_info=error)


_wire = _Wire()
watch, unwatch = _wire.watch, _wire.unwatch


def watched_runs() -> list[UUID]:
    """The runs that somebody watches through this process."""
    return [UUID(group.removeprefix("run.")) for group in list(_wire.watched) if group.startswith("run.")]


def inbox_watched() -> bool:
    """Whether somebody watches an inbox through this process."""
    return any(group.startswith("inbox.") for group in list(_wire.watched))


def publish(run_id: UUID, seq: int) -> None:
    """Say that the run's journal has reached ``seq``. Any thread, any number of times."""
    if _wire.watched or settings.CHANNEL_LAYER == "redis":
        _wire.send(run_group(run_id), {"type": "run.moved", "seq": seq}, "moved")


def publish_inbox(addressees: Iterable[str]) -> None:
    """Say that what waits for these (``runs.policies.listens_as``) has changed."""
    for who in addressees:
        _wire.send(inbox_group(who), {"type": "inbox.moved"}, "moved")


def publish_signed_out(user_id: UUID) -> None:
    """Say that all sign-ins of a person have ended."""
    _wire.send(person_group(user_id), {"type": "person.signed_out"}, "signed out")


def publish_every_inbox() -> None:
    """Have every inbox that is watched through this process look again."""
    for group in list(_wire.watched):
        if group.startswith("inbox."):
            _wire.send(group, {"type": "inbox.moved"}, "moved")


def publish_logs(run_id: UUID, lines: list[Message]) -> None:
    """Send lines of steps' logs, oldest first."""
    _wire.send(run_group(run_id), {"type": "run.log", "lines": lines}, f"log {lines[0]['id']}")


class _Text:
    """What a step has streamed so far, and how much of it was sent."""

    __slots__ = ("attempt", "epoch", "parts", "scheduled", "sent", "size")

    def __init__(self, epoch: int, attempt: int) -> None:
        self.epoch, self.attempt = epoch, attempt
        self.parts: list[str] = []
        self.size = 0
        self.sent = 0
        self.scheduled = False

    def whole(self) -> str:
        text = "".join(self.parts)
        self.parts = [text]
        return text


_texts: dict[tuple[UUID, str], _Text] = {}
_texts_lock = threading.Lock()


def publish_text(run_id: UUID, step: str, epoch: int, attempt: int, *, offset: int, text: str) -> None:
    """Append streamed text that begins at character ``offset``; it goes out within FRAME_S.

    A piece that was published before is ignored; a gap ends what can be shown live of this attempt.
    """
    with _texts_lock:
        kept = _texts.get((run_id, step))
        if kept is None or (kept.epoch, kept.attempt) != (epoch, attempt):
            kept = _texts[run_id, step] = _Text(epoch, attempt)
        if not text or offset != kept.size or kept.size + len(text) > TEXT_LIMIT:
            return
        kept.parts.append(text)
        kept.size += len(text)
        if not kept.scheduled:
            kept.scheduled = _wire.after(FRAME_S, run_group(run_id), partial(_send_text, run_id, step))


def _send_text(run_id: UUID, step: str) -> None:
    with _texts_lock:
        kept = _texts.get((run_id, step))
        if kept is None:
            return
        kept.scheduled = False
        if kept.sent == kept.size:
            return
        message = {
            "type": "run.text", "step": step, "epoch": kept.epoch, "attempt": kept.attempt,
            "offset": kept.sent, "text": kept.whole()[kept.sent :],
        }  # fmt: skip
        kept.sent = kept.size
    _wire.send(run_group(run_id), message, f"text {step} {kept.epoch} {kept.attempt} {message['offset']}")


def end_text(run_id: UUID, step: str) -> None:
    """The attempt has ended: send what has not gone out, and forget it (the journal has the output)."""
    if (run_id, step) not in _texts:
        return
    _send_text(run_id, step)
    with _texts_lock:
        _texts.pop((run_id, step), None)


def text_so_far(run_id: UUID, step: str) -> Message | None:
    """``{step, epoch, attempt, offset: 0, text}`` of a step that streams in this process, else None."""
    with _texts_lock:
        kept = _texts.get((run_id, step))
        if kept is None or not kept.size:
            return None
        return {"step": step, "epoch": kept.epoch, "attempt": kept.attempt, "offset": 0, "text": kept.whole()}


def texts_of(run_id: UUID) -> list[Message]:
    """The text so far of every step of a run that streams in this process."""
    with _texts_lock:
        steps = [step for run, step in _texts if run == run_id]
    return [text for step in steps if (text := text_so_far(run_id, step))]


class Poll:
    """Notices what other processes have written, for who watches through this one; at most once a second."""

    def __init__(self) -> None:
        self._seqs: dict[UUID, int] = {}
        self._inbox: tuple[object, ...] = ()
        self._next = 0.0

    def look(self) -> None:
        """Publish what has moved since the last look."""
        if time.monotonic() < self._next or not _wire.watched:
            return
        self._next = time.monotonic() + POLL_S
        before, watched = self._seqs, watched_runs()
        self._seqs = dict(
            OrchestrationInstance.objects.filter(pk__in=watched).values_list("pk", "seq") if watched else ()
        )
        for run_id, seq in self._seqs.items():
            if before.get(run_id) != seq:
                publish(run_id, seq)
        if inbox_watched():
            self._look_at_inboxes()

    def _look_at_inboxes(self) -> None:
        pending = Approval.objects.filter(status=Approval.Status.PENDING)
        newest = pending.order_by("-requested_at").values_list("pk", flat=True).first()
        now = (pending.count(), newest)
        if now != self._inbox:
            self._inbox = now
            publish_every_inbox()
