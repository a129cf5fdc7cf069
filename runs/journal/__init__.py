"""The journal: one append function, and the only writer of what a run's and its steps' rows say.

``submit`` decides a command on the run's state and appends what follows as ONE entry, with the
projections; it returns when that is durable. Appends of all threads go through one leader at a time
(``leader``), which commits all that waits at once (``append``).

A worker ``post``s its results: where somebody leads already, it does not wait for them but goes on with
its next step, and whoever has committed them hands out what they start. So the commits of a busy moment
carry more steps than there are threads.

A decision is taken on the newest state: SQLite reads the tail inside the write transaction, MongoDB
refuses a ``seq`` that is taken and the command is decided again. What was decided is therefore what is
in the journal, from any number of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from django.db import transaction

from runs.cache import runs
from runs.engine.commands import Command
from runs.journal import news
from runs.journal.append import Appender, append_inside
from runs.journal.leader import Leadership
from runs.journal.news import subscribe
from runs.journal.reading import behind, entries, fresh, inside_transaction, load, rebuild, refresh
from runs.journal.tickets import Committed, Then, Ticket

__all__ = [
    "Committed", "behind", "close", "entries", "load", "post", "rebuild", "refresh", "relieve", "submit",
    "submit_all", "subscribe",
]  # fmt: skip

MOST_TOGETHER = 100  # commands of one caller in a commit, so that others are not kept waiting

_appender = Appender()
_leadership = Leadership(_appender.commit)


def submit(run_id: UUID | str, command: Command, *, worker: str = "") -> Committed:
    """Decide ``command``, append what follows, and return when it is durable.

    ``worker`` names the process that will execute the steps that this starts; without one nothing
    starts, and the freed steps stay ready. Raises Conflict where the state refuses a person's act
    (nothing is appended), NotFound for an unknown run, and the database's error if nothing was stored.
    """
    pk = run_id if isinstance(run_id, UUID) else UUID(run_id)
    if inside_transaction():
        inside = append_inside(Ticket(fresh(pk), command, worker))
        transaction.on_commit(lambda: news.tell(inside))
        return inside
    ticket = Ticket(runs.get(pk), command, worker)
    _leadership.serve(ticket)
    committed = ticket.answer()
    news.tell(committed)
    return committed


def submit_all(commands: Sequence[tuple[UUID, Command]], *, worker: str = "") -> list[Committed]:
    """As ``submit``, for commands to different runs, which share commits. Raises the first error."""
    if inside_transaction():
        return [submit(run_id, command, worker=worker) for run_id, command in commands]
    tickets = [Ticket(runs.get(run_id), command, worker) for run_id, command in commands]
    for first in range(0, len(tickets), MOST_TOGETHER):
        _leadership.serve(*tickets[first : first + MOST_TOGETHER])
    answers = [ticket.answer() for ticket in tickets]
    for committed in answers:
        news.tell(committed)
    return answers


def post(
    run_id: UUID, command: Command, then: Then, *, worker: str = "", more: Callable[[], bool] = lambda: False
) -> Committed | None:
    """As ``submit`` where nobody else commits now, else None, at once.

    Then the thread that commits the command calls ``then`` with what it came to, or with the error;
    nothing was stored in that case. While there is ``more`` to do at once, results gather for one commit;
    the caller owes a ``relieve`` before it waits for anything or does what may take long.
    """
    if inside_transaction():
        return submit(run_id, command, worker=worker)
    ticket = Ticket(runs.get(run_id), command, worker, then)
    if not _leadership.post(ticket, more):
        return None
    committed = ticket.answer()
    news.tell(committed)
    return committed


def relieve() -> None:
    """Commit results that have gathered. Costs nothing where there are none."""
    _leadership.relieve()


def close() -> None:
    """Give back the store's connection; the next commit opens another. For tools that change databases."""
    _appender.close()
