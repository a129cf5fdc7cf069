"""A run's state to try things on: reads through to the committed one, writes to copies. O(what changes)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import replace
from typing import TypeVar, cast

from runs.engine.items import MapState
from runs.engine.records import RunState, StepState

K = TypeVar("K")
V = TypeVar("V")


class Layer(MutableMapping[K, V]):
    """A mapping over another one that stays as it is; ordered as a dict would be after the same writes."""

    __slots__ = ("_added", "_base", "_gone", "_over")

    def __init__(self, base: MutableMapping[K, V]) -> None:
        self._base = base
        self._over: dict[K, V] = {}  # new values of keys of the base
        self._added: dict[K, V] = {}  # keys that the base does not have, or had and lost
        self._gone: set[K] = set()

    def __getitem__(self, key: K) -> V:
        if key in self._added:
            return self._added[key]
        if key in self._over:
            return self._over[key]
        if key in self._gone:
            raise KeyError(key)
        return self._base[key]

    def __contains__(self, key: object) -> bool:
        return key in self._added or (key in self._base and key not in self._gone)

    def __setitem__(self, key: K, value: V) -> None:
        if key in self._base and key not in self._gone:
            self._over[key] = value
        else:
            self._added[key] = value

    def __delitem__(self, key: K) -> None:
        if key in self._added:
            del self._added[key]
        elif key in self._base and key not in self._gone:
            self._gone.add(key)
            self._over.pop(key, None)
        else:
            raise KeyError(key)

    def __iter__(self) -> Iterator[K]:
        gone = self._gone
        if gone:
            for key in self._base:
                if key not in gone:
                    yield key
        else:
            yield from self._base
        yield from self._added

    def __len__(self) -> int:
        return len(self._base) - len(self._gone) + len(self._added)

    def __bool__(self) -> bool:
        return bool(self._added) or len(self._base) > len(self._gone)

    def settle(self) -> MutableMapping[K, V]:
        """Write through to what this lies over; returns that."""
        base = self._base
        for key in self._gone:
            del base[key]
        base.update(self._over)
        base.update(self._added)
        return base


class StepLayer(Mapping[str, StepState]):
    """The steps of an overlay: those that were written to are copies."""

    __slots__ = ("base", "owned")

    def __init__(self, base: MutableMapping[str, StepState]) -> None:
        self.base = base
        self.owned: dict[str, StepState] = {}

    def __getitem__(self, key: str) -> StepState:
        step = self.owned.get(key)
        return self.base[key] if step is None else step

    def __iter__(self) -> Iterator[str]:
        return iter(self.base)

    def __len__(self) -> int:
        return len(self.base)


class Overlay(RunState):
    """A state over another one, which it leaves as it is."""

    __slots__ = ("_base_maps", "_steps")

    def __init__(self, base: RunState) -> None:
        # Field by field: this runs between two commits, and a loop over the names takes three times as long.
        self.status, self.seq, self.input, self.user = base.status, base.seq, base.input, base.user
        self.version, self.output, self.error = base.version, base.output, base.error
        self.started_at, self.finished_at = base.started_at, base.finished_at
        self.failing, self.rollback, self.undoing = base.failing, base.rollback, base.undoing
        self.tokens, self.cost, self.awaiting = base.tokens, base.cost, base.awaiting
        self.completed_order, self.ready = _over(base.completed_order), _over(base.ready)
        self.running, self.waiting = _over(base.running), _over(base.waiting)
        self.stranded = _over(base.stranded) if base.stranded else {}  # these are empty most of the time
        self.broken = _over(base.broken) if base.broken else {}
        self.rollback_counts = _over(base.rollback_counts) if base.rollback_counts else {}
        self.reasons = _over(base.reasons) if base.reasons else {}
        self.approvals = _over(base.approvals) if base.approvals else {}
        self.results = _over(base.results) if base.results else {}
        self.unanswered = _over(base.unanswered) if base.unanswered else {}
        self.maps = dict(base.maps) if base.maps else {}
        self.mapping = _over(base.mapping) if base.mapping else {}
        self._base_maps = base.maps
        self.effects = _over(base.effects) if base.effects else {}
        self.undo = dict(base.undo) if base.undo else {}
        self.undone = _over(base.undone) if base.undone else {}
        self.parent = base.parent
        self.children = _over(base.children) if base.children else {}
        self._steps = self.steps = StepLayer(cast("dict[str, StepState]", base.steps))

    def settle(self, base: RunState) -> None:
        """Make ``base``, which this lies over, what this has become: as if the same events were folded."""
        base.status, base.input, base.user = self.status, self.input, self.user
        base.version, base.output, base.error = self.version, self.output, self.error
        base.started_at, base.finished_at = self.started_at, self.finished_at
        base.failing, base.rollback, base.undoing = self.failing, self.rollback, self.undoing
        base.tokens, base.cost, base.undo = self.tokens, self.cost, self.undo
        base.awaiting = self.awaiting
        base.parent, base.children = self.parent, _settled(self.children)
        base.completed_order, base.ready = _settled(self.completed_order), _queue(_settled(self.ready))
        base.running, base.waiting = _settled(self.running), _settled(self.waiting)
        base.stranded, base.broken = _settled(self.stranded), _settled(self.broken)
        base.rollback_counts, base.reasons = _settled(self.rollback_counts), _settled(self.reasons)
        base.approvals, base.results = _settled(self.approvals), _settled(self.results)
        base.unanswered, base.mapping = _settled(self.unanswered), _settled(self.mapping)
        base.effects, base.undone = _settled(self.effects), _settled(self.undone)
        for found in self.maps.values():
            found.items, found.queue = _settled(found.items), _settled(found.queue)
            found.running, found.pausing = _settled(found.running), _settled(found.pausing)
            found.outputs, found.children = _settled(found.outputs), _settled(found.children)
        base.maps = self.maps
        self._steps.base.update(self._steps.owned)

    def own(self, key: str) -> StepState:
        """The step's state, to write to: a copy from the first time on."""
        owned = self._steps.owned
        step = owned.get(key)
        if step is None:
            step = owned[key] = self._steps.base[key].clone()
        return step

    def own_map(self, key: str) -> MapState:
        """The step's items, to write to: layers over them from the first time on."""
        found = self.maps[key]
        if found is self._base_maps.get(key):
            found = self.maps[key] = replace(
                found, items=_over(found.items), queue=_over(found.queue), running=_over(found.running),
                pausing=_over(found.pausing), outputs=_over(found.outputs), children=_over(found.children),
            )  # fmt: skip
        return found


SMALL = 64  # up to here a copy is faster than a layer


def _over(base: MutableMapping[K, V]) -> MutableMapping[K, V]:
    return dict(base) if len(base) <= SMALL else Layer(base)


def _settled(mine: MutableMapping[K, V]) -> MutableMapping[K, V]:
    return mine.settle() if type(mine) is Layer else mine


def _queue(ready: MutableMapping[str, None]) -> MutableMapping[str, None]:
    """Many steps are cheap to take from the front of an OrderedDict only."""
    return OrderedDict(ready) if type(ready) is dict and len(ready) > SMALL else ready
