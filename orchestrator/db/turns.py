"""One process at a time, whichever host it is on, with nothing but the database.

On SQLite a lock on a file beside the database, which the system takes back from a process that dies. On
MongoDB a lease, which its holder renews; the server's clock decides when it has run out.
"""

from __future__ import annotations

import fcntl
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection
from pymongo.errors import DuplicateKeyError, PyMongoError

from orchestrator.ids import new_id

log = logging.getLogger(__name__)
LEASES = "orchestrator_leases"  # {_id: what for, holder, until}
LEASE_S = 20.0
RENEW_S = 5.0
LOOK_S = 0.1


def one_at_a_time(what: str, waiting: Callable[[], None]) -> AbstractContextManager[None]:
    """Enter when no other process is inside for ``what``; ``waiting`` is called once if that takes time."""
    if connection.vendor == "mongodb":
        return _leased(what, waiting)
    return _locked(Path(f"{connection.settings_dict['NAME']}.{what}"), waiting)


@contextmanager
def _locked(file: Path, waiting: Callable[[], None]) -> Iterator[None]:
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield  # closing the file opens the lock; the file stays, as a name to meet at


@contextmanager
def _leased(what: str, waiting: Callable[[], None]) -> Iterator[None]:
    lease = Lease(connection.database[LEASES], what)  # type: ignore[attr-defined]
    told = False
    while not lease.take():
        if not told:
            waiting()
            told = True
        time.sleep(LOOK_S)
    ended = threading.Event()
    keeper = threading.Thread(target=lease.keep, args=(ended,), name=f"lease {what}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        lease.give_back()


class Lease:
    """A document that names who holds it, and until when."""

    def __init__(self, collection: Any, what: str) -> None:
        self.collection = collection
        self.what = what
        self.holder = new_id().hex

    def take(self) -> bool:
        """Whether it is ours now: it was free, or its holder has not renewed it in time."""
        run_out = {"$expr": {"$lt": ["$until", "$$NOW"]}}
        try:
            if self.collection.update_one({"_id": self.what, **run_out}, [self._mine()]).modified_count:
                return True
            fresh = {"_id": self.what, "holder": self.holder}  # matches nothing; inserts, or is refused
            self.collection.update_one(fresh, [self._mine()], upsert=True)
        except DuplicateKeyError:
            return False
        return True

    def keep(self, ended: threading.Event) -> None:
        """Renew it until ``ended`` is set."""
        while not ended.wait(RENEW_S):
            try:
                self.collection.update_one({"_id": self.what, "holder": self.holder}, [self._mine()])
            except PyMongoError:
                log.warning("The lease %s was not renewed; trying again.", self.what, exc_info=True)

    def give_back(self) -> None:
        """Let the next one in."""
        self.collection.delete_one({"_id": self.what, "holder": self.holder})

    def _mine(self) -> dict[str, Any]:
        until = {"$add": ["$$NOW", int(LEASE_S * 1000)]}
        return {"$set": {"holder": self.holder, "until": until}}
