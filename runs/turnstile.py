"""Who has slots of what is limited, who waits for them, and who is next. Pure: times come in as arguments.

Steps of a run that need the same slots are a ``Group``; a subject is what a limit bounds, ``user:mary``. Of
those in line who may go, next is the one whose person has the fewest slots; then the first in line. Who was
let in goes to the end of the line with what it still wants. So people take turns, then their runs, and the
steps of a run go in their order: nobody's thousand items keep another's single step waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Bound:
    """How much of something may be: steps at once, requests and tokens a minute. None does not bound."""

    concurrency: int | None = None
    requests: int | None = None
    tokens: int | None = None

    @property
    def rated(self) -> bool:
        """Whether it bounds calls to models."""
        return self.requests is not None or self.tokens is not None


Bounds = Callable[[str], Bound | None]  # subject -> what bounds it


@dataclass(frozen=True, slots=True)
class Group:
    """Steps of one run that need the same slots. ``models`` are those that each of them asks."""

    run: str
    user: str = ""
    orchestration: str = ""
    models: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        """All of which one of its steps needs a slot."""
        named = (("user", self.user), ("orchestration", self.orchestration))
        own = tuple(f"{kind}:{name}" for kind, name in named if name)
        return own + tuple(f"model:{name}" for name in self.models)


@dataclass(slots=True)
class Place:
    """A place in the line."""

    want: int  # how many could start now
    since: float
    told: bool = False  # the run's journal says that it waits


@dataclass(slots=True)
class Spent:
    """What was used in one second."""

    second: int
    requests: int = 0
    tokens: int = 0


class Hall:
    """All that is held, waited for and spent, at one moment."""

    def __init__(self) -> None:
        self.held: dict[str, dict[Group, int]] = {}  # worker -> steps that it has under way
        self.line: dict[Group, Place] = {}
        self.spent: dict[str, list[Spent]] = {}

    # ------------------------------------------------------------ what is so

    def hold(self, worker: str, groups: Mapping[Group, int]) -> None:
        """What a worker has under way now, all of it; what it held before is free."""
        if groups:
            self.held[worker] = dict(groups)
        else:
            self.held.pop(worker, None)

    def keep(self, alive: Iterable[str]) -> None:
        """Free what workers held that are gone."""
        living = set(alive)
        self.held = {worker: groups for worker, groups in self.held.items() if worker in living}

    def want(self, run: str, groups: Mapping[Group, int], at: float) -> None:
        """What of a run could start now, all of it; a group that waits already keeps its place."""
        for group in [group for group in self.line if group.run == run and not groups.get(group)]:
            del self.line[group]
        for group, count in groups.items():
            if group in self.line:
                self.line[group].want = count
            elif count > 0:
                self.line[group] = Place(count, at)

    def spend(self, subject: str, at: float, requests: int = 0, tokens: int = 0) -> None:
        """Count what was used."""
        seconds = self.spent.setdefault(subject, [])
        if not seconds or seconds[-1].second != int(at):
            seconds.append(Spent(int(at)))
        seconds[-1].requests += requests
        seconds[-1].tokens += tokens

    def forget(self, at: float) -> None:
        """Drop what was spent over a minute ago. What lies ahead was said by a clock that was set back."""
        now = int(at)
        for subject, seconds in list(self.spent.items()):
            for one in seconds:
                one.second = min(one.second, now)
            kept = [one for one in seconds if one.second > now - MINUTE_S]
            if kept:
                self.spent[subject] = kept
            else:
                del self.spent[subject]

    # ------------------------------------------------------------ who is next

    def admit(
        self, bounds: Bounds, at: float, worker: str, may: Callable[[Group], bool] = lambda _: True
    ) -> dict[Group, int]:
        """Let in whoever ``worker`` may serve and has slots: they hold them from now on. Returns how many."""
        used, people = self._used()
        let_in: Counter[Group] = Counter()
        while True:
            free = [group for group in self.line if may(group) and not self._reached(group, bounds, used, at)]
            if not free:
                break
            group = min(free, key=lambda one: people[one.user])  # of those alike, the first in line
            count = self._let_in(group, bounds, at)
            let_in[group] += count
            used.update(dict.fromkeys(group.subjects, count))
            people[group.user] += count
        mine = self.held.setdefault(worker, {}) if let_in else {}
        for group, count in let_in.items():
            mine[group] = mine.get(group, 0) + count
        return dict(let_in)

    def _let_in(self, group: Group, bounds: Bounds, at: float) -> int:
        """One of a group, or all if nothing bounds it; what it still wants goes to the end of the line."""
        place = self.line.pop(group)
        known = [(subject, bound) for subject in group.subjects if (bound := bounds(subject))]
        count = 1 if known else place.want
        for subject, bound in known:
            if group.models and bound.rated:
                calls = 1 if subject.startswith("model:") else len(group.models)
                self.spend(subject, at, requests=calls)
        if place.want > count:
            self.line[group] = Place(place.want - count, place.since, place.told)
        return count

    def _used(self) -> tuple[Counter[str], Counter[str]]:
        """The slots that are held of each subject, and by each person."""
        used: Counter[str] = Counter()
        people: Counter[str] = Counter()
        for groups in self.held.values():
            for group, count in groups.items():
                people[group.user] += count
                for subject in group.subjects:
                    used[subject] += count
        return used, people

    def _reached(
        self, group: Group, bounds: Bounds, used: Counter[str], at: float
    ) -> list[tuple[str, str, int]]:
        """The limits that keep a group out: (subject, what, most)."""
        found = []
        for subject in group.subjects:
            bound = bounds(subject)
            if bound is None:
                continue
            if bound.concurrency is not None and used[subject] >= bound.concurrency:
                found.append((subject, "concurrency", bound.concurrency))
            if group.models and bound.rated:
                found += self._over(subject, bound, at)
        return found

    def _over(self, subject: str, bound: Bound, at: float) -> list[tuple[str, str, int]]:
        """The rates of a subject that are reached."""
        seconds = [one for one in self.spent.get(subject, ()) if one.second > int(at) - MINUTE_S]
        found = []
        if bound.requests is not None and sum(one.requests for one in seconds) >= bound.requests:
            found.append((subject, "requests", bound.requests))
        if bound.tokens is not None and sum(one.tokens for one in seconds) >= bound.tokens:
            found.append((subject, "tokens", bound.tokens))
        return found

    # ------------------------------------------------------------ what is said

    def untold(self, bounds: Bounds, at: float, grace_s: float) -> dict[Group, list[dict[str, Any]]]:
        """Who has waited a while and whose journal does not say so yet, with what keeps each out."""
        used, _ = self._used()
        late = [group for group, place in self.line.items() if not place.told and at - place.since >= grace_s]
        found = {group: self._reached(group, bounds, used, at) for group in late}
        return {group: [_said(*one) for one in limits] for group, limits in found.items() if limits}

    def position(self, run: str, models: tuple[str, ...]) -> int | None:
        """The place in the line of what waits in a run for the same slots; 1 is the first."""
        for number, group in enumerate(self.line, 1):
            if (group.run, group.models) == (run, models):
                return number
        return None

    def call(self, subjects: Iterable[str], bounds: Bounds, at: float) -> tuple[float, dict[str, Any]]:
        """Count a request for all of ``subjects``, or say in how many seconds to come again, and why."""
        known = [(subject, bound) for subject in subjects if (bound := bounds(subject)) and bound.rated]
        for subject, bound in known:
            over = self._over(subject, bound, at)
            if over:
                return self._pause_s(subject, bound, at), _said(*over[0])
        for subject, _ in known:
            self.spend(subject, at, requests=1)
        return 0.0, {}

    def _pause_s(self, subject: str, bound: Bound, at: float) -> float:
        """Seconds until enough of what was spent is over a minute old; a minute where nothing may be."""
        seconds = sorted(self.spent.get(subject, ()), key=lambda one: one.second)
        for index, one in enumerate(seconds, 1):
            left = seconds[index:]
            calls, tokens = sum(each.requests for each in left), sum(each.tokens for each in left)
            fits = bound.requests is None or calls < bound.requests
            if fits and (bound.tokens is None or tokens < bound.tokens):
                return max(0.1, one.second + MINUTE_S - at)
        return float(MINUTE_S)


def _said(subject: str, what: str, most: int) -> dict[str, Any]:
    kind, _, name = subject.partition(":")
    return {"kind": kind, "subject": name, "what": what, "most": most}
