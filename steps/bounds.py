"""What one rendering of a template may use up, and the operations that are held to it.

Jinja's sandbox stops escapes but no waste: ``'a' * 10**9``, ``center(10**9)``, nested loops, a list
that doubles in every line. Everything that makes a value asks the budget first.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jinja2 import Undefined
from jinja2.exceptions import SecurityError

CPU_S = 1.0  # processor time of one rendering; waiting for the processor does not count
MAX_VALUE = 4_000_000  # characters of one value, written out
MAX_WORK = 32_000_000  # characters of all values made on the way
MAX_LOOPS = 100_000  # turns of all loops together
MAX_BITS = 4096  # of a whole number
MAX_WIDTH = 1000  # of padding and indentation
NODE = 8  # what a list item, a pair or a number counts beside its text

_PERCENT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d*)(?:\.(\*|\d*))?[hlL]?.", re.DOTALL)


class Budget:
    """The allowance of one rendering. ``deadline`` is a ``time.monotonic`` moment or None."""

    __slots__ = ("_kept", "_sizes", "cpu_end", "deadline", "loops", "work")

    def __init__(self, deadline: float | None) -> None:
        self.cpu_end = time.thread_time() + CPU_S
        self.deadline = deadline
        self.loops = MAX_LOOPS
        self.work = MAX_WORK
        self._sizes: dict[int, int] = {}
        self._kept: list[Any] = []  # keeps the ids in `_sizes` from being used again

    def tick(self) -> None:
        """Raise SecurityError when the time is over."""
        if time.thread_time() > self.cpu_end:
            raise SecurityError("takes too long to work out; let it do less")
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise SecurityError("was stopped because the step's time is over")

    def ticked(self, value: Any) -> Any:
        """Return ``value`` after a look at the clock."""
        self.tick()
        return value

    def turn(self) -> None:
        """Count one turn of a loop."""
        self.loops -= 1
        if self.loops < 0:
            raise SecurityError(f"loops more than {MAX_LOOPS:,} times; let it go over less")
        self.tick()

    def spend(self, amount: int) -> None:
        """Count ``amount`` characters (or ``NODE`` an item) that are about to be made."""
        self.work -= amount
        if amount > MAX_VALUE or self.work < 0:
            raise SecurityError(f"makes more than {MAX_VALUE:,} characters; let it make less")

    def made(self, value: Any) -> Any:
        """Return ``value``, just made by a template, unless it is too large written out."""
        self.tick()
        if isinstance(value, str):
            self.spend(len(value))
        elif isinstance(value, int):
            if value.bit_length() > MAX_BITS:
                raise SecurityError("makes a number that is too large")
        elif isinstance(value, (list, tuple, Mapping)):
            self.spend(NODE * len(value))
            if self.size(value) > MAX_VALUE:
                raise SecurityError(f"makes more than {MAX_VALUE:,} characters; let it make less")
        return value

    def size(self, value: Any) -> int:
        """The characters of ``value`` written out; more than MAX_VALUE means "too many".

        A value inside itself many times counts many times: forty doublings are a small object and a
        terabyte of text. Sizes are remembered, so each container is walked once.
        """
        if isinstance(value, str):
            return len(value) + NODE
        if not isinstance(value, (list, tuple, Mapping)):
            return NODE
        known = self._sizes.get(id(value))
        if known is None:
            known = NODE
            parts = value.items() if isinstance(value, Mapping) else value
            for part in parts:
                known += self.size(part) if not isinstance(part, tuple) else sum(map(self.size, part))
                if known > MAX_VALUE:
                    break
            self._sizes[id(value)] = known
            self._kept.append(value)
        return known


class _Current(threading.local):
    budget: Budget | None = None


_current = _Current()


def current() -> Budget:
    """The budget of the rendering that this thread is in."""
    if _current.budget is None:
        raise SecurityError("was used outside of a rendering")
    return _current.budget


class spending:  # noqa: N801  (reads as a statement: `with spending(deadline) as budget`)
    """Give this thread a budget for the time of one rendering; renderings may nest."""

    def __init__(self, deadline: float | None) -> None:
        self.budget = Budget(deadline)

    def __enter__(self) -> Budget:
        self.outer, _current.budget = _current.budget, self.budget
        return self.budget

    def __exit__(self, *error: object) -> None:
        _current.budget = self.outer


def turns(values: Iterable[Any]) -> Iterator[Any]:
    """Go over ``values``, counting."""
    budget = current()
    for value in values:
        budget.turn()
        yield value


def collected(values: Iterator[Any]) -> list[Any]:
    """The list of what a lazy filter gives, counted and measured as it grows."""
    budget, found, size = current(), [], 0
    for value in values:
        budget.turn()
        size += budget.size(value)
        budget.spend(NODE)
        if size > MAX_VALUE:
            raise SecurityError(f"makes more than {MAX_VALUE:,} characters; let it make less")
        found.append(value)
    return found


def add(left: Any, right: Any) -> Any:
    """``left + right`` for numbers, texts and lists."""
    if isinstance(left, (str, list, tuple)):
        _room(left, right)
    return current().made(left + right)


def _room(left: Any, right: Any) -> None:
    if isinstance(right, (str, list, tuple)):
        current().spend(len(left) + len(right))


def multiply(left: Any, right: Any) -> Any:
    """``left * right``; a repeated text or list is measured before it is made."""
    for series, times in ((left, right), (right, left)):
        if isinstance(series, (str, list, tuple)) and isinstance(times, int):
            each = len(series) if isinstance(series, str) else current().size(series)
            current().spend(each * max(times, 0))
    return current().made(left * right)


def power(left: Any, right: Any) -> Any:
    """``left ** right`` where the result has at most MAX_BITS bits."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > MAX_BITS:
        raise SecurityError("makes a number that is too large")
    return current().made(left**right)


def modulo(left: Any, right: Any) -> Any:
    """``left % right``; as text formatting, measured before it is made."""
    if isinstance(left, str):
        _format_allowed(left, right)
    return current().made(left % right)


def _format_allowed(pattern: str, values: Any) -> None:
    """Refuse ``*``, whose width comes from the data, wide fields, and one large value put in many times."""
    fields = _PERCENT.findall(pattern)
    for number in (n for field in fields for n in field):
        if number == "*" or (number and (len(number) > 4 or int(number) > MAX_WIDTH)):
            raise SecurityError(f"formats with a width over {MAX_WIDTH}")
    times = len(fields) if isinstance(values, Mapping) else 1
    current().spend(len(pattern) + times * current().size(values))


def width(value: int) -> int:
    """A width for padding or indenting."""
    if value > MAX_WIDTH:
        raise SecurityError(f"pads to a width over {MAX_WIDTH}")
    return value


def replace(text: str, old: str, new: str, count: int = -1) -> str:
    """``text.replace``, measured before it is made."""
    found = text.count(old)
    times = found if count < 0 else min(found, count)
    current().spend(len(text) + max(0, times * (len(new) - len(old))))
    return text.replace(old, new, count)


def is_null(value: Any) -> bool:
    """Whether a template's value reads as null."""
    return value is None or isinstance(value, Undefined)
