"""Pruning by itself: every hour, by one of the processes that share the database."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, close_old_connections, transaction

from runs import retention
from runs.models import Gate

log = logging.getLogger(__name__)
EVERY = timedelta(hours=1)
FIRST_S = 60.0  # after the start: there is more urgent work then
LOOK_S = 300.0
MOST_RUNS = 2000  # at a time
KEY = "prune"


class Pruner:
    """A thread that looks whether it is time."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="pruner", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(5)

    def _serve(self) -> None:
        pause = FIRST_S
        while not self._ended.wait(pause):
            pause = LOOK_S
            try:
                now = datetime.now(UTC)
                if claim(now):
                    retention.prune(now, most=MOST_RUNS, payloads=False)
            except Exception:  # whatever it is (the database may be away), the next look may succeed
                log.exception("Pruning failed; trying again")
            finally:
                close_old_connections()


def claim(now: datetime) -> bool:
    """Whether this process is the one that prunes now: at most one an hour, by compare-and-set."""
    said = {"at": now.isoformat()}
    gate = Gate.objects.filter(key=KEY).first()
    if gate is None:
        try:
            with transaction.atomic():
                Gate.objects.create(key=KEY, state=said)
        except IntegrityError:
            return False  # another process was first
        return True
    last = datetime.fromisoformat(gate.state["at"])
    if last <= now < last + EVERY:  # a last time in the future is a clock that was set back
        return False
    mine = Gate.objects.filter(key=KEY, revision=gate.revision)
    return bool(mine.update(revision=gate.revision + 1, state=said))
