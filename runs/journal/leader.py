"""Who commits: leader and followers, no committer thread in the way.

A thread that finds nobody leading takes the whole inbox, commits it at once, wakes those it has served and
hands the lead to the first that came meanwhile. So a lone chain never waits for another thread, a busy
moment shares commits, and nobody leads longer than one commit.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from runs.journal.tickets import Ticket

log = logging.getLogger(__name__)
MOST_GATHERED = 32  # results; more of them wait for no further ones


class Leadership:
    """At most one thread leads, each for one batch, whose tickets ``commit`` answers."""

    def __init__(self, commit: Callable[[list[Ticket]], None]) -> None:
        self.commit = commit
        self._inbox: deque[Ticket] = deque()
        self._mutex = threading.Lock()
        self._leading = False
        self._called = threading.Semaphore(0)
        self._committer: threading.Thread | None = None

    def waiting(self) -> int:
        """How many tickets nobody has taken yet."""
        return len(self._inbox)

    def serve(self, *tickets: Ticket) -> None:
        """Return when ``tickets`` are done, whether this thread or another has committed them."""
        if self._enter(*tickets):
            self._round(tickets[0])
        else:
            for ticket in tickets:
                ticket.wake.acquire()
                if not ticket.done:  # the lead was handed to it
                    self._round(ticket)
        if self._claim():  # results that nobody waits for; who called us has waited long enough
            self._call_committer()

    def post(self, ticket: Ticket, more: Callable[[], bool]) -> bool:
        """Whether this thread has committed ``ticket`` and may go on; else its ``then`` is called.

        While there is ``more`` for this thread to do at once, results gather. It then owes a ``relieve``,
        before it waits for anything or does what may take long.
        """
        if not self._enter(ticket, lead=len(self._inbox) >= MOST_GATHERED or not more()):
            return False
        self._round(ticket)
        if more() or not self._claim():
            return True
        ticket.tell()
        self._go_on()
        return False

    def relieve(self) -> None:
        """Commit what has gathered, unless somebody leads: who does owes the same."""
        if self._inbox and self._claim():
            self._go_on()

    def _enter(self, *tickets: Ticket, lead: bool = True) -> bool:
        """Queue them; whether this thread leads now, if it is ready to."""
        with self._mutex:
            self._inbox.extend(tickets)
            if not lead or self._leading:
                return False
            self._leading = True
            return True

    def _claim(self) -> bool:
        """Take the lead if something waits and nobody leads."""
        with self._mutex:
            if self._leading or not self._inbox:
                return False
            self._leading = True
            return True

    def _go_on(self) -> None:
        self._round(None)
        while self._claim():
            self._round(None)

    def _call_committer(self) -> None:
        """Hand the lead to a thread that is there for this."""
        if self._committer is None:
            self._committer = threading.Thread(target=self._stand_by, name="journal", daemon=True)
            self._committer.start()
        self._called.release()

    def _stand_by(self) -> None:
        while True:
            self._called.acquire()
            try:
                self._go_on()
            except Exception:
                log.exception("Committing what others have posted failed")

    def _round(self, mine: Ticket | None) -> None:
        """Commit all that waits, hand the lead over, then tell whose tickets these were."""
        with self._mutex:
            batch = list(self._inbox)
            self._inbox.clear()
        try:
            self.commit(batch)
        finally:
            for ticket in batch:
                ticket.done = True
                if ticket is not mine and ticket.then is None:
                    ticket.wake.release()
            self._hand_over()
            for ticket in batch:
                if ticket is not mine:
                    ticket.tell()

    def _hand_over(self) -> None:
        """Give the lead to who has waited longest meanwhile; it is in the inbox, and takes all of it."""
        with self._mutex:
            heir = next((ticket for ticket in self._inbox if ticket.then is None), None)
            self._leading = heir is not None
        if heir is not None:
            heir.wake.release()
