"""Semantic 6 with real requests: what a step did outside is undone by its ``compensate`` action."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from orchestrator.errors import Conflict
from runs import journal, recovery, verbs
from runs.cache import runs
from runs.effects import Door
from runs.engine.commands import Complete, Fail, UndoFailed
from runs.executors.base import Assignment
from runs.executors.memory import MemoryExecutor
from runs.models import Timer
from steps.base import Cancelled
from tests.integration.runs.conftest import chain, step


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


LOST = {"code": "timeout", "message": "No answer.", "retryable": False}
BUSY = {"code": "busy", "message": "Later.", "retryable": True}


def test_a_late_effect_is_undone_though_the_run_has_ended_and_the_worker_that_did_it_died(
    lab, superadmin, bank
):
    """semantic 6: recovery finds a compensation by the run's row, whatever the run's status is."""
    run = lab.start(chain(pay(bank, "a")))
    journal.submit(run.pk, Fail("a", 1, 1, LOST))
    verbs.rollback(superadmin, run)
    assert (lab.fresh(run).status, lab.fresh(run).undoing) == ("ROLLED_BACK", False)
    late = Complete("a", 1, 1, output={"json": {"id": 7}})
    assert journal.submit(run.pk, late, worker="dead").events[-1]["kind"] == "compensation_started"
    assert lab.fresh(run).undoing
    assert recovery.runs_of("dead") == [run.pk]
    for lost in recovery.started_by(run.pk, "dead"):
        lab.runtime.act(run.pk, recovery.interrupt(lost, "dead"))
    lab.drain()
    assert bank.seen == [("/undo/7", f"{run.pk}:a:1:0:undo")]
    assert (lab.fresh(run).status, lab.fresh(run).undoing) == ("ROLLED_BACK", False)


def test_a_late_effect_that_no_process_undoes_is_found_by_the_sweep(lab, superadmin, bank):
    """semantic 6: said by a process without an executor, it waits; the sweep looks at ended runs too."""
    run = lab.start(chain(pay(bank, "a")))
    journal.submit(run.pk, Fail("a", 1, 1, LOST))
    verbs.rollback(superadmin, run)
    journal.submit(run.pk, Complete("a", 1, 1, output={"json": {"id": 7}}))
    recovery.Sweep(lab.runtime).first()
    lab.drain()
    assert bank.seen == [("/undo/7", f"{run.pk}:a:1:0:undo")]


def test_a_step_and_what_undoes_an_earlier_epoch_of_it_may_both_wait(lab, superadmin, bank):
    """semantic 6: each has its timer, also when the rows are made anew; one that fires leaves the other."""
    run = lab.start(chain(pay(bank, "a", retry={"max_attempts": 2, "delay_s": 5})))
    journal.submit(run.pk, Fail("a", 1, 1, LOST))
    verbs.rollback(superadmin, run, "a")
    journal.submit(run.pk, Fail("a", 2, 1, BUSY))
    journal.submit(run.pk, Complete("a", 1, 1, output={"json": {"id": 7}}), worker="w")
    journal.submit(run.pk, UndoFailed("a", 1, 1, BUSY))
    kinds = Timer.objects.filter(instance=run).order_by("kind").values_list("kind", flat=True)
    assert list(kinds.all()) == ["retry", "undo"]
    journal.rebuild(run.pk)
    assert list(kinds.all()) == ["retry", "undo"]
    verbs.cancel(superadmin, run)
    assert list(kinds.all()) == ["undo"]


def test_a_call_of_an_attempt_that_no_longer_counts_is_not_made_though_it_brings_a_receipt(lab, bank):
    """semantic 6: the receipt is an event of that command too; only ``effect_sent`` lets a call out."""
    run = lab.start(chain(step("a", "blocks")))
    live = runs.get(run.pk)
    context = SimpleNamespace(
        item=None, undoing=False, log=lambda *said: None, idempotency_key=lambda number: f"k{number}"
    )
    sent = []
    door = Door(live, Assignment(run.pk, "a", 1, 1), context)
    door.call(0, "one", sent.append)
    lab.runtime.act(run.pk, recovery.interrupt(Assignment(run.pk, "a", 1, 1), "test-worker"))
    with pytest.raises(Cancelled):
        door.call(1, "two", sent.append)
    assert sent == ["k0"]
    assert lab.kinds(run, "a")[-3:] == ["step_interrupted", "step_started", "effect_received"]
    again = Door(live, Assignment(run.pk, "a", 1, 2), context)
    assert again.call(0, "one", sent.append) is None
    assert sent == ["k0"], "its receipt is known"


def test_resolving_over_rest_and_on_the_page(lab, superadmin, bank, client):
    """POST rollback/resolve/ and the button on the run page; the page says what is stuck."""
    run = lab.run(chain(pay(bank, "a")))
    bank.down = 2
    verbs.rollback(superadmin, run)
    lab.drain()
    client.force_login(superadmin)
    shown = client.get(f"/runs/{run.pk}/").content.decode()
    assert 'class="verdict stuck"' in shown
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
