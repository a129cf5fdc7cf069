"""A draft as it is edited: keyed for quick access, and every write recorded with its inverse. Pure.

A patch is ``{"path": [...], "value": [v], "at": index}``: ``value`` is empty where nothing is there (any
more), ``at`` is the place among its like. Paths are ``[]`` (the whole document),
``["meta", field]``, ``["steps", key]``, ``["steps", key, field, ...]`` down through objects (never into a
list), and ``["edges", source, port, target]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from builder.frame import canonical

Path = Sequence[str]
Patch = dict[str, Any]
Maybe = list[Any]  # [] where nothing is there, else [value]
EdgeKey = tuple[str, str, str]
META = ("name", "description", "input", "output")


class MissingError(Exception):
    """An edit names a step or an edge that the draft does not have."""

    def __init__(self, path: Path) -> None:
        super().__init__(".".join(path))
        self.path = tuple(path)


class MovedError(Exception):
    """What an undo or a redo would put back is not as that edit left it."""

    def __init__(self, path: Path) -> None:
        super().__init__(".".join(path))
        self.path = tuple(path)


class Draft:
    """One canonical document, by key. Values are never changed in place, so that others may share them."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.load(document)

    def load(self, document: dict[str, Any]) -> None:
        """Become ``document``."""
        self.meta = {field: document[field] for field in META if field in document}
        self.steps: dict[str, dict[str, Any]] = {
            step["key"]: {"config": {}, **step} for step in document["steps"]
        }
        self.edges: dict[EdgeKey, bool] = {
            (edge["source"], edge.get("port", "success"), edge["target"]): True for edge in document["edges"]
        }

    def document(self) -> dict[str, Any]:
        """The canonical document. Raises Invalid where an edit broke its frame."""
        edges = [{"source": s, "port": p, "target": t} for s, p, t in self.edges]
        return canonical({**self.meta, "steps": list(self.steps.values()), "edges": edges})

    def read(self, path: Path) -> Maybe:
        """What is at ``path``."""
        if not path:
            return [self.document()]
        if path[0] == "edges":
            return [True] if tuple(path[1:]) in self.edges else []
        value: Any = self.meta if path[0] == "meta" else self.steps
        for part in path[1:]:
            if not isinstance(value, dict) or part not in value:
                return []
            value = value[part]
        return [value]

    def index(self, path: Path) -> int | None:
        """The place of a step, an edge or a setting among its like; None for what is not there."""
        if not path:
            return None
        if path[0] == "edges":
            return _index(self.edges, tuple(path[1:]))
        holder = self.steps if len(path) == 2 and path[0] == "steps" else self.read(path[:-1])
        if isinstance(holder, list):
            holder = holder[0] if holder and isinstance(holder[0], dict) else {}
        return _index(holder, path[-1])

    def write(self, path: Path, value: Maybe, at: int | None = None) -> None:
        """Put ``value`` at ``path``, at place ``at`` among its like (else last, or where it was)."""
        if not path:
            self.load(value[0])
        elif path[0] == "edges":
            self.edges = _placed(self.edges, tuple(path[1:]), value, at)
        elif path[0] == "meta":
            self.meta = _below(self.meta, path[1:], value, at)
        elif len(path) == 2:
            self.steps = _placed(self.steps, path[1], value, at)
        else:
            self.steps[path[1]] = _below(self.steps[path[1]], path[2:], value, at)


class Recorder:
    """Applies writes to a draft and keeps them, with what undoes them."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.draft = Draft(document)
        self.before = Draft(document)
        self.forward: list[Patch] = []
        self.backward: list[Patch] = []  # in the order of undoing
        self.keys: dict[str, str] = {}  # names that the edit asked for -> the keys it made

    def put(self, path: Path, value: Any, at: int | None = None) -> None:
        """Write ``value`` at ``path``; nothing happens where it is there already."""
        self._write(path, [value], at)

    def drop(self, path: Path) -> None:
        """Take away what is at ``path``."""
        self._write(path, [], None)

    def step(self, key: Any) -> dict[str, Any]:
        """The step called ``key``. Raises MissingError."""
        if not isinstance(key, str) or key not in self.draft.steps:
            raise MissingError(("steps", str(key)))
        return self.draft.steps[key]

    def replay(self, patches: list[Patch], expected: list[Patch]) -> None:
        """Apply ``patches``, each where ``expected`` still is. Raises MovedError where it is not."""
        for patch, left in zip(patches, reversed(expected), strict=True):
            path = patch["path"]
            homeless = path[:1] == ["steps"] and len(path) > 2 and path[1] not in self.draft.steps
            if homeless or not same(path, self.draft.read(path), left["value"]):
                raise MovedError(path)
            self._write(path, patch["value"], patch.get("at"))

    def _write(self, path: Path, value: Maybe, at: int | None) -> None:
        old = self.draft.read(path)
        if orjson.dumps(old) == orjson.dumps(value):
            return
        place = self.draft.index(path)
        self.draft.write(path, value, at)
        self.forward.append(_patch(path, value, self.draft.index(path)))
        self.backward.insert(0, _patch(path, old, place))


def apply(draft: Draft, patches: list[Patch]) -> None:
    """Apply recorded patches, one after another."""
    for patch in patches:
        draft.write(patch["path"], patch["value"], patch.get("at"))


def same(path: Path, one: Maybe, other: Maybe) -> bool:
    """Whether two readings of ``path`` say the same. Where a step stands does not make it another."""
    if len(path) == 2 and path[0] == "steps" and one and other:
        one, other = ([{k: v for k, v in step.items() if k != "position"}] for step in (one[0], other[0]))
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def related(one: Path, other: Path) -> bool:
    """Whether one path is the other or leads to it."""
    short = min(len(one), len(other))
    return list(one[:short]) == list(other[:short])


def _patch(path: Path, value: Maybe, at: int | None) -> Patch:
    place = {} if at is None or not value else {"at": at}
    return {"path": list(path), "value": value, **place}


def _index(mapping: dict[Any, Any], key: Any) -> int | None:
    if key not in mapping:
        return None
    return next(place for place, other in enumerate(mapping) if other == key)


def _placed(mapping: dict[Any, Any], key: Any, value: Maybe, at: int | None) -> dict[Any, Any]:
    if not value:
        return {k: v for k, v in mapping.items() if k != key}
    if at is None or key in mapping:
        return {**mapping, key: value[0]}
    items = [(k, v) for k, v in mapping.items() if k != key]
    items.insert(at, (key, value[0]))
    return dict(items)


def _below(mapping: dict[str, Any], path: Path, value: Maybe, at: int | None) -> dict[str, Any]:
    """A copy of ``mapping`` with ``value`` at ``path``; objects on the way are made."""
    first, *rest = path
    if rest:
        inner = mapping.get(first)
        value = [_below(inner if isinstance(inner, dict) else {}, rest, value, at)]
        at = None
    return _placed(mapping, first, value, at)
