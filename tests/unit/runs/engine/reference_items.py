"""The items of maps, as the text tells them; part of ``reference_history``."""

from __future__ import annotations

from collections import Counter

from builder.graph import Graph


class Items:
    """What has become of the items of one map that goes on."""

    def __init__(self, count: int, at_once: int, skip: bool) -> None:
        self.at_once, self.skip = at_once, skip
        self.again: list[int] = []  # begun, and to start again; before those that have not begun
        self.new = list(range(count))
        self.running: set[int] = set()
        self.pausing: list[int] = []
        self.failures: Counter[int] = Counter()
        self.gathering = False  # all have ended; the results are put together

    @property
    def over(self) -> bool:
        return not (self.again or self.new or self.running or self.pausing)

    @property
    def startable(self) -> bool:
        return bool(self.again or self.new) and len(self.running) < self.at_once

    def start(self) -> None:
        while self.startable:
            self.running.add((self.again or self.new).pop(0))
        self.gathering = self.over


class ItemsReference:
    """Told what items do."""

    graph: Graph
    status: dict[str, str]
    epoch: dict[str, int]
    undoing: set[str] | None
    first: set[str]
    queue: list[str]
    failing: bool

    def __init__(self) -> None:
        self.items: dict[str, Items] = {}
        self.did: dict[
            tuple[str, int], list[int]
        ] = {}  # items that completed, of maps that name what undoes them

    def settle(self) -> None:
        raise NotImplementedError

    def ends(self, key: str, ports: tuple[str, ...]) -> None:
        raise NotImplementedError

    def _stopped(self, key: str) -> bool:
        raise NotImplementedError

    def _cancel(self, key: str) -> None:
        raise NotImplementedError

    def lists(self, key: str, count: int, at_once: int, skip: bool) -> None:
        """The map has worked out its items; in a run that fails it stops instead (semantic 5)."""
        if self._stopped(key):
            return
        if self.failing:
            self._cancel(key)
        elif self.did.get((key, self.epoch[key])):  # they are never those of before
            self.ends(key, ("failure",))
            return
        else:
            self.items[key] = Items(count, at_once, skip)
        self.settle()

    def item_ends(self, key: str, index: int) -> None:
        """An item has completed."""
        self.items[key].running.remove(index)
        if self.graph.steps[key].compensate is not None:
            self.did.setdefault((key, self.epoch[key]), []).append(index)
            if self.undoing is not None and key in self.undoing and key not in self.queue:
                self.first.add(key)
        self._look_after(key)

    def item_raises(self, key: str, index: int, retryable: bool) -> None:
        """Each item has the map's attempts; one that fails for good fails the map, or is passed over."""
        items, undone = self.items[key], self.undoing is not None and key in self.undoing
        items.running.remove(index)
        items.failures[index] += 1
        most = self.graph.steps[key].retry.max_attempts
        if retryable and items.failures[index] < most and not self.failing and not undone:
            items.pausing.append(index)
        elif not items.skip and not undone:
            self.ends(key, ("failure",))
            return
        self._look_after(key)

    def pauses_over(self, key: str) -> None:
        """The items that paused may start again."""
        items = self.items[key]
        items.again += items.pausing
        items.pausing = []
        self._look_after(key)

    def _look_after(self, key: str) -> None:
        """A rollback waits for the items that run; with the last of them the map has stopped (semantic 6)."""
        if self.undoing is not None and key in self.undoing and not self.items[key].running:
            self._cancel(key)
        else:
            self._rest(key)
        self.settle()

    def _start_items(self) -> None:
        for key, items in self.items.items():
            items.start()
            self._rest(key)

    def _rest(self, key: str) -> None:
        """A map waits once some item pauses and nothing else of it goes on, until one starts again."""
        items = self.items[key]
        waits = self.status[key] == "WAITING" or bool(items.pausing and not items.startable)
        self.status[key] = "WAITING" if waits and not items.running and not items.gathering else "RUNNING"

    def _wind_down_items(self) -> None:
        """Semantic 5: items that run end, and no other starts; then the map ends, or has stopped."""
        for key, items in list(self.items.items()):
            if items.over:
                items.gathering = True
            elif not items.running:
                self._cancel(key)
