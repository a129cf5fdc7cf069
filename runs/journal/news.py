"""Who is told of what has become durable."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from runs import live, policies

if TYPE_CHECKING:
    from runs.journal.tickets import Committed

log = logging.getLogger(__name__)
Listener = Callable[["Committed"], None]
_listeners: list[Listener] = []


def subscribe(listener: Listener) -> Callable[[], None]:
    """Have ``listener`` called after each durable entry, in a thread that holds nothing of the journal's.

    Returns how to end that.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def tell(committed: Committed) -> None:
    """Tell everybody, if there is anything to tell."""
    if not committed.events:
        return
    for listener in (_publish, *_listeners):
        try:
            listener(committed)
        except Exception:  # the entry is durable; who listens finds it in the journal
            log.exception("Telling about run %s failed", committed.run.pk)


def _publish(committed: Committed) -> None:
    live.publish(committed.run.pk, committed.seq)
    if committed.asked:
        live.publish_inbox([*committed.asked, *policies.approvers(committed.run.pk)])
