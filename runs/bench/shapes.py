"""The orchestrations that are measured: no-op steps, put together in four ways."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

SHAPES = ("chain", "fan", "layers", "many")
LAYER = 10
CHAIN_OF_MANY = 10
JSON = Any


def noop(key: str) -> dict[str, JSON]:
    """A step without templates."""
    return {"key": key, "type": "transform", "config": {"output": {"ok": True}}}


def document(shape: str, size: int) -> dict[str, JSON]:
    """A document of ``size`` steps; for ``many``, one of its chains."""
    length = CHAIN_OF_MANY if shape == "many" else size
    keys = [f"s{number}" for number in range(length)]
    if shape in ("chain", "many"):
        edges = list(pairwise(keys))
    elif shape == "fan":
        edges = [(keys[0], key) for key in keys[1:-1]] + [(key, keys[-1]) for key in keys[1:-1]]
    else:
        rows = [keys[start : start + LAYER] for start in range(0, length, LAYER)]
        edges = [(a, b) for one, two in pairwise(rows) for a in one for b in two]
    return {
        "schema": 1,
        "name": f"Bench {shape}",
        "steps": [{**noop(key), "join": "all"} for key in keys],
        "edges": [{"source": source, "target": target} for source, target in edges],
    }
