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
    keys: dict[str, list[str]] = {"now": [], "slow": [], "undo": []}
    for path, some in outside.keys.items():
        keys[path.split("/")[1]] += some
    made = sum(map(len, keys.values()))
    different = sum(len(set(some)) for some in keys.values())
    counts |= {"calls outside": made, "of them the same again": made - different}
    print(f"\n{seconds:g} s: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    assert counts["kills"]
    assert counts["rolled back"]
    assert {what: set(some) for what, some in keys.items()} == chaos.calls(), "each under its own key"
