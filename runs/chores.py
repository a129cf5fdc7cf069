"""What a server does every so often beside its runs: a thread for each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import close_old_connections

log = logging.getLogger(__name__)


class Chore:
    """Does ``look`` for the first time after ``first_s`` seconds and then every ``every_s``."""

    def __init__(self, name: str, look: Callable[[], object], *, first_s: float, every_s: float) -> None:
        self._look, self._pauses = look, (first_s, every_s)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(5)

    def _serve(self) -> None:
        pause, every = self._pauses
        while not self._ended.wait(pause):
            pause = every
            try:
                self._look()
            except Exception:  # whatever it is (the database may be away), the next look may succeed
                log.exception("%s failed; trying again", self._thread.name)
            finally:
                close_old_connections()
