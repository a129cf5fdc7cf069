"""Histories of runs in a world where everything goes wrong, by the thousand, or one again with its trace.

``python -m tests.simulate --seeds 20000 --jobs 2`` plays the seeds 0 to 19999; ``--first`` begins elsewhere.
``python -m tests.simulate --seed 4711`` tells what happens there, line by line. Exit status 1: a rule broke.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.runs.engine.simulation import World

SIZES, CHAOS = (4, 12, 25, 60), (30, 80, 150)
FORKS = 0.25  # of the histories are gone on with in a fork
PART = 250  # seeds that a process plays at a time
SHOWN = 20  # broken seeds that are named


def history(seed: int, tell: Callable[[str], None] = lambda line: None) -> Counter[str]:
    """Play one seed; returns what it met. Raises AssertionError where a rule is broken."""
    from tests.unit.runs.engine.dags import random_dag
    from tests.unit.runs.engine.simulation import World

    random = Random(seed)
    world = World(random_dag(random, random.choice(SIZES)), random, chaos=random.choice(CHAOS), tell=tell)
    for key, spec in world.graph.steps.items():
        before = ", ".join(f"{edge.source}.{edge.port}" for edge in world.graph.incoming[key])
        tell(f"{key}: {spec.type}, join {spec.join}, after [{before}], {spec.retry}, {spec.on_failure}")
    met = _live(world)
    if random.random() < FORKS and (fork := world.forked(world.graph_like(), random.choice(CHAOS))):
        met.update(_live(fork))
    return met


def _live(world: World) -> Counter[str]:
    status = world.run().status
    met = Counter(event["kind"] for _, _, said in world.journal for event in said)
    met.update({f"run ends {status}": 1, "entries": len(world.journal), "events": sum(met.values())})
    met.update(crashes=world.crashes, refusals=world.refusals, rows_made_anew=world.mended)
    return met


def play(first: int, count: int) -> tuple[Counter[str], dict[int, str]]:
    """Play some seeds; returns what they met, and which broke a rule, with where."""
    met: Counter[str] = Counter()
    broken: dict[int, str] = {}
    for seed in range(first, first + count):
        try:
            met.update(history(seed))
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            broken[seed] = f"{type(error).__name__} in {at.name}, line {at.lineno}: {error}"
    return met, broken


def prepare() -> None:
    """Load Django: rows are made by code that stands beside its models. No database is opened."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
    os.environ.setdefault("SECRET_KEY", "only-for-the-simulation-" + "x" * 40)
    os.environ["DATA_DIR"] = os.environ.get("SIMULATION_DATA") or tempfile.mkdtemp(prefix="simulation-")
    os.environ["SIMULATION_DATA"] = os.environ["DATA_DIR"]
    django.setup()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=20_000, help="how many histories")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, help="play this one only, and tell it")
    given = parser.parse_args()
    prepare()
    if given.seed is not None:
        print(dict(history(given.seed, print)))
        return 0
    began, met, broken = time.monotonic(), Counter[str](), dict[int, str]()
    starts = range(given.first, given.first + given.seeds, PART)
    counts = [min(PART, given.first + given.seeds - start) for start in starts]
    with ProcessPoolExecutor(given.jobs, initializer=prepare) as pool:
        for some, failures in pool.map(play, starts, counts):
            met.update(some)
            broken.update(failures)
    print(
        f"{given.seeds} seeds from {given.first} on, {time.monotonic() - began:.0f} s, {len(broken)} broken"
    )
    for name, count in sorted(met.items()):
        print(f"{count:>10} {name}")
    for seed, why in list(broken.items())[:SHOWN]:
        print(f"seed {seed}: {why}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
