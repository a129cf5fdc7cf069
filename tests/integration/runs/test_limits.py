"""Limits on real databases: slots of all processes together, turns, waits that are seen, nothing leaks."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from agents import admission
from agents.errors import GatewayError
from runs import gates, journal, slots_told, throttle, verbs, workers
from runs.dispatch import Runtime
from runs.executors.memory import MemoryExecutor
from runs.gatekeeper import GRACE_S, Gatekeeper
from runs.models import Gate, Limit, StepRun, Worker
from runs.recovery import Sweep
from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, document, step, until


@pytest.fixture
def keeper(lab):
    """The process's gatekeeper; it looks when the test says so."""
    made = Gatekeeper(lab.runtime)
    lab.runtime.on_bounded = made.look
    return made


@pytest.fixture
def other(lab):
    """Another process on the same database, as far as slots go: ``other()`` makes its gatekeeper."""
    for name in (lab.runtime.worker, "far", "dead"):
        Worker.objects.create(name=name, host="elsewhere", pid=1, beat_at=datetime.now(UTC))

    def make(name):
        runtime = Runtime(name)
        runtime.executor = MemoryExecutor(runtime.execute)
        return Gatekeeper(runtime)

    return make


def limit(kind, subject="", **most):
    return Limit.objects.create(kind=kind, subject=subject, **most)


def fan(count):
    return document([step(f"s{number}") for number in range(count)], [])


def settle(lab, keeper, rounds=500):
    """Let everything end: the steps that run, then those that are let in after them."""
    for _ in range(rounds):
        keeper.round()
        if not lab.runtime.executor.drain() and not keeper.round().let_in:
            return
    raise AssertionError("It does not come to rest.")


def running():
    return StepRun.objects.filter(status="RUNNING").count()


def test_no_more_steps_of_a_person_run_at_once_than_the_limit_says(lab, keeper):
    limit("user", "sue", concurrency=2)
    first, second = lab.start(fan(3)), lab.start(fan(2))
    assert running() == 0  # nothing starts before it has a slot
    keeper.round()
    assert running() == 2
    keeper.round()
    assert running() == 2
    settle(lab, keeper)
    assert [lab.fresh(run).status for run in (first, second)] == ["COMPLETED", "COMPLETED"]
    assert gates.look().line == {}


def test_without_a_limit_nothing_asks_for_slots(lab, keeper, django_assert_num_queries):
    run = lab.run(chain(step("a"), step("b")))
    assert lab.fresh(run).status == "COMPLETED"
    with django_assert_num_queries(0):
        keeper.round()
    assert not Gate.objects.exists()


def test_a_limit_of_another_bounds_nobody_else(lab, keeper):
    limit("user", "mary", concurrency=0)
    limit("orchestration", "no-such", concurrency=0)
    assert lab.fresh(lab.run(fan(2))).status == "COMPLETED"


def test_the_limit_of_each_person_holds_for_who_has_none_of_their_own(lab, keeper):
    limit("user", concurrency=0)
    own = limit("user", "sue")  # a limit of its own that bounds nothing
    assert lab.fresh(lab.run(fan(1))).status == "COMPLETED"
    own.delete()
    assert lab.fresh(lab.run(fan(1))).status == "RUNNING"


def test_two_processes_share_the_slots_and_either_serves_the_line(lab, keeper, other):
    """One puts its run in line; whoever finds a slot free lets it in."""
    limit("user", "sue", concurrency=1)
    lab.start(chain(step("a"), step("b")))
    keeper.round()
    waiting = lab.start(fan(1))
    keeper.round()
    far = other("far")
    assert far.round().let_in == {}
    lab.drain()
    keeper._may = lambda group: False  # it is too busy to let anybody in
    keeper.round()
    assert len(far.round().let_in) == 1
    assert StepRun.objects.get(status="RUNNING").worker == "far"
    assert StepRun.objects.get(status="RUNNING").instance_id == waiting.pk
    assert keeper.round().let_in == far.round().let_in == {}


def test_a_killed_process_leaks_no_slot(lab, keeper, other):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    limit("user", "sue", concurrency=2)
    dead = other("dead")
    Worker.objects.filter(name="dead").update(host=workers.this_host(), pid=process.pid, process_started="1")
    lab.runtime.on_bounded = dead.look
    run = lab.start(fan(3))
    dead.round()
    assert set(StepRun.objects.filter(status="RUNNING").values_list("worker", flat=True)) == {"dead"}
    lab.runtime.on_bounded = keeper.look
    assert keeper.round().let_in == {}  # both slots are taken
    Sweep(lab.runtime).first()  # it finds that worker gone, and what it had started is ready again
    settle(lab, keeper)
    assert lab.fresh(run).status == "COMPLETED"
    assert gates.look().held == {}


def test_the_line_is_found_again_though_the_process_died_before_it_could_queue(lab, keeper):
    limit("user", "sue", concurrency=1)
    lab.runtime.on_bounded = lambda run: None
    run = lab.start(fan(1))
    lab.runtime.on_bounded = keeper.look
    assert keeper.round().let_in == {}
    sweep = Sweep(lab.runtime)
    sweep.again()
    sweep.again()
    settle(lab, keeper)
    assert lab.fresh(run).status == "COMPLETED"


def test_a_wait_that_lasts_is_in_the_journal_with_its_limit_and_ends_with_the_start(lab, keeper, monkeypatch):
    bound = limit("orchestration", concurrency=0)
    run = lab.start(fan(2))
    keeper.round()
    assert lab.kinds(run) == ["run_started"]
    real = gates.time.time
    monkeypatch.setattr("runs.gatekeeper.time.time", lambda: real() + GRACE_S)
    keeper.round()
    keeper.round()
    assert lab.kinds(run) == ["run_started", "slots_awaited"]
    state = journal.load(run.pk)[2]
    known = {"kind": "orchestration", "subject": run.orchestration.slug, "what": "concurrency", "most": 0}
    assert state.awaiting["limits"] == [known]
    waits = slots_told.waiting(run.pk, state)
    assert {key: (wait["position"], wait["limits"]) for key, wait in waits.items()} == {
        "s0": (1, [known]), "s1": (1, [known]),
    }  # fmt: skip
    bound.concurrency = 1
    bound.save()
    settle(lab, keeper)
    assert lab.fresh(run).status == "COMPLETED"


def test_programs_and_people_see_what_waits_for_a_slot(lab, keeper, client, monkeypatch):
    limit("user", "sue", concurrency=0)
    run = lab.start(fan(1))
    real = time.time
    keeper.round()
    monkeypatch.setattr(time, "time", lambda: real() + GRACE_S)
    keeper.round()
    client.force_login(lab.starter)
    row = client.get(f"/api/v1/runs/{run.pk}/").json()["steps"][0]
    assert (row["status"], row["waiting_for"]["position"]) == ("PENDING", 1)
    assert row["waiting_for"]["limits"][0]["subject"] == "sue"
    page = client.get(f"/runs/{run.pk}/?step=s0").content.decode()
    assert "for a free slot · 1st" in page
    assert "a free slot; at most 0 steps at once for sue" in page
    assert (
        "Steps wait for a free slot: 0 steps at once for sue"
        in client.get(f"/runs/{run.pk}/?tab=journal").content.decode()
    )


def test_a_limit_that_is_removed_lets_all_go_on(lab, keeper):
    bound = limit("user", concurrency=0)
    run = lab.start(fan(40))
    keeper.round()
    bound.delete()
    settle(lab, keeper)
    assert lab.fresh(run).status == "COMPLETED"
    assert gates.look().line == {}


def test_a_run_that_ends_while_it_waits_leaves_the_line(lab, keeper, superadmin):
    bound = limit("user", concurrency=0)
    run = lab.start(fan(2))
    keeper.round()
    verbs.cancel(superadmin, run)
    keeper.round()
    assert gates.look().line == {}
    bound.concurrency = 1
    bound.save()
    assert keeper.round().let_in == {}


@pytest.mark.parametrize("executor", ["memory", "threads"])
def test_one_persons_thousand_items_do_not_keep_anothers_single_step_waiting(
    executor, transactional_db, superadmin, user, request
):
    """Fairness, over every executor: under a limit that both share, B's step is among the next dispatches."""
    lab = request.getfixturevalue("lab" if executor == "memory" else "threads")
    keeper = Gatekeeper(lab.runtime)
    lab.runtime.on_bounded = keeper.look
    limit("model", "shared", concurrency=2)
    said = kinds.Talks.order
    said.clear()

    def go_on():
        keeper.round()
        if executor == "memory":
            lab.runtime.executor.step()

    each = {"type": "talks", "config": {"model": "shared", "text": "a"}}
    many = lab.start(chain(step("m", "map", items=list(range(1000)), concurrency=32, step=each)))
    until(lambda: go_on() or len(said) >= 10)
    one = lab.start(chain(step("b", "talks", model="shared", text="b")), user=user)
    before = len(said)
    until(lambda: go_on() or "b" in said)
    assert said.index("b") - before <= 6
    until(lambda: lab.fresh(one).status == "COMPLETED")
    verbs.cancel(superadmin, many)


def test_requests_a_minute_let_no_more_in_until_the_minute_is_over(lab, keeper, monkeypatch):
    limit("model", "shared", requests_per_minute=2)
    parts = [step(f"s{n}", "talks", model="shared", calls=1) for n in range(3)]
    run = lab.start(document(parts, []))
    settle(lab, keeper)
    assert sorted(lab.statuses(run).values()) == ["COMPLETED", "COMPLETED", "PENDING"]
    assert (
        sum(one.requests for one in gates.look().spent["model:shared"]) == 2
    )  # each has paid once, when it was let in
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 61)
    settle(lab, keeper)
    assert lab.fresh(run).status == "COMPLETED"


def test_tokens_of_answers_count_against_all_whose_they_are(lab, keeper):
    limit("model", "shared", tokens_per_minute=100)
    limit("user", "sue", tokens_per_minute=100)
    parts = [step("a", "talks", model="shared", tokens=100), step("b", "talks", model="shared")]
    run = lab.start(chain(*parts))
    settle(lab, keeper)
    assert lab.statuses(run) == {"a": "COMPLETED", "b": "PENDING"}
    spent = {name: sum(one.tokens for one in each) for name, each in gates.look().spent.items()}
    assert spent == {"model:shared": 100, "user:sue": 100}


def test_a_further_call_that_a_limit_refuses_makes_the_step_wait_and_no_thread(
    lab, keeper, later, monkeypatch
):
    monkeypatch.setattr(throttle, "PATIENCE_S", 0)
    bound = limit("model", "shared", requests_per_minute=2)
    each = {"type": "talks", "config": {"model": "shared", "calls": 2}}
    run = lab.start(
        document([step("a", "talks", model="shared", calls=3), step("m", "map", items=[1], step=each)], [])
    )
    settle(lab, keeper)
    assert lab.row(run, "a").status == "WAITING"
    assert verbs.state_of(run)[1].steps["a"].wait["limit"] == {
        "kind": "model", "subject": "shared", "what": "requests", "most": 2,
    }  # fmt: skip
    bound.requests_per_minute = 50
    bound.save()
    settle(lab, keeper)
    for _ in range(2):
        later(61)
        settle(lab, keeper)
    assert lab.fresh(run).status == "COMPLETED"
    assert "retry_scheduled" not in lab.kinds(run)


def test_a_call_outside_of_runs_is_refused_with_the_time_to_come_again(lab, monkeypatch):
    monkeypatch.setattr(throttle, "PATIENCE_S", 0)
    limit("model", "shared", requests_per_minute=1)
    admission.keeper.enter("shared", lambda: False)
    admission.keeper.enter("other", lambda: False)
    with pytest.raises(GatewayError) as refused:
        admission.keeper.enter("shared", lambda: False)
    assert (refused.value.code, refused.value.status, refused.value.retryable) == ("throttled", 429, True)
    assert refused.value.message.startswith("The limit of 1 request a minute with shared is reached")
    assert 1 <= refused.value.details["retry_after_s"] <= 60
    with pytest.raises(GatewayError, match="cancelled"):
        admission.keeper.enter("shared", lambda: True)
