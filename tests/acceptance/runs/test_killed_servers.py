"""kill -9 in the middle of runs: they go on, nothing is lost, no step completes twice."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import suppress
from http.client import HTTPException
from itertools import pairwise

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.acceptance.runs.conftest import until

pytestmark = pytest.mark.timeout(240)  # each test starts several processes


def post(key, url, **more):
    return {"key": key, "type": "http", "config": {"method": "POST", "url": url, "json": {}}, **more}


def shape(key, value):
    return {"key": key, "type": "transform", "config": {"output": value}}


def chain(name, *steps):
    edges = [{"source": one["key"], "target": other["key"]} for one, other in pairwise(steps)]
    return {"schema": 1, "name": name, "steps": list(steps), "edges": edges}


def start(server, document):
    """Publish and start; returns the run."""
    return begin(server, server.publish(document)["id"])


def begin(server, flow):
    return server.post(f"/api/v1/orchestrations/{flow}/runs/", {"input": {}})["id"]


def no_step_completed_twice(server, run_id):
    events = server.get(f"/api/v1/runs/{run_id}/events/")
    ends = Counter((e["step"], e["epoch"]) for e in events if e["kind"] == "step_completed")
    assert set(ends.values()) <= {1}
    assert sorted({e["seq"] for e in events}) == list(range(1, max(e["seq"] for e in events) + 1))


def narrow(outside):
    """Four calls at once, of which a limit allows two, and a nap that falls due after its server was killed."""
    calls = [post(f"call{number}", f"http://{outside.address}/hold/narrow") for number in range(4)]
    nap = {"key": "nap", "type": "delay", "config": {"seconds": 2}}
    return {"schema": 1, "name": "Narrow", "steps": [nap, *calls], "edges": []}


def most_at_once(server, run_id):
    """How many steps ran at the same time, by the journal."""
    running, most = set(), 0
    for event in server.get(f"/api/v1/runs/{run_id}/events/"):
        if event["kind"] == "step_started":
            running.add(event["step"])
        elif event["kind"] in ("step_completed", "step_failed", "step_waiting", "step_interrupted"):
            running.discard(event["step"])
        most = max(most, len(running))
    return most


def test_a_run_goes_on_after_its_server_was_killed(place, outside):
    document = chain(
        "Killed",
        shape("before", {"n": 1}),
        post("call", f"http://{outside.address}/hold"),
        {"key": "nap", "type": "delay", "config": {"seconds": 0.2}},
        shape("after", "{{ steps.call.output.json.path }}"),
    )
    server = place.serve().ready().sign_in()
    run_id = start(server, document)
    until(lambda: outside.calls["/hold"] == 1)
    server.kill()
    outside.gate.set()

    again = place.serve().ready().sign_in()
    ready = time.monotonic()
    until(lambda: again.run(run_id)["status"] == "COMPLETED")
    print(f"It had completed {time.monotonic() - ready:.1f} s after its new server was ready.")
    assert again.run(run_id)["output"] == {"after": "/hold"}
    assert again.kinds(run_id, "call") == [
        "step_started", "effect_sent", "step_interrupted",
        "step_started", "effect_sent", "effect_received", "step_completed",
    ]  # fmt: skip
    assert outside.calls["/hold"] == 2
    assert len(set(outside.keys["/hold"])) == 1, "the repeated call must carry the same idempotency key"
    assert again.kinds(run_id, "before") == ["step_started", "step_completed"]
    no_step_completed_twice(again, run_id)


def test_a_watcher_that_comes_back_has_missed_nothing_and_sees_nothing_twice(place, outside):
    call = post("call", f"http://{outside.address}/hold")
    server = place.serve().ready().sign_in()
    run_id = start(server, chain("Watched", shape("before", 1), call, shape("after", 2)))
    until(lambda: outside.calls["/hold"] == 1)
    seen = []

    def watch(one, since, done):
        address = f"ws://127.0.0.1:{one.port}/ws/runs/{run_id}/?since={since}"
        with connect(address, subprotocols=["bearer", one.token], open_timeout=10) as there:
            while not done():
                message = json.loads(there.recv(timeout=15))
                if message["type"] == "events":
                    seen.extend(message["events"])
                elif message["type"] == "end":
                    return message["status"]
        return None

    with connect(f"ws://127.0.0.1:{server.port}/ws/runs/{run_id}/") as stranger:
        with pytest.raises(ConnectionClosed):
            stranger.recv(timeout=15)
        assert stranger.close_code == 4401, "a refusal must reach a real client as its code"
    watch(server, 0, lambda: any(e["kind"] == "step_started" and e["step"] == "call" for e in seen))
    server.kill()
    outside.gate.set()
    again = place.serve().ready()
    again.token = server.token  # signed with the same key: a restart does not end it
    assert watch(again, seen[-1]["seq"], lambda: False) == "COMPLETED"
    assert seen == again.get(f"/api/v1/runs/{run_id}/events/")


def test_a_run_that_a_command_has_started_is_picked_up_by_the_server(place, outside):
    server = place.serve().ready().sign_in()
    document = chain("Command", shape("a", 1), post("b", f"http://{outside.address}/now"))
    slug = server.publish(document)["slug"]
    run_id = place.manage("start_run", slug).rsplit(maxsplit=1)[-1]
    until(lambda: server.run(run_id)["status"] == "COMPLETED")
    assert json.loads(place.manage("start_run", slug, "--wait"))["b"]["json"] == {"path": "/now"}


def test_a_clean_stop_gives_running_steps_back_at_once(place, outside):
    server = place.serve().ready().sign_in()
    run_id = start(server, chain("Stopped", post("call", f"http://{outside.address}/hold")))
    until(lambda: outside.calls["/hold"] == 1)
    server.stop()
    assert place.manage("recover").startswith("0 processes are gone"), "it did not say good-bye"
    outside.gate.set()
    again = place.serve().ready().sign_in()
    until(lambda: again.run(run_id)["status"] == "COMPLETED")
    no_step_completed_twice(again, run_id)


def test_a_stop_does_not_wait_for_requests_under_way(place, outside):
    """A request that runs when the event loop stops waits for that loop for ever; the process must still end."""
    server = place.serve().ready().sign_in()
    flow = server.publish(chain("Asked while it stops", post("call", f"http://{outside.address}/hold")))
    asking = [
        threading.Thread(target=_cut_off, args=(server, f"/api/v1/orchestrations/{flow['id']}/runs/?wait=30"))
        for _ in range(3)
    ]
    for one in asking:
        one.start()
    until(lambda: outside.calls["/hold"] == 3)
    server.stop()
    for one in asking:
        one.join(10)
    assert place.manage("recover").startswith("0 processes are gone"), "it did not say good-bye"
    outside.gate.set()
    again = place.serve().ready().sign_in()
    until(lambda: {run["status"] for run in again.runs_of(flow["slug"])} == {"COMPLETED"})


def _cut_off(server, path):
    """Ask for what will not be answered."""
    with suppress(OSError, HTTPException):
        server.post(path, {"input": {}})


def test_two_servers_share_one_database_and_one_takes_over_from_the_other(place, outside):
    calls = [post(f"call{number}", f"http://{outside.address}/now") for number in range(3)]
    holds = [post(f"hold{number}", f"http://{outside.address}/hold/{number}") for number in range(2)]
    join = {"key": "join", "type": "transform", "join": "all", "config": {"output": "{{ run.id }}"}}
    document = {
        "schema": 1, "name": "Shared", "steps": [shape("first", 0), *calls, *holds, join],
        "edges": [{"source": "first", "target": one["key"]} for one in (*calls, *holds)]
        + [{"source": one["key"], "target": "join"} for one in (*calls, *holds)],
    }  # fmt: skip
    one, other = place.serve(), place.serve()
    for server in (one, other):
        server.ready().sign_in()
    flow = one.publish(document)["id"]
    bounded = one.publish(narrow(outside))
    one.post("/api/v1/limits/", {"kind": "orchestration", "subject": bounded["slug"], "concurrency": 2})
    in_line = begin(one, bounded["id"])
    until(lambda: outside.calls["/hold/narrow"] == 2)
    runs = [begin(server, flow) for _ in range(3) for server in (one, other)]
    until(lambda: outside.calls["/hold/0"] + outside.calls["/hold/1"] >= 6)  # all other threads of both
    one.kill()
    outside.gate.set()
    until(lambda: all(other.run(run_id)["status"] == "COMPLETED" for run_id in runs), 30)
    for run_id in runs:
        assert other.run(run_id)["output"] == {"join": run_id}
        no_step_completed_twice(other, run_id)
    workers = {e["data"]["worker"] for run_id in runs for e in other.get(f"/api/v1/runs/{run_id}/events/")
               if e["kind"] == "step_started"}  # fmt: skip
    assert len(workers) == 2
    until(lambda: other.run(in_line)["status"] == "COMPLETED")
    no_step_completed_twice(other, in_line)
    assert most_at_once(other, in_line) == 2, "the killed server's slots are free again, and no others"
    assert other.kinds(in_line, "nap") == ["step_started", "step_waiting", "step_completed"], "it fires once"
