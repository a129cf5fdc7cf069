"""The demo's orchestrations as delivered, run by real processes with the real local model."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter

import pytest

from tests.acceptance.runs.conftest import ROOT, Outside, Place, until

pytestmark = pytest.mark.timeout(400)
ANSWERED_WITHIN_S = 120  # the local model, on a busy machine


@pytest.fixture(scope="module")
def demo_place(tmp_path_factory):
    """A place with the demo loaded, for all tests here: loading it takes longer than running it."""
    outside = Outside()
    address = os.environ["TEST_DATABASES"].format(name=f"demo_{os.getpid()}")
    made = Place(tmp_path_factory.mktemp("demo"), address, outside)
    made.manage("demo")
    yield made
    made.stop()
    outside.stop()


@pytest.fixture
def serve(demo_place):
    """A function that starts one more server, signed in as ``user``; they end with the test."""

    def start():
        server = demo_place.serve().ready()
        body = {"username": "user", "password": os.environ["DEMO_PASSWORD"]}
        server.token = server.post("/api/v1/auth/token/", body)["access"]
        return server

    yield start
    demo_place.stop()


def begin(server, slug, **given):
    flows = server.get("/api/v1/orchestrations/")["results"]
    pk = next(flow["id"] for flow in flows if flow["slug"] == slug)
    return server.post(f"/api/v1/orchestrations/{pk}/runs/", {"input": given})["id"]


def asked(server, run_id):
    """The pending approval of a run, once there is one."""

    def look():
        assert server.run(run_id)["status"] not in ("FAILED", "CANCELLED"), server.run(run_id)
        rows = server.get("/api/v1/approvals/?status=pending")["results"]
        return next((row for row in rows if row["run"] == run_id), None)

    return until(look, ANSWERED_WITHIN_S)


def answer(server, approval, decision, comment=""):
    body = {"decision": decision, "comment": comment}
    return server.post(f"/api/v1/approvals/{approval['id']}/decide/", body)


def completions(server, run_id):
    events = server.get(f"/api/v1/runs/{run_id}/events/")
    assert sorted({event["seq"] for event in events}) == list(range(1, max(e["seq"] for e in events) + 1))
    return Counter((e["step"], e["epoch"]) for e in events if e["kind"] == "step_completed")


def test_the_support_answer_survives_kill_9_while_the_model_writes(serve):
    first = serve()
    run_id = begin(first, "support-answer", question="Can I return worn shoes?", max_characters=400)
    until(lambda: "step_started" in first.kinds(run_id, "draft"), ANSWERED_WITHIN_S)
    first.kill()

    again = serve()
    ready = time.monotonic()
    until(lambda: again.kinds(run_id, "draft").count("step_started") >= 2)
    print(f"It went on {time.monotonic() - ready:.1f} s after its new server was ready.")
    answer(again, asked(again, run_id), "approve")
    until(lambda: again.run(run_id)["status"] == "COMPLETED")
    assert "step_interrupted" in again.kinds(run_id, "draft")
    assert set(completions(again, run_id).values()) == {1}
    assert again.run(run_id)["output"]["sources"]


def test_a_draft_over_the_limit_rolls_back_by_itself_and_a_rejection_does_too(serve):
    server = serve()
    run_id = begin(server, "support-answer", question="How long does shipping take?", max_characters=40)
    answer(server, asked(server, run_id), "reject", "Name the carrier.")
    answer(server, asked(server, run_id), "approve")
    until(lambda: server.run(run_id)["status"] == "COMPLETED")
    events = server.get(f"/api/v1/runs/{run_id}/events/")
    reasons = [e["data"]["reason"] for e in events if e["kind"] == "rollback_started"]
    assert "longer than the limit" in reasons[0]
    assert "Name the carrier." in reasons[-1]
    assert len(server.run(run_id)["output"]["answer"]) <= 40
    assert set(completions(server, run_id).values()) == {1}


def test_a_question_that_the_handbook_knows_nothing_of_still_reaches_a_person(serve):
    server = serve()
    run_id = begin(server, "support-answer", question="zzqx wvvk brrgl", max_characters=400)
    approval = asked(server, run_id)
    draft = next(one["value"] for one in approval["evidence"] if one["title"] == "The draft")
    assert draft


def test_second_thoughts_fails_until_the_question_is_answered_differently(serve):
    server = serve()
    run_id = begin(server, "second-thoughts")
    answer(server, asked(server, run_id), "approve")
    until(lambda: server.run(run_id)["status"] == "FAILED")
    preview = server.post(f"/api/v1/runs/{run_id}/rollback/", {"to": "choose", "dry_run": True})
    assert server.run(run_id)["status"] == "FAILED", "a preview changes nothing"
    undone = [one["step"] for one in preview["steps"] if one["what"] == "undo"]
    assert undone == ["check", "fast", "choose"]
    assert preview["kept"] == ["prepare"]
    server.post(f"/api/v1/runs/{run_id}/rollback/", {"to": "choose", "reason": "It is fragile."})
    answer(server, asked(server, run_id), "reject")
    until(lambda: server.run(run_id)["status"] == "COMPLETED")
    assert server.run(run_id)["output"] == {"ship": {"shipped": "A glass vase", "route": "careful"}}
    assert completions(server, run_id)[("prepare", 1)] == 1


def test_the_health_check_asks_this_server_and_joins_both_branches(demo_place, serve):
    server = serve()
    run_id = begin(server, "health-check", address=f"http://127.0.0.1:{server.port}")
    until(lambda: server.run(run_id)["status"] in ("COMPLETED", "FAILED"))
    run = server.run(run_id)
    assert run["status"] == "FAILED", "the address is not allowed yet"
    server.stop()

    demo_place.env["HTTP_ALLOW"] = "127.0.0.0/8"
    server = serve()
    run_id = begin(server, "health-check", address=f"http://127.0.0.1:{server.port}")
    until(lambda: server.run(run_id)["status"] in ("COMPLETED", "FAILED"))
    assert server.run(run_id)["output"] == {"report": {"healthy": True, "live": "live", "database": "ok"}}


def test_the_examples_of_the_api_work_as_they_are_printed(serve):
    page = (ROOT / "docs" / "api.md").read_text()
    program = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    environment = {**os.environ, "ORCHESTRATOR": f"http://127.0.0.1:{serve().port}"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
