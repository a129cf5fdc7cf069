"""Production as compose.yaml describes it: two server processes, one MongoDB, one Chroma, one Redis.

Run it with ``pytest tests/acceptance/production -s --database mongodb`` for a transcript.
"""

from __future__ import annotations

import os
from urllib.request import Request, urlopen

import pytest
from websockets.sync.client import connect

from tests.acceptance.production.conftest import frames
from tests.acceptance.runs.conftest import until

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        os.environ.get("TEST_DATABASES", "").startswith("sqlite"),
        reason="it has a MongoDB of its own: once is enough",
    ),
]
DOCUMENT = (
    b"# Returns\n\nWorn shoes can be returned within 30 days.\n\n# Shipping\n\nParcels leave on Mondays."
)
BOUNDARY = "a-boundary"


def flow(address):
    """Search in the base, then a call that the test holds."""
    call = {
        "method": "POST",
        "url": f"http://{address}/hold",
        "json": {"found": "{{ steps.find.output.results | length }}"},
    }
    return {
        "schema": 1, "name": "Watched from elsewhere",
        "steps": [
            {"key": "find", "type": "retrieve", "config": {"base": "handbook", "query": "worn shoes", "k": 1}},
            {"key": "call", "type": "http", "config": call},
        ],
        "edges": [{"source": "find", "target": "call"}],
    }  # fmt: skip


def upload(server, base):
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="shop.md"\r\n\r\n'.encode()
        + DOCUMENT
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **server._headers()}
    return server._call(
        Request(server._url(f"/api/v1/knowledge-bases/{base}/documents/"), body, headers, method="POST")
    )


def told(frame, step, kind):
    """Whether a frame says that of that step."""
    return any((event["kind"], event.get("step")) == (kind, step) for event in frame.get("events", []))


def watch(server, run_id):
    return connect(
        f"ws://127.0.0.1:{server.port}/ws/runs/{run_id}/?since=0",
        subprotocols=["bearer", server.token],
        open_timeout=20,
    )


@pytest.fixture(scope="module")
def servers(stack, django_db_blocker):
    """Two server processes, started together on an empty database."""
    stack.manage("collectstatic", "--noinput", "-v0", "-i", "admin", "-i", "drf_spectacular_sidecar")
    stack.say("static files are collected")
    stack.start_services()
    stack.say("redis-server, chroma and a fresh mongod with an account and a key file run")
    one, other = stack.serve("one"), stack.serve("other")
    stack.say(f"initiate_replica_set: {stack.manage('initiate_replica_set').splitlines()[-1]}")
    for server in (one, other):
        server.ready()
    stack.say("two processes of `manage.py web` are ready")
    with django_db_blocker.unblock():
        stack.make_superadmin()
    stack.say("createsuperuser; a sign-in on one process counts on the other")
    one.sign_in()
    other.token = one.token
    return one, other


def test_processes_that_start_together_migrate_an_empty_database_once(stack, servers):
    said = [server.log.read_text() for server in servers]
    for name, text in zip(("one", "other"), said, strict=True):
        for line in text.splitlines():
            stack.say(f"  {name}: {line}")
    assert sum(text.count("Migrating the database ...") for text in said) == 1
    assert all("Serving https://flows.example.org" in text for text in said)


def test_probes_need_neither_tls_nor_a_host_name_and_pages_need_both(stack, servers):
    with urlopen(f"http://127.0.0.1:{servers[0].port}/health/ready") as answer:
        assert answer.status == 200
    done = stack.begin(
        stack.folder / "probe.log", *stack.python()[:1], "docker/probe.py", str(servers[0].port)
    )
    assert done.wait(20) == 0
    page = Request(servers[0]._url("/login/"), headers={**servers[0]._headers(), "Accept-Encoding": "gzip"})
    with urlopen(page) as answer:
        assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
        assert "Secure" in answer.headers["Set-Cookie"]
    style = Request(servers[0]._url("/static/css/tokens.css"), headers=page.headers)
    with urlopen(style) as answer:
        assert answer.headers["Content-Encoding"] == "gzip", (
            "static files are collected and compressed at build"
        )


def test_a_run_on_one_process_is_watched_live_on_the_other(stack, servers):
    one, other = servers
    base = one.post("/api/v1/knowledge-bases/", {"name": "Handbook"})["id"]
    upload(one, base)
    until(
        lambda: all(
            row["state"] == "ready"
            for row in one.get(f"/api/v1/knowledge-bases/{base}/documents/")["results"]
        )
    )
    stack.say("a document, uploaded on one, is indexed in Chroma")
    made = one.post("/api/v1/orchestrations/import/", flow(stack.outside.address))
    one.post(f"/api/v1/orchestrations/{made['id']}/publish/", {})
    run_id = one.post(f"/api/v1/orchestrations/{made['id']}/runs/", {"input": {}})["id"]
    stack.say("a run is started on one")
    with watch(other, run_id) as socket:
        seen = frames(socket, lambda frame: told(frame, "call", "step_started"))
        stack.say("a watcher at the other sees that its second step has begun, and is held")
        stack.outside.gate.set()
        seen += frames(socket, lambda frame: frame["type"] == "end")
        if not any(frame["type"] == "log" for frame in seen):  # its order with the end is not promised
            seen += frames(socket, lambda frame: frame["type"] == "log")
    lines = [line["message"] for frame in seen if frame["type"] == "log" for line in frame["lines"]]
    stack.say(f"the other was told: {[frame['type'] for frame in seen]}, {lines}")
    assert "COMPLETED" in [frame.get("status") for frame in seen]
    assert all(any(told(frame, step, "step_completed") for frame in seen) for step in ("find", "call"))
    assert lines, "log lines travel by the channel layer only, so this one came through Redis"
    assert other.run(run_id)["output"] is not None
    hits = other.post(f"/api/v1/knowledge-bases/{base}/search/", {"query": "worn shoes", "k": 1})["results"]
    assert "30 days" in hits[0]["text"], "the other process searches the same vectors"


def test_a_replica_set_is_initiated_once(stack, servers):
    assert stack.manage("initiate_replica_set") == "It is a replica set already."
