"""What Django does around a request, for threads that take none: close connections too old or broken."""

from __future__ import annotations

import threading
from typing import Any

from django.db import close_old_connections
from django.db.backends.signals import connection_created


class _Thread(threading.local):
    connected = False  # at some time


_this = _Thread()


def _note(**about: Any) -> None:
    _this.connected = True


connection_created.connect(_note, dispatch_uid="tidy")


def tidy_connections() -> None:
    """Close what is not to be used again; next to nothing in a thread that has never connected."""
    if _this.connected:
        close_old_connections()
