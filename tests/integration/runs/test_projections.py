"""Rows follow from the journal: what was written along the way equals what is made anew from it."""

from __future__ import annotations

import random

import pytest

from orchestrator.errors import Conflict
from runs import journal, rebuild, verbs
from runs.models import Approval, ApprovalRecipient, OrchestrationInstance, StepRun, Timer
from tests.integration.runs.conftest import chain, document, step

OWN = ("created_at", "id")  # what a rebuilt row may have anew
RUN = ("status", "seq", "output", "payload", "error", "tokens", "cost", "started_at", "finished_at")


def rows(run):
    """Everything that the journal owns of a run."""
    mine = {"instance_id": run.pk}
    return {
        "run": OrchestrationInstance.objects.filter(pk=run.pk).values(*RUN)[0],
        "steps": sorted(map(content, StepRun.objects.filter(**mine).values()), key=lambda row: row["key"]),
        "approvals": list(Approval.objects.filter(**mine).order_by("pk").values()),
        "recipients": sorted(
            ApprovalRecipient.objects.filter(approval__instance_id=run.pk).values_list("approval_id", "who")
        ),
        "timers": sorted(map(str, map(content, Timer.objects.filter(**mine).values()))),
    }


def content(row):
    return {name: value for name, value in row.items() if name not in OWN}


def same_rebuilt(run):
    before = rows(run)
    journal.rebuild(run.pk)
    assert rows(run) == before


def damaged(run):
    """Leave nothing right."""
    StepRun.objects.filter(instance=run).update(status="FAILED", output="wrong")
    StepRun.objects.filter(instance=run).first().delete()
    StepRun.objects.create(instance=run, key="ghost", type="echo", position=99)
    Approval.objects.filter(instance=run).update(status="approved", votes=["wrong"])
    Timer.objects.filter(instance=run).delete()
    OrchestrationInstance.objects.filter(pk=run.pk).update(status="FAILED", error={"wrong": 1}, tokens=5)


def everything(user_names):
    """A document in which every kind of row comes about."""
    return document(
        [
            step("start", "judge", take=["yes"]),
            step("flaky", "fails", times=1, retry={"max_attempts": 2, "delay_s": 5}),
            step("nap", "sleeps", seconds=5),
            step("ask", "asks", assignees=user_names, role="admin", quorum=2, expires_s=600),
            step("never"),
            step("big", value="y" * 20_000),
        ],
        [
            {"source": "start", "port": "yes", "target": "flaky"},
            {"source": "start", "port": "yes", "target": "nap"},
            {"source": "start", "port": "yes", "target": "ask"},
            {"source": "start", "port": "no", "target": "never"},
            {"source": "flaky", "target": "big"},
        ],
    )


def test_rows_rebuilt_equal_rows_followed_at_every_stage(lab, later, user, admin):
    run = lab.run(everything(["uma"]))
    same_rebuilt(run)
    verbs.decide_approval(user, Approval.objects.get(), "approve", "ok", {"n": 1})
    same_rebuilt(run)
    later(6)
    same_rebuilt(run)
    verbs.decide_approval(admin, Approval.objects.get(), "reject", "no")
    lab.drain()
    assert lab.fresh(run).status == "FAILED"
    same_rebuilt(run)
    verbs.rollback(lab.starter, run, to="start", reason="again")
    lab.drain()
    same_rebuilt(run)
    verbs.cancel(lab.starter, run)
    same_rebuilt(run)


def test_rebuilding_repairs_rows_that_were_damaged(lab, user):
    run = lab.run(everything(["uma"]))
    verbs.decide_approval(user, Approval.objects.get(), "approve")
    before = rows(run)
    damaged(run)
    assert rows(run) != before
    journal.rebuild(run.pk)
    assert rows(run) == before


def test_a_rebuild_that_comes_late_does_not_overwrite_what_a_later_entry_has_written(lab, monkeypatch):
    """Without transactions another process may append while we rebuild."""
    run = lab.run(chain(step("ask", "asks", role="admin", on="approved"), step("b")))
    write = rebuild.write

    def late(pk, old):
        if lab.fresh(run).status == "WAITING":
            verbs.cancel(lab.starter, run)
        write(pk, old)

    monkeypatch.setattr(rebuild, "write", late)
    journal.rebuild(run.pk)
    assert lab.fresh(run).status == "CANCELLED"
    assert lab.statuses(run)["ask"] == "CANCELLED"


@pytest.mark.parametrize("seed", range(12))
def test_rows_rebuilt_equal_rows_followed_in_random_histories(lab, later, user, admin, seed):
    chance = random.Random(seed)
    run = lab.run(random_document(chance))
    for _ in range(6):
        act = chance.choice(["later", "vote", "rollback", "retry", "cancel"])
        try:
            if act == "later":
                later(chance.choice([1, 10, 700]))
            elif act == "vote":
                person = chance.choice([user, admin])
                for approval in verbs.waiting_for(person):
                    verbs.decide_approval(person, approval, chance.choice(["approve", "reject"]))
            elif act == "rollback":
                verbs.rollback(lab.starter, run, to=chance.choice(["s0", "s1", "s2"]))
            elif act == "retry":
                verbs.retry(lab.starter, run)
            else:
                verbs.cancel(lab.starter, run) if chance.random() < 0.3 else None
        except Conflict:
            pass  # the state refused it; that is a history too
        for _ in range(chance.randrange(4)):
            lab.runtime.executor.step()
        same_rebuilt(run)
    lab.drain()
    same_rebuilt(run)


def random_document(chance):
    def any_step(number):
        key = f"s{number}"
        kind = chance.choice(["echo", "echo", "echo", "fails", "sleeps", "asks", "judge"])
        more = {
            "echo": {"value": "z" * chance.choice([3, 30_000])},
            "fails": {"times": chance.randrange(4), "retry": {"max_attempts": 2, "delay_s": 3}},
            "sleeps": {"seconds": chance.choice([2, 60])},
            "asks": {"assignees": ["uma"], "role": "admin", "quorum": chance.choice([1, 2]),
                     "expires_s": chance.choice([None, 500])},
            "judge": {"take": chance.choice([["yes"], ["no"], ["yes", "no"], ["failure"]])},
        }[kind]  # fmt: skip
        if number and chance.random() < 0.3:
            more["on_failure"] = {"action": "rollback", "to": key, "max_times": 1}
        return step(key, kind, join=chance.choice(["any", "any", "all", "first"]), **more)

    parts = [any_step(number) for number in range(8)]
    ports = {"judge": ["yes", "no"], "asks": ["approved", "rejected"]}
    edges = {
        (one["key"], chance.choice(ports.get(one["type"], ["success"])), other["key"])
        for here, one in enumerate(parts)
        for other in parts[here + 1 :]
        if chance.random() < 0.3
    }
    named = [dict(zip(("source", "port", "target"), edge, strict=True)) for edge in sorted(edges)]
    return document(parts, named)
