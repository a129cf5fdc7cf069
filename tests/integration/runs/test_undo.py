"""Semantic 6 with real requests: what a step did outside is undone by its ``compensate`` action."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from orchestrator.errors import Conflict
from runs import journal, recovery, verbs
from runs.executors.memory import MemoryExecutor
from runs.models import Timer
from tests.integration.runs.conftest import chain


class Bank(BaseHTTPRequestHandler):
    """Takes payments and takes them back; refuses to while ``server.down`` counts."""

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.path, self.headers["Idempotency-Key"]))
        down = self.path.startswith("/undo") and self.server.down > 0
        self.server.down -= down
        body = json.dumps({"id": len(self.server.seen)}).encode()
        self.send_response(503 if down else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def bank(settings):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bank)
    server.seen, server.down = [], 0
    settings.HTTP_ALLOW = [f"127.0.0.1:{server.server_port}"]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def pay(bank, key, **more):
    undo = {"method": "POST", "url": f"{bank.url}/undo/{{{{ steps.{key}.output.json.id }}}}"}
    return {
        "key": key,
        "type": "http",
        "config": {"method": "POST", "url": f"{bank.url}/pay"},
        "compensate": {"type": "http", "config": undo},
        **more,
    }


def test_payments_are_taken_back_in_reverse_order_with_keys_of_their_own(lab, superadmin, bank):
    """semantic 6: the preview is what happens; ``:undo`` marks the key of a compensation."""
    run = lab.run(chain(pay(bank, "a"), pay(bank, "b")))
    assert run.status == "COMPLETED"
    preview = verbs.rollback(superadmin, run, dry_run=True)
    assert (preview["compensates"], preview["cannot"]) == (["b", "a"], [])
    verbs.rollback(superadmin, run, reason="all wrong")
    lab.drain()
    assert lab.fresh(run).status == "ROLLED_BACK"
    assert bank.seen == [
        ("/pay", f"{run.pk}:a:1:0"),
        ("/pay", f"{run.pk}:b:1:0"),
        ("/undo/2", f"{run.pk}:b:1:0:undo"),
        ("/undo/1", f"{run.pk}:a:1:0:undo"),
    ]
    assert lab.entries(run)[1:3] == [
        ["effect_sent"],
        ["effect_received", "step_completed", "step_started"],
    ]


@pytest.mark.parametrize("action", ["retry", "skip", "give_up"])
def test_a_stuck_rollback_waits_for_a_person(lab, superadmin, bank, later, action):
    """semantic 6: retried as the step says, then stuck: retry, skip with a reason, or give up."""
    run = lab.run(chain(pay(bank, "a", retry={"max_attempts": 2, "delay_s": 5})))
    bank.down = 2
    verbs.rollback(superadmin, run)
    lab.drain()
    assert Timer.objects.get(instance_id=run.pk).kind == "undo"
    later(6)
    assert Timer.objects.filter(instance_id=run.pk).count() == 0
    assert lab.fresh(run).status == "ROLLING_BACK"
    with pytest.raises(Conflict):
        verbs.rollback(superadmin, run)
    verbs.resolve(superadmin, run, "a", action, "by hand")
    lab.drain()
    assert lab.fresh(run).status == {"give_up": "FAILED"}.get(action, "ROLLED_BACK")
    if action == "give_up":
        verbs.rollback(superadmin, run)
        lab.drain()
        assert lab.fresh(run).status == "ROLLED_BACK"
    before = lab.fresh(run).seq, lab.statuses(run)
    journal.rebuild(run.pk)
    assert (lab.fresh(run).seq, lab.statuses(run)) == before


def test_a_compensation_whose_worker_died_starts_again_with_the_same_key(lab, superadmin, bank):
    """semantic 6: recovered after a crash like a step."""
    run = lab.run(chain(pay(bank, "a")))
    mine, lab.runtime.worker = lab.runtime.worker, "dead"
    verbs.rollback(superadmin, run)
    lab.runtime.worker = mine
    lab.runtime.executor = MemoryExecutor(lab.runtime.execute)
    assert recovery.runs_of("dead") == [run.pk]
    for lost in recovery.started_by(run.pk, "dead"):
        lab.runtime.act(run.pk, recovery.interrupt(lost, "dead"))
    lab.drain()
    assert lab.fresh(run).status == "ROLLED_BACK"
    assert bank.seen[-1] == ("/undo/1", f"{run.pk}:a:1:0:undo")


def test_resolving_over_rest_and_on_the_page(lab, superadmin, bank, client):
    """POST rollback/resolve/ and the button on the run page; the page says what is stuck."""
    run = lab.run(chain(pay(bank, "a")))
    bank.down = 2
    verbs.rollback(superadmin, run)
    lab.drain()
    client.force_login(superadmin)
    shown = client.get(f"/runs/{run.pk}/").content.decode()
    assert "The rollback is stuck at" in shown
    where = f"/api/v1/runs/{run.pk}/rollback/resolve/"
    body = {"step": "a", "action": "skip"}
    assert client.post(where, body, content_type="application/json").status_code == 400
    client.post(f"/runs/{run.pk}/rollback/resolve/", {"step": "a", "action": "retry"})
    lab.drain()
    assert (
        client.post(where, {**body, "reason": "by hand"}, content_type="application/json").status_code == 200
    )
    assert lab.fresh(run).status == "ROLLED_BACK"
    assert client.post(where, {**body, "reason": "x"}, content_type="application/json").status_code == 409
