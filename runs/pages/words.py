"""How figures, times and lists of people are said. English only; times in the reader's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

ROLES = {"superadmin": "a SuperAdmin", "admin": "an Admin", "user": "any User"}


def moment(value: str | datetime | None) -> datetime | None:
    """An aware time from the journal's ISO text; None stays None."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value)


def duration(seconds: float, *, short: bool = False) -> str:
    """How long, with its two largest units: ``0.3 s``, ``42 s``, ``3 min 51 s``, ``2 d 4 h``.

    ``short`` writes minutes as ``m``, for columns.
    """
    seconds = max(0.0, seconds)
    minute = "m" if short else "min"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    units = ((86_400, "d"), (3_600, "h"), (60, minute), (1, "s"))
    for index, (size, name) in enumerate(units):
        if whole < size:
            continue
        rest = whole % size // units[index + 1][0] if index < 3 else 0
        return f"{whole // size} {name}" + (f" {rest} {units[index + 1][1]}" if rest else "")
    return "0 s"


def about(seconds: float) -> str:
    """A rounded duration for an expectation: ``6 s``, ``4 min``, ``2 h``, ``2 days``."""
    for size, name in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size * 0.95:
            count = max(1, round(seconds / size))
            return f"{count} {name}{'s' if name == 'day' and count > 1 else ''}"
    return f"{max(1, round(seconds))} s"


def clock(value: str | datetime | None, now: datetime, *, seconds: bool = False) -> str:
    """A time of day, with the day where it is not today: ``10:42``, ``tomorrow 10:42``, ``24 Nov 10:42``."""
    at = moment(value)
    if at is None:
        return ""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    text = local.strftime("%H:%M:%S" if seconds else "%H:%M")
    days = {today: "", today + timedelta(days=1): "tomorrow ", today - timedelta(days=1): "yesterday "}
    if local.date() in days:
        return days[local.date()] + text
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local.day} {local:%b}{year} {text}"


def ago(value: str | datetime | None, now: datetime) -> str:
    """How long ago: ``just now``, ``4 min ago``, ``3 h ago``, else the day and time."""
    at = moment(value)
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 3_570:
        return f"{max(1, round(seconds / 60))} min ago"
    if seconds < 79_200 and timezone.localtime(at).date() == timezone.localtime(now).date():
        return f"{round(seconds / 3_600)} h ago"
    return clock(at, now)


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 step``, ``2 steps``, ``1,214 tokens``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def money(cost: float) -> str:
    """A cost in euro with as many digits as it needs; empty where nothing was paid."""
    if cost <= 0:
        return ""
    return "under 0.001 €" if cost < 0.0005 else f"{cost:.3f} €" if cost < 1 else f"{cost:,.2f} €"


def listed(words: Sequence[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``4th``, ``11th``."""
    suffix = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def shortened(text: str, longest: int) -> str:
    """The text, cut at a word where it is longer than ``longest`` characters."""
    if len(text) <= longest:
        return text
    return f"{text[:longest].rsplit(' ', 1)[0]} …"


def capital(sentence: str) -> str:
    """The sentence with a capital first letter, the rest as it is."""
    return sentence[:1].upper() + sentence[1:]


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks to whom: the reader is ``you``, steps and people go by their names."""

    now: datetime
    me: str = ""  # the reader's user name
    names: Mapping[str, str] = field(default_factory=dict)  # step key -> name
    people: Mapping[str, str] = field(default_factory=dict)  # user name -> display name

    def who(self, username: str | None) -> str:
        """``you``, a display name, or ``someone`` where the name is not known."""
        if not username:
            return "someone"
        return "you" if username == self.me else self.people.get(username, username)

    def step(self, key: str | None) -> str:
        """A step's name."""
        return self.names.get(key or "", key or "")

    def clock(self, at: str | datetime | None, *, seconds: bool = False) -> str:
        """The time of day for this reader."""
        return clock(at, self.now, seconds=seconds)

    def asked(self, assignees: Sequence[str], role: str = "") -> str:
        """Who is asked: ``you``, ``Mary or an Admin``; the reader comes first."""
        people = [self.who(name) for name in sorted(assignees, key=lambda name: name != self.me)]
        return listed(people + ([ROLES.get(role, role)] if role else []), "or") or "someone"
