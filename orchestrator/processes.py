"""Processes of this host, told apart: a pid alone is used again."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path

PROC = Path("/proc")


@lru_cache(maxsize=1)
def this_host() -> str:
    """Names the space in which a pid means this process: host, boot and pid namespace."""
    parts = [socket.gethostname()[:60]]
    try:
        parts.append((PROC / "sys/kernel/random/boot_id").read_text().strip()[:13])
        parts.append(os.readlink(PROC / "self/ns/pid").strip("pid:[]"))
    except OSError:
        parts.append("-")  # no Linux: processes are then told apart by heartbeat only
    return "/".join(parts)


def process_started(pid: int) -> str:
    """When a process of this host began, in ticks since boot; "" if it is not there or cannot be asked."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def this_process() -> str:
    """Names this process among all of all hosts."""
    return f"{this_host()} {os.getpid()} {process_started(os.getpid())}"


def is_gone(process: str) -> bool:
    """Whether a process, as ``this_process`` named it, ran on this host and is not there any more."""
    host, _, rest = process.partition(" ")
    pid, _, started = rest.partition(" ")
    if host != this_host() or not started:
        return False
    return process_started(int(pid)) != started
