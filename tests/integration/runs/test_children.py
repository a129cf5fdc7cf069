"""Child runs: an orchestration as a step of another one, on a real database."""

from __future__ import annotations

import sys

import pytest
from django.urls import reverse

from orchestrator.errors import Conflict
from runs import children as children_of_runs
from runs import errands, journal, payloads, recovery, verbs
from runs.errands import Errands, Untold
from runs.executors.memory import MemoryExecutor
from runs.models import OrchestrationInstance, StepRun
from tests.integration.runs.conftest import chain, document, step, until
from tests.integration.runs.test_undo import bank, pay  # noqa: F401


def calls(orchestration, key="call", **fields):
    own = {"orchestration": orchestration.slug, **fields.pop("config", {})}
    return {"key": key, "type": "orchestration", "config": own, **fields}


def children(run):
    return list(OrchestrationInstance.objects.filter(parent=run).order_by("number"))


@pytest.fixture
def echo(lab):
    """An orchestration that gives back what it was given."""
    return lab.publish(chain(step("say", value="{{ input.word }}!")))


def test_a_child_run_gives_its_output_to_the_step(lab, echo):
    """The child is a run as any other: of the newest version, by who started the parent."""
    run = lab.run(
        chain(
            calls(echo, config={"input": {"word": "hi"}}), step("after", value="{{ steps.call.output.say }}")
        )
    )
    (child,) = children(run)
    assert (run.status, child.status) == ("COMPLETED", "COMPLETED")
    assert lab.row(run, "after").output == "hi!"
    assert (child.started_by, child.depth, child.parent_step, child.parent_told) == (
        lab.starter,
        1,
        "call",
        True,
    )
    begun = next(e for e in verbs.events(run) if e["kind"] == "child_started")["data"]["child"]
    assert (begun["id"], begun["version"], begun["number"]) == (str(child.pk), 1, child.number)
    above = verbs.events(child)[0]["data"]["parent"]
    assert (above["id"], above["step"], above["epoch"]) == (str(run.pk), "call", 1)


def test_parent_and_child_link_to_each_other(lab, echo, client, user):
    """REST says parent and children; both pages link; who is asked in the parent sees what it has started."""
    ask = step("ask", "asks", assignees=[user.username])
    run = lab.run(chain(calls(echo, config={"input": {"word": "hi"}}), ask))
    (child,) = children(run)
    client.force_login(user)
    shown = client.get(f"/api/v1/runs/{run.pk}/").json()["steps"][0]["children"]
    assert [(one["id"], one["status"], one["item"]) for one in shown] == [(str(child.pk), "COMPLETED", None)]
    above = client.get(f"/api/v1/runs/{child.pk}/").json()["parent"]
    assert above == {"id": str(run.pk), "step": "call", "item": None}
    listed = [client.get(f"/api/v1/runs/?parent={of}").json()["results"] for of in (run.pk, "none")]
    assert [[one["id"] for one in found] for found in listed] == [[str(child.pk)], [str(run.pk)]]
    assert client.get("/api/v1/runs/?parent=x").status_code == 400
    address = reverse("run", args=[child.pk])
    assert address not in client.get(reverse("runs")).content.decode(), "one map may have thousands"
    assert address not in client.get(reverse("home")).content.decode()
    assert address in client.get(reverse("runs"), {"parts": "1"}).content.decode()
    assert f'href="/runs/{child.pk}/"' in client.get(f"/runs/{run.pk}/?step=call").content.decode()
    assert f'href="/runs/{run.pk}/?step=call"' in client.get(f"/runs/{child.pk}/").content.decode()


def test_what_items_send_is_journaled_and_undone_item_by_item(lab, bank):  # noqa: F811
    """semantic 6: keys name the item; a receipt that is in the journal is not asked for again."""
    undo = {
        "method": "POST",
        "url": f"{bank.url}/undo/{{{{ item }}}}/{{{{ steps.each.output.results[index].json.id }}}}",
    }
    inner = {"type": "http", "config": {"method": "POST", "url": f"{bank.url}/pay/{{{{ item }}}}"}}
    config = {"items": "{{ input.items }}", "step": inner, "concurrency": 1}
    each = {"key": "each", "type": "map", "config": config, "compensate": {"type": "http", "config": undo}}
    run = lab.start(chain(each), {"items": ["a", "b"]})
    lab.runtime.executor.step()
    keep, kept = payloads.keep, []
    with pytest.MonkeyPatch.context() as dying:  # between the answer and the item's end
        dying.setattr(payloads, "keep", lambda *of: sys.exit() if kept else kept.append(1) or keep(*of))
        with pytest.raises(SystemExit):
            lab.runtime.executor.step()
    kill(lab)
    recover(lab, run)
    assert lab.fresh(run).status == "COMPLETED"
    key = f"{run.pk}:each[{{}}]:1:0".format
    assert bank.seen == [("/pay/a", key(0)), ("/pay/b", key(1))]
    verbs.rollback(lab.starter, run)
    lab.drain()
    assert bank.seen[2:] == [("/undo/b/2", f"{key(1)}:undo"), ("/undo/a/1", f"{key(0)}:undo")]
    assert lab.fresh(run).status == "ROLLED_BACK"


def test_the_parent_waits_without_a_thread(lab):
    """WAITING is for a child run, too."""
    slow = lab.publish(chain(step("ask", "asks", role="user", on="approved"), step("b")))
    run = lab.run(chain(calls(slow), step("after")))
    (child,) = children(run)
    assert (run.status, child.status, lab.row(run, "call").status) == ("WAITING", "WAITING", "WAITING")
    verbs.decide_approval(lab.starter, child.approvals.get(), "approve")
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"


def test_a_child_that_fails_fails_the_step_and_names_the_run(lab):
    flop = lab.publish(chain(step("flop", "fails", times=1, retryable=False)))
    run = lab.run(chain(calls(flop), step("after", value="{{ steps.call.output }}")))
    (child,) = children(run)
    error = lab.row(run, "call").error
    assert (run.status, error["code"]) == ("FAILED", "child_failed")
    assert error["message"] == f"Run {child.number} of Test failed at flop: It did not work."
    assert error["details"]["run"] == str(child.pk)
    verbs.retry(lab.starter, run)
    lab.drain()
    assert (lab.fresh(run).status, len(children(run))) == ("COMPLETED", 1), "the same run went on"
    assert "run_retried" in lab.kinds(child)


def test_a_retry_of_the_step_has_the_same_child_go_on(lab, later):
    """semantic 4: retries come first, with their pauses."""
    flop = lab.publish(chain(step("flop", "fails", times=2, retryable=False)))
    run = lab.run(chain(calls(flop, retry={"max_attempts": 3, "delay_s": 5, "backoff": 1})))
    assert lab.row(run, "call").status == "WAITING"
    later(6)
    later(6)
    assert lab.fresh(run).status == "COMPLETED"
    assert [child.status for child in children(run)] == ["COMPLETED"]


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"orchestration": "nowhere"}, "unknown_orchestration"),
        ({"version": 7}, "not_found"),
        ({"input": {"word": 3}}, "bad_input"),
    ],
)
def test_what_cannot_be_started_fails_the_step(lab, config, code):
    schema = {"type": "object", "properties": {"word": {"type": "string"}}}
    strict = lab.publish(chain(step("a"), input=schema))
    run = lab.run(chain(calls(strict, config=config)))
    assert (run.status, children(run)) == ("FAILED", [])
    assert lab.row(run, "call").error["code"] in (code, "invalid")


def test_recursion_ends_at_a_depth_of_eight(lab):
    """An orchestration that starts itself."""
    itself = lab.publish(chain(step("a")))
    version = itself.versions.get()
    version.document = chain(calls(itself))
    type(version).objects.filter(pk=version.pk).update(document=version.document)
    run = verbs.start(lab.starter, itself, {})
    lab.drain()
    assert lab.fresh(run).status == "FAILED"
    deepest = OrchestrationInstance.objects.order_by("-depth").first()
    assert deepest.depth == 8
    assert lab.row(deepest, "call").error["code"] == "too_deep"
    assert "at most 8 deep" in lab.row(run, "call").error["message"]


@pytest.mark.parametrize("how", ["run", "step"])
def test_cancelling_the_parent_or_its_step_cancels_the_child(lab, how):
    slow = lab.publish(chain(step("ask", "asks", role="user")))
    run = lab.run(chain(calls(slow)))
    if how == "run":
        verbs.cancel(lab.starter, run, "enough")
    else:
        verbs.cancel_step(lab.starter, run, "call")
    (child,) = children(run)
    assert (child.status, child.parent_told) == ("CANCELLED", True)
    assert child.approvals.get().status == "voided"
    verbs.retry(lab.starter, run)
    lab.drain()
    (child,) = children(run)
    assert (child.status, lab.fresh(run).status) == ("WAITING", "WAITING"), "it went on"


def test_a_child_that_has_ended_is_acted_on_through_its_parent(lab):
    flop = lab.publish(chain(step("flop", "fails")))
    run = lab.run(chain(calls(flop)))
    (child,) = children(run)
    for act in (verbs.retry, verbs.rollback):
        with pytest.raises(Conflict) as refused:
            act(lab.starter, child)
        assert refused.value.code == "child_run"


def test_rolling_back_the_parent_rolls_the_child_back_whole(lab, bank):  # noqa: F811
    """semantic 6: in reverse order with everything else; the preview is what happens."""
    inner = lab.publish(chain(pay(bank, "a"), pay(bank, "b")))
    run = lab.run(chain(pay(bank, "first"), calls(inner), pay(bank, "last")))
    assert run.status == "COMPLETED"
    preview = verbs.rollback(lab.starter, run, dry_run=True)
    assert preview["compensates"] == ["last", "call", "first"]
    (below,) = preview["children"]
    assert (below["step"], below["preview"]["compensates"]) == ("call", ["b", "a"])
    del bank.seen[:]
    verbs.rollback(lab.starter, run, reason="all wrong")
    lab.drain()
    (child,) = children(run)
    assert (lab.fresh(run).status, child.status) == ("ROLLED_BACK", "ROLLED_BACK")
    key = f"{child.pk}:{{}}:1:0:undo".format
    assert [seen[1] for seen in bank.seen] == [
        f"{run.pk}:last:1:0:undo", key("b"), key("a"), f"{run.pk}:first:1:0:undo"
    ]  # fmt: skip


def test_after_a_rollback_to_the_step_a_new_child_runs(lab, echo):
    """semantic 6: a new epoch has a new child."""
    run = lab.run(chain(step("a"), calls(echo, config={"input": {"word": "hi"}})))
    verbs.rollback(lab.starter, run, "call")
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert [child.status for child in children(run)] == ["ROLLED_BACK", "COMPLETED"]


def test_a_child_that_still_waits_is_rolled_back_with_the_parent(lab, bank):  # noqa: F811
    inner = lab.publish(chain(pay(bank, "a"), step("ask", "asks", role="user")))
    run = lab.run(chain(step("z"), calls(inner)))
    verbs.rollback(lab.starter, run, "z")
    lab.drain()
    first, second = children(run)
    assert (first.status, second.status, lab.fresh(run).status) == ("ROLLED_BACK", "WAITING", "WAITING")
    assert bank.seen[1] == ("/undo/1", f"{first.pk}:a:1:0:undo")


@pytest.mark.parametrize("action", ["retry", "skip", "give_up", "in the child"])
def test_a_child_whose_rollback_is_stuck_makes_the_parents_stuck(lab, bank, action):  # noqa: F811
    """semantic 6: visible in the parent, and resolved there, or in the child."""
    inner = lab.publish(chain(pay(bank, "a")))
    run = lab.run(chain(calls(inner)))
    bank.down = 1
    verbs.rollback(lab.starter, run)
    lab.drain()
    (child,) = children(run)
    _, state = verbs.state_of(run)
    assert state.undo["call", 1]["status"] == "stuck"
    assert f"Run {child.number} of Test could not be rolled back" in state.undo["call", 1]["error"]["message"]
    if action == "in the child":
        verbs.resolve(lab.starter, child, "a", "retry")
    else:
        verbs.resolve(lab.starter, run, "call", action, "by hand")
    lab.drain()
    gone = "FAILED" if action in ("skip", "give_up") else "ROLLED_BACK"
    assert lab.fresh(child).status == gone
    assert lab.fresh(run).status == ("FAILED" if action == "give_up" else "ROLLED_BACK")
    if action == "give_up":
        verbs.rollback(lab.starter, run)
        lab.drain()
        assert (lab.fresh(run).status, lab.fresh(child).status) == ("ROLLED_BACK", "ROLLED_BACK")


def test_a_map_over_an_orchestration_has_a_child_for_each_item(lab, echo):
    """Its children take no threads and no places of the parent."""
    config = {
        "items": "{{ input.words }}",
        "orchestration": echo.slug,
        "input": {"word": "{{ item }}{{ index }}"},
    }
    run = lab.run(chain({"key": "each", "type": "map", "config": config}), {"words": ["a", "b", "c"]})
    assert lab.row(run, "each").output == {"results": [{"say": "a0!"}, {"say": "b1!"}, {"say": "c2!"}]}
    assert [child.parent_item for child in children(run)] == [0, 1, 2]
    verbs.rollback(lab.starter, run)
    lab.drain()
    assert lab.fresh(run).status == "ROLLED_BACK"
    assert {child.status for child in children(run)} == {"ROLLED_BACK"}


def test_the_children_of_a_map_keep_to_its_concurrency_and_to_its_failure(lab):
    slow = lab.publish(chain(step("ask", "asks", role="user")))
    config = {"items": "{{ input.items }}", "orchestration": slow.slug, "concurrency": 2, "input": {}}
    run = lab.run(chain({"key": "each", "type": "map", "config": config}), {"items": [1, 2, 3]})
    assert (run.status, lab.row(run, "each").items["running"]) == ("WAITING", 2)
    first = children(run)[0]
    verbs.decide_approval(lab.starter, first.approvals.get(), "approve")
    lab.drain()
    third = children(run)[2]
    verbs.decide_approval(lab.starter, third.approvals.get(), "reject", "no")
    lab.drain()
    assert lab.fresh(run).status == "FAILED"
    assert [child.status for child in children(run)] == ["COMPLETED", "CANCELLED", "FAILED"]


def kill(lab):
    """This process dies: what it had started is another's, which has nothing of it."""
    lab.runtime.executor = MemoryExecutor(lab.runtime.execute)


def recover(lab, run):
    for pk in [run.pk, *OrchestrationInstance.objects.filter(parent=run).values_list("pk", flat=True)]:
        for lost in recovery.started_by(pk, "test-worker"):
            lab.runtime.act(pk, recovery.interrupt(lost, "test-worker"))
    Untold(lab.runtime.act).look()
    lab.drain()


BEGIN = children_of_runs.begin
POINTS = ["row made", "waits", "begun", "ended", "told"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("end", ["echo", "fails"])
def test_a_crash_at_any_point_loses_nothing_and_does_nothing_twice(lab, monkeypatch, point, end):
    """Between the child's row, the parent's wait, the child's beginning, its end, and the parent's hearing."""
    inner = lab.publish(chain(step("say", end, retryable=False)))
    look = Untold(lab.runtime.act).look
    with monkeypatch.context() as deaf:
        deaf.setattr(Errands, "notice", lambda *args, **more: None)
        run = lab.start(chain(calls(inner)))
        if point == "row made":
            deaf.setattr("runs.parts.children.begin", lambda *args: BEGIN(*args) and sys.exit())
            with pytest.raises(SystemExit):
                lab.runtime.executor.step()
        else:
            lab.runtime.executor.step()
            for _ in range(POINTS.index(point) - 1):
                look()  # what the listener would have done
                lab.runtime.executor.step() if point != "begun" else None
    OrchestrationInstance.objects.filter(parent=run).update(parent_told=False)
    kill(lab)
    recover(lab, run)
    (child,) = children(run)
    want = "COMPLETED" if end == "echo" else "FAILED"
    assert (child.status, lab.fresh(run).status, child.parent_told) == (want, want, True)
    assert lab.kinds(run).count("child_started") == 1
    assert lab.kinds(child).count("run_started") == 1
    before = StepRun.objects.filter(instance=run).values().get()
    journal.rebuild(run.pk)
    assert StepRun.objects.filter(instance=run).values().get() == before


def test_one_pair_that_cannot_be_told_keeps_no_other_waiting(lab, echo, monkeypatch):
    """The sweep comes to it again."""
    with monkeypatch.context() as deaf:
        deaf.setattr(Errands, "notice", lambda *args, **more: None)
        runs = [lab.run(chain(calls(echo, config={"input": {"word": "hi"}}))) for _ in range(2)]
    untold, first = Untold(lab.runtime.act), children(runs[0])[0].pk
    with monkeypatch.context() as broken:
        attend = errands.attend
        broken.setattr(errands, "attend", lambda act, pk: 1 / 0 if pk == first else attend(act, pk))
        assert untold.look() == 2
    assert [children(run)[0].status for run in runs] == ["PENDING", "RUNNING"]
    untold.look()
    lab.drain()
    assert {lab.fresh(run).status for run in runs} == {"COMPLETED"}


def test_many_children_run_in_threads(threads):
    """Those that commit do not wait for what they tell others."""
    echo = threads.publish(chain(step("say", value="x")))
    config = {"items": "{{ input.items }}", "orchestration": echo.slug, "input": {}}
    each = {"key": "each", "type": "map", "config": config}
    edges = [{"source": "a", "target": "call"}, {"source": "a", "target": "each"}]
    run = threads.start(document([step("a"), calls(echo), each], edges), {"items": list(range(20))})
    until(lambda: threads.fresh(run).status == "COMPLETED", 60)
    assert [child.status for child in children(run)] == ["COMPLETED"] * 21


def test_a_name_that_a_template_made_starts_only_what_its_publisher_or_starter_may_start(lab, echo, user):
    asking = chain(
        {"key": "call", "type": "orchestration",
         "config": {"orchestration": "{{ input.which }}", "input": {"word": "hi"}}}
    )  # fmt: skip
    run = lab.start(asking, {"which": echo.slug}, user)
    lab.drain()
    assert (lab.fresh(run).status, lab.row(run, "call").error["code"]) == ("FAILED", "forbidden")
    assert not children(run)
    lab.grant(user, "start", echo)
    again = lab.start(asking, {"which": echo.slug}, user)
    lab.drain()
    assert lab.fresh(again).status == "COMPLETED"
