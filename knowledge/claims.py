"""Who indexes a document, and whether that process still lives."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

SILENT_FOR = timedelta(minutes=2)  # a worker reports every second or so


@cache
def _me(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_started(pid)}"


def me() -> str:
    """This process, told apart from an earlier one with the same number."""
    return _me(os.getpid())


def gone(worker: str, seen_at: datetime | None, now: datetime) -> bool:
    """Whether ``worker`` will not go on: dead on this host, or silent on another one."""
    host, _, rest = worker.partition("/")
    pid, _, started = rest.partition("/")
    if host == socket.gethostname() and pid.isdigit():
        return _started(int(pid)) != started
    return seen_at is None or now - seen_at > SILENT_FOR


def _started(pid: int) -> str:
    """When a process began, in ticks since boot: ``gone`` where there is no such process.

    Without /proc (not on Linux) only a living process is told from none, by its number.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return "alive" if not Path("/proc/self").exists() and _exists(pid) else "gone"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
