"""Three servers on one database, killed at random: every run ends, nothing is lost, nothing completes twice.

``make chaos`` does it for a minute under 30 runs, on SQLite and on MongoDB; the suite for a few seconds.
"""

from random import Random

import pytest

from tests.acceptance.runs.chaos import Chaos, Fleet, document

pytestmark = pytest.mark.timeout(900)


def test_nothing_is_lost_and_nothing_completes_twice_while_servers_are_killed(place, outside, request):
    """semantics 1, 2, 6, 9: at any moment a process may be gone."""
    seconds = request.config.getoption("--chaos")
    random = Random(seconds)
    outside.gate.set()
    fleet = Fleet(place, random)
    flow = fleet.post("/api/v1/orchestrations/import/?publish=1", document(outside.address))["id"]
    chaos = Chaos(fleet, flow, random)
    chaos.live(seconds, runs=max(6, int(seconds / 2)), kill_every_s=2)
    counts = chaos.account()
    keys = [key for path, keys in outside.keys.items() if path.startswith("/now/") for key in keys]
    counts |= {"calls outside": len(keys), "of them the same again": len(keys) - len(set(keys))}
    print(f"\n{seconds:g} s: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    assert counts["kills"]
    made = {(run, key) for run in chaos.runs for key in ("pay", "one", "two", "three")}
    assert {tuple(key.split(":")[:2]) for key in keys} == made, "each call was made, under its own key"
