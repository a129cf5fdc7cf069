"""Ids: UUID version 7 (RFC 9562, method 3: the twelve bits after the milliseconds go on counting time)."""

from __future__ import annotations

import os
import time
import uuid
from struct import unpack

NS_PER_MS = 1_000_000
AHEAD = 256  # random numbers that are drawn at once: asking the system for each costs more than the rest
_random: list[int] = []  # ``pop`` gives each to one thread only
_last = 0  # 4,096ths of a millisecond since 1970, of the id made last

os.register_at_fork(after_in_child=_random.clear)


def new_hex() -> str:
    """A UUID version 7 as its 32 hexadecimal digits; later ones of a process sort after earlier ones.

    Two threads that make one at the very same moment may count alike; the 62 random bits tell them apart.
    """
    global _last  # noqa: PLW0603 - the clock's resolution is coarser than the count
    _last = tick = max(time.time_ns() * 4096 // NS_PER_MS, _last + 1)
    tail = _draw() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    return f"{tick >> 12:012x}7{tick & 0xFFF:03x}{tail:016x}"


def new_id() -> uuid.UUID:
    """A UUID version 7: unique, and later ids sort after earlier ones."""
    return uuid.UUID(new_hex())


def _draw() -> int:
    while True:
        try:
            return _random.pop()
        except IndexError:
            _random.extend(unpack(f"{AHEAD}Q", os.urandom(AHEAD * 8)))
