"""What steps write to their log: stored in batches, off the steps' way, and never lost at a clean stop."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import DatabaseError, IntegrityError, close_old_connections, transaction

from runs import live
from runs.executors.base import Assignment
from runs.models import StepLog

log = logging.getLogger(__name__)
LEVELS = ("debug", "info", "warning", "error")
FLUSH_S = 0.2
BATCH = 500
WAITING_LIMIT = 20_000  # lines kept while the database does not take them
LINES_PER_ATTEMPT = 2_000
MESSAGE_LIMIT = 8_192  # characters
DATA_LIMIT = 16 * 1024  # bytes

_waiting: deque[StepLog] = deque(maxlen=WAITING_LIMIT)
_flushing = threading.Lock()
_wake = threading.Event()
_thread: threading.Thread | None = None
_stopping = threading.Event()


def writer(assignment: Assignment) -> Callable[..., None]:
    """The ``log(level, message, **data)`` of one attempt's StepContext."""
    written = 0

    def write(level: str, message: str, **data: Any) -> None:
        nonlocal written
        written += 1
        if written <= LINES_PER_ATTEMPT:
            _add(assignment, level, str(message)[:MESSAGE_LIMIT], data)
        elif written == LINES_PER_ATTEMPT + 1:
            _add(
                assignment, "warning", f"Only the first {LINES_PER_ATTEMPT} lines of an attempt are kept.", {}
            )

    return write


def _add(assignment: Assignment, level: str, message: str, data: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    _waiting.append(
        StepLog(
            instance_id=assignment.run_id,
            step=assignment.step,
            epoch=assignment.epoch,
            attempt=assignment.attempt,
            at=now.replace(microsecond=now.microsecond // 1000 * 1000),
            level=level if level in LEVELS else "info",
            message=message,
            data=_fitting(data),
        )
    )
    _wake.set()


def _fitting(data: dict[str, Any]) -> dict[str, Any]:
    """Data that can be stored: JSON, and not large."""
    try:
        raw = orjson.dumps(data, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return {"dropped": "not JSON"}
    return orjson.loads(raw) if len(raw) <= DATA_LIMIT else {"dropped": f"{len(raw)} bytes"}


def settle() -> None:
    """Store what waits, unless a thread does so; called at the end of each attempt, which it cannot fail."""
    if _thread is None and _waiting:
        try:
            flush()
        except DatabaseError:
            log.exception("Storing step logs failed; the lines wait for the next attempt's end")


def flush() -> None:
    """Store what waits, in the calling thread. Lines that the database refuses for now stay waiting."""
    with _flushing:
        while _waiting:
            rows = [_waiting.popleft() for _ in range(min(BATCH, len(_waiting)))]
            try:
                with transaction.atomic():
                    StepLog.objects.bulk_create(rows)
            except IntegrityError:
                rows = _one_by_one(rows)
            except DatabaseError:
                _waiting.extendleft(reversed(rows))
                raise
            _tell(rows)


def _one_by_one(rows: list[StepLog]) -> list[StepLog]:
    """Store what can be stored; a run may have been deleted while its step still wrote."""
    stored = []
    for row in rows:
        try:
            with transaction.atomic():
                row.save(force_insert=True)
            stored.append(row)
        except IntegrityError:
            log.warning("A log line of step %s was dropped: its run %s is gone", row.step, row.instance_id)
    return stored


def line(row: StepLog) -> dict[str, Any]:
    """A line as REST and the socket say it."""
    return {
        "id": str(row.pk), "at": row.at.isoformat(timespec="milliseconds"), "step": row.step,
        "epoch": row.epoch, "attempt": row.attempt, "level": row.level, "message": row.message,
        "data": row.data,
    }  # fmt: skip


def _tell(rows: list[StepLog]) -> None:
    by_run: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_run[row.instance_id].append(line(row))
    for run_id, lines in by_run.items():
        live.publish_logs(run_id, lines)


def start() -> None:
    """Store from a thread of its own from now on."""
    global _thread  # noqa: PLW0603 - one writer a process
    if _thread is None:
        _stopping.clear()
        _thread = threading.Thread(target=_serve, name="step-logs", daemon=True)
        _thread.start()


def stop() -> None:
    """End the thread and store the rest."""
    global _thread  # noqa: PLW0603
    if _thread is not None:
        _stopping.set()
        _wake.set()
        _thread.join(5)
        _thread = None
    flush()


def _serve() -> None:
    while not _stopping.is_set():
        _wake.wait()
        _stopping.wait(FLUSH_S)  # lets a batch gather
        _wake.clear()
        try:
            flush()
        except DatabaseError:
            log.exception("Storing step logs failed; trying again")
            _wake.set()
        finally:
            close_old_connections()
