"""``manage.py bench_engine`` says what it measures, and a run loads only what its steps need."""

from __future__ import annotations

import json
import os
import subprocess
import sys

FIELDS = {
    "shape", "size", "repeat", "steps", "steps_per_s", "raw_limit_per_s", "share", "gap_p50_ms", "gap_p95_ms",
    "cpu_ms_per_step", "journal_bytes_per_step", "entries", "peak_rss_mb",
}  # fmt: skip
PROGRAM = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "bench_engine", "--shape", "many", "--size", "20", "--json"])
print()
print(*sorted({"pydantic_ai", "chromadb", "onnxruntime", "openai", "anthropic"} & set(sys.modules)))
"""


def test_the_benchmark_gives_every_figure_and_imports_nothing_that_transforms_do_not_use(
    tmp_path, database_url
):
    own = {"DATA_DIR": str(tmp_path), "DATABASE_URL": database_url}
    environment = {**os.environ, **own, "DJANGO_SETTINGS_MODULE": "orchestrator.settings"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    figures, heavy = done.stdout.splitlines()[:2]
    found = json.loads(figures)
    assert set(found) == FIELDS
    assert found["steps"] == 20
    assert found["peak_rss_mb"] < 150
    assert heavy == ""
