"""Cancel, retry and roll back: by hand and by themselves (semantics 5 to 7)."""

from __future__ import annotations

import pytest

from orchestrator.errors import Conflict, Forbidden
from runs import verbs
from runs.models import Approval, Timer
from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, document, step, until


def test_cancel_ends_the_run_and_what_waits(lab):
    run = lab.run(chain(step("ask", "asks", role="admin", expires_s=60, on="approved"), step("after")))
    verbs.cancel(lab.starter, run, "no longer needed")
    assert lab.fresh(run).status == "CANCELLED"
    assert lab.statuses(run) == {"ask": "CANCELLED", "after": "PENDING"}
    assert Approval.objects.get().status == "voided"
    assert not Timer.objects.exists()
    with pytest.raises(Conflict) as again:
        verbs.cancel(lab.starter, run)
    assert again.value.code == "not_running"


def test_cancel_tells_a_running_step_at_once(threads):
    run = threads.start(chain(step("b", "blocks"), step("after")))
    assert kinds.Blocks.entered.acquire(timeout=10)
    verbs.cancel(threads.starter, run)
    assert threads.fresh(run).status == "CANCELLED"
    until(lambda: not threads.runtime.executor.held())
    until(lambda: "told to stop" in [line.message for line in verbs.logs(run)])
    assert threads.statuses(run) == {"b": "CANCELLED", "after": "PENDING"}


def test_a_result_after_a_cancel_is_recorded_as_ignored(threads):
    run = threads.start(chain(step("b", "blocks", listens=False), step("after")))
    assert kinds.Blocks.entered.acquire(timeout=10)
    verbs.cancel(threads.starter, run)
    kinds.Blocks.gate.set()
    until(lambda: "late_result_ignored" in threads.kinds(run))
    assert threads.fresh(run).status == "CANCELLED"


def test_a_step_that_waits_for_a_thread_when_the_run_is_cancelled_never_runs(lab):
    kinds.Echo.runs.clear()
    run = lab.start(chain(step("a")))
    verbs.cancel(lab.starter, run)
    lab.drain()
    assert kinds.Echo.runs == {}
    assert lab.fresh(run).status == "CANCELLED"


def test_a_cancelled_step_stops_at_once_and_its_failure_edge_goes_on(threads):
    """semantics 1, 4: the executor is told, the run completes along the edge."""
    parts = [step("b", "blocks"), step("after"), step("instead")]
    edges = [
        {"source": "b", "target": "after"},
        {"source": "b", "port": "failure", "target": "instead"},
    ]
    run = threads.start(document(parts, edges))
    assert kinds.Blocks.entered.acquire(timeout=10)
    verbs.cancel_step(threads.starter, run, "b", "too slow")
    until(lambda: not threads.runtime.executor.held() and threads.fresh(run).status == "COMPLETED")
    assert threads.statuses(run) == {"b": "CANCELLED", "after": "SKIPPED", "instead": "COMPLETED"}
    assert threads.row(run, "b").error["message"].endswith("cancelled b: too slow")


def test_a_step_is_cancelled_over_rest_and_its_page_offers_it(lab, client):
    """semantic 5: without a way on the run fails, and says who cancelled what."""
    run = lab.run(chain(step("ask", "asks", role="admin", on="approved"), step("after")))
    client.force_login(lab.starter)
    address = f"/api/v1/runs/{run.pk}/steps/ask/cancel/"
    assert "Cancel this step" in client.get(f"/runs/{run.pk}/?step=ask").content.decode()
    done = client.post(address, {"reason": "no need"}, "application/json")
    assert (done.status_code, done.json()["status"]) == (200, "FAILED")
    assert Approval.objects.get().status == "voided"
    again = client.post(address, {}, "application/json")
    assert (again.status_code, again.json()["code"]) == (409, "not_running")
    page = client.get(f"/runs/{run.pk}/?step=ask").content.decode()
    assert "cancelled ask: no need" in page
    assert "Cancel this step" not in page


def test_a_step_is_cancelled_from_its_page(lab, client):
    run = lab.run(chain(step("nap", "sleeps", seconds=60)))
    client.force_login(lab.starter)
    assert client.post(f"/runs/{run.pk}/steps/nap/cancel/", {"reason": "awake"}).status_code == 302
    assert lab.fresh(run).status == "FAILED"
    assert not Timer.objects.exists()


def test_retry_runs_what_failed_again_in_the_same_epoch(lab):
    run = lab.run(chain(step("a"), step("b", "fails", times=1), step("c")))
    assert run.status == "FAILED"
    verbs.retry(lab.starter, run)
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.fresh(run).error is None
    row = lab.row(run, "b")
    assert (row.epoch, row.attempt, row.status) == (1, 2, "COMPLETED")
    assert lab.kinds(run, "a").count("step_started") == 1


def test_retry_of_named_steps_refuses_those_that_have_not_failed(lab):
    run = lab.run(chain(step("a"), step("b", "fails")))
    with pytest.raises(Conflict) as refused:
        verbs.retry(lab.starter, run, ["a"])
    assert refused.value.code == "not_failed"


def test_rollback_by_hand_executes_the_checkpoint_and_what_follows_again(lab):
    kinds.Echo.runs.clear()
    run = lab.run(chain(step("a"), step("b", value="{{ rollback.count }}"), step("c")))
    verbs.rollback(lab.starter, run, to="b", reason="look again")
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert dict(kinds.Echo.runs) == {"a": 1, "b": 2, "c": 2}
    row = lab.row(run, "b")
    assert (row.epoch, row.output) == (2, 1)
    assert lab.row(run, "a").epoch == 1


def test_a_dry_run_says_what_a_rollback_would_do_and_does_nothing(lab):
    run = lab.run(chain(step("a"), step("b"), step("c")))
    before = lab.entries(run)
    preview = verbs.rollback(lab.starter, run, to="b", dry_run=True)
    assert [one["step"] for one in preview["steps"]] == ["c", "b"]
    assert preview["kept"] == ["a"]
    assert lab.entries(run) == before


def test_rollback_voids_a_question_and_asks_it_again(lab, user):
    run = lab.run(chain(step("a"), step("ask", "asks", assignees=["uma"], on="approved"), step("c")))
    first = Approval.objects.get()
    verbs.rollback(lab.starter, run, to="a")
    lab.drain()
    first.refresh_from_db()
    second = Approval.objects.get(status="pending")
    assert first.status == "voided"
    assert (second.epoch, second.step) == (2, "ask")
    with pytest.raises(Conflict) as refused:
        verbs.decide_approval(user, first, "approve")
    assert refused.value.code == "voided"
    verbs.decide_approval(user, second, "approve")
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"


def test_rollback_of_a_decided_question_keeps_who_had_decided_in_its_row(lab, user):
    run = lab.run(chain(step("ask", "asks", assignees=["uma"], on="approved"), step("c", "fails")))
    verbs.decide_approval(user, Approval.objects.get(), "approve")
    lab.drain()
    verbs.rollback(lab.starter, run, to="ask")
    lab.drain()
    old = Approval.objects.get(epoch=1)
    assert (old.status, old.decided_by) == ("voided", "uma")
    assert lab.fresh(run).status == "WAITING"


def test_the_whole_run_can_be_rolled_back_once(lab):
    run = lab.run(chain(step("a"), step("b")))
    verbs.rollback(lab.starter, run, reason="wrong customer")
    assert lab.fresh(run).status == "ROLLED_BACK"
    assert set(lab.statuses(run).values()) == {"PENDING"}
    with pytest.raises(Conflict):
        verbs.rollback(lab.starter, run)


def test_semantic_7_a_failed_check_rolls_back_by_itself_and_the_step_sees_why(lab):
    doc = chain(
        step("draft", value={"why": "{{ rollback.reason }}", "count": "{{ rollback.count }}"}),
        step(
            "check",
            "judge",
            take=["failure"],
            on_failure={"action": "rollback", "to": "draft", "max_times": 2},
        ),
    )
    run = lab.run(doc)
    assert run.status == "FAILED"
    row = lab.row(run, "draft")
    assert row.epoch == 3
    assert row.output == {"why": "It was found wanting.", "count": 2}
    assert lab.kinds(run).count("rollback_started") == 2


def test_a_rejected_approval_rolls_back_to_its_checkpoint(lab, user):
    ask = step("ask", "asks", assignees=["uma"], on="approved",
               on_failure={"action": "rollback", "to": "draft", "max_times": 1})  # fmt: skip
    run = lab.run(chain(step("draft", value="{{ rollback.reason }}"), ask, step("send")))
    verbs.decide_approval(user, Approval.objects.get(), "reject", "kinder, please")
    lab.drain()
    assert "kinder, please" in lab.row(run, "draft").output
    again = Approval.objects.get(status="pending")
    first = Approval.objects.get(epoch=1)
    assert (first.decided_by, first.votes[0]["decision"]) == ("uma", "reject")
    verbs.decide_approval(user, again, "approve")
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"


def test_a_rollback_waits_for_running_steps_and_stops_them(threads):
    doc = document(
        [step("a"), step("b", "blocks"), step("c", "blocks", listens=False)],
        [{"source": "a", "target": "b"}, {"source": "a", "target": "c"}],
    )
    run = threads.start(doc)
    for _ in range(2):
        assert kinds.Blocks.entered.acquire(timeout=10)
    verbs.rollback(threads.starter, run, to="a", reason="again")
    assert threads.fresh(run).status == "ROLLING_BACK"
    with pytest.raises(Conflict) as refused:
        verbs.rollback(threads.starter, run, to="a")
    assert refused.value.code == "rolling_back"
    until(lambda: threads.row(run, "b").status == "CANCELLED")
    assert threads.row(run, "a").epoch == 1
    kinds.Blocks.gate.set()
    until(lambda: threads.fresh(run).status == "COMPLETED")
    assert {row.epoch for row in run.steps.all()} == {2}


def test_only_who_started_it_or_may_edit_acts_on_a_run(lab, user, other_user, admin):
    run = lab.start(chain(step("a", "asks", role="admin")), user=user)
    lab.drain()
    for act in (verbs.cancel, verbs.retry, verbs.rollback):
        with pytest.raises(Forbidden):
            act(other_user, run)
    with pytest.raises(Forbidden):
        verbs.cancel(admin, run)
    lab.grant(admin, "edit", run.orchestration)
    with pytest.raises(Conflict):
        verbs.retry(admin, run)
    verbs.cancel(user, run)
    assert lab.fresh(run).status == "CANCELLED"
