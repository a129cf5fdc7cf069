"""The watch's account of a map's items."""

from __future__ import annotations

from collections.abc import Callable

from builder.graph import Graph
from runs.engine.events import JSON, Event


class ItemsWatch:
    """No item completes twice, no more of them run at once than may."""

    graph: Graph
    window: int
    run: str
    failing: bool
    status: dict[str, str]
    epoch: dict[str, int]
    undoing: set[str]
    _learn: Callable[[tuple[str, int, int | None]], None]  # an effect has come to light

    def __init__(self) -> None:
        self.digests: dict[tuple[str, int], str] = {}
        self.items_done: set[tuple[str, int, int]] = set()  # step, epoch, index
        self.items_failed: set[tuple[str, int, int]] = set()  # for good
        self.in_work: dict[str, set[int]] = {}
        self.pausing: dict[str, set[int]] = {}
        self.children: dict[str, set[int]] = {}  # items that wait for child runs
        self.item_ends: dict[tuple[str, int], dict[int, None]] = {}  # of a step's epoch, as they ended
        self.mapped: dict[str, tuple[int, int]] = {}  # count, concurrency

    def _in(self, *statuses: str) -> list[str]:
        return [key for key, status in self.status.items() if status in statuses]

    def _current(self, key: str, event: Event, *statuses: str) -> None:
        raise NotImplementedError

    def _items_listed(self, key: str, event: Event, data: JSON) -> None:
        self._current(key, event, "RUNNING")
        at = key, event["epoch"]
        if self.digests.get(at) != data["digest"]:
            self.items_done = {done for done in self.items_done if done[:2] != at}
        if self.digests.get(at) != data["digest"] or not data["skip"]:
            self.items_failed = {failed for failed in self.items_failed if failed[:2] != at}
        self.digests[at] = data["digest"]
        self.in_work[key], self.pausing[key], self.children[key] = set(), set(), set()
        self.mapped[key] = (data["count"], data["concurrency"])
        self._rest(key)

    def _item_started(self, key: str, event: Event, data: JSON) -> None:
        assert (self.run, self.failing) == ("RUNNING", False), "no item starts now"
        self._current(key, event, "RUNNING", "WAITING")
        self.status[key] = "RUNNING"
        for each in data["items"]:
            assert each["index"] not in self.in_work[key] | self.pausing[key] | self.children[key]
            self.item_ends.setdefault((key, event["epoch"]), {}).pop(each["index"], None)
            assert (key, event["epoch"], each["index"]) not in self.items_done, "it has completed already"
            assert each["index"] < self.mapped[key][0]
            self.in_work[key].add(each["index"])
        under_way = len(self.in_work[key]) + len(self.children[key])
        assert under_way <= self.mapped[key][1], "no more at once than the step says"
        extra = sum(max(len(items) - 1, 0) for items in self.in_work.values())
        assert len(self._in("RUNNING")) + extra <= self.window, "the run's window bounds items too"

    def _item_completed(self, key: str, event: Event, data: JSON) -> None:
        for each in data["items"]:
            self._leaves(key, each["index"])
            self.item_ends[key, event["epoch"]][each["index"]] = None
            assert (key, event["epoch"], each["index"]) not in self.items_done, "no item completes twice"
            self.items_done.add((key, event["epoch"], each["index"]))
            if key in self.undoing:
                self._learn((key, event["epoch"], each["index"]))
        self._rest(key)

    def _leaves(self, key: str, index: int) -> None:
        assert (index in self.in_work[key]) is not (index in self.children[key])
        self.in_work[key].discard(index)
        self.children[key].discard(index)

    def _item_failed(self, key: str, event: Event, data: JSON) -> None:
        for each in data["items"]:
            self._leaves(key, each["index"])
            if "due_at" in each:
                self.pausing[key].add(each["index"])
            else:
                self.items_failed.add((key, event["epoch"], each["index"]))
                self.item_ends[key, event["epoch"]][each["index"]] = None
        self._rest(key)

    def _item_interrupted(self, key: str, event: Event, data: JSON) -> None:
        for each in data["items"]:
            self.in_work[key].remove(each["index"])

    def _item_waiting(self, key: str, event: Event, data: JSON) -> None:
        for each in data["items"]:
            self.in_work[key].remove(each["index"])
            self.pausing[key].add(each["index"])
        self._rest(key)

    def _item_queued(self, key: str, event: Event, data: JSON) -> None:
        self.pausing[key] -= set(data["items"])

    def _items_finished(self, key: str, event: Event, data: JSON) -> None:
        self._current(key, event, "RUNNING", "WAITING")
        self.status[key] = "RUNNING"
        assert len(self._in("RUNNING")) <= self.window
        assert not self.in_work[key]
        assert self._items_ended(key) == self.mapped[key][0]

    def _items_ended(self, key: str) -> int:
        ended = self.items_done | self.items_failed
        return sum(item[:2] == (key, self.epoch[key]) for item in ended)

    def _rest(self, key: str) -> None:
        """A map waits while all that has not ended pauses, or waits for child runs."""
        count, most = self.mapped[key]
        left, children = count - self._items_ended(key), len(self.children[key])
        full = children and children == most
        if not self.in_work[key] and left and (full or left == len(self.pausing[key]) + children):
            self.status[key] = "WAITING"
