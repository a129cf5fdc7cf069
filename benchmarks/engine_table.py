"""The engine's table: each shape beside its goal, which is a share of the raw limit of the same run.

Run it with ``python -m benchmarks.engine_table``; ``--mongodb`` measures on a mongod of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

from tests import mongod

REPEAT = 5
SHAPES = [
    ("chain", 100), ("chain", 1000), ("fan", 200), ("fan", 1000), ("layers", 100), ("many", 500),
    ("many", 5000),
]  # fmt: skip
SQLITE = {"chain": 0.5, "fan": 2.5, "layers": 1.4, "many": 1.8}
MONGODB = {"chain": 0.35, "fan": 4.0, "layers": 1.5, "many": 2.5}
COLUMNS = {
    "steps_per_s": "steps/s", "raw_limit_per_s": "raw/s", "share": "share", "gap_p50_ms": "p50 ms",
    "gap_p95_ms": "p95 ms", "cpu_ms_per_step": "CPU ms", "journal_bytes_per_step": "bytes",
    "peak_rss_mb": "MB",
}  # fmt: skip
GROWTH = [(("chain", 1000), ("chain", 100), 1.1), (("fan", 5000), ("fan", 200), 1.3)]
Shape = tuple[str, int]


def measure(shape: Shape, address: str | None) -> dict[str, Any]:
    """One shape's figures, from a process of its own."""
    command = [sys.executable, "manage.py", "bench_engine", "--shape", shape[0], "--size", str(shape[1])]
    environment = {**os.environ, "DATABASE_URL": address} if address else None
    said = subprocess.run(
        [*command, "--repeat", str(REPEAT), "--json"],
        check=True, env=environment, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip
    found: dict[str, Any] = json.loads(said)
    return found


def main() -> None:
    """Print the table."""
    on_mongodb = "--mongodb" in sys.argv[1:]
    goals = MONGODB if on_mongodb else SQLITE
    with mongod.running() if on_mongodb else nullcontext() as address:
        place = address.format(name="bench") if address else None
        found: dict[Shape, dict[str, Any]] = {}
        print(f"{'':12}" + "".join(f"{name:>9}" for name in COLUMNS.values()) + "     goal", flush=True)
        for shape in SHAPES:
            found[shape] = measure(shape, place)
            row = "".join(f"{found[shape][name]:>9}" for name in COLUMNS)
            print(f"{shape[0]:7}{shape[1]:5}{row}{goals[shape[0]]:>9}", flush=True)
        for long, short, goal in GROWTH:
            rates = [found.get(one) or measure(one, place) for one in (long, short)]
            grown = rates[1]["steps_per_s"] / rates[0]["steps_per_s"]
            print(f"{long[0]} {long[1]} over {short[1]}, time per step: {grown:.2f}, goal at most {goal}")


if __name__ == "__main__":
    main()
