"""Who was granted to approve an orchestration is asked in every approval of its runs."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from channels.layers import channel_layers
from django.contrib.auth.models import Group

from orchestrator import access, grants
from orchestrator.errors import Forbidden
from runs import verbs
from runs.models import Approval, OrchestrationInstance
from runs.pages import inbox
from tests.integration.runs.conftest import chain, step
from tests.integration.runs.test_consumers import aside, browser, socket

ASKING = chain(step("ask", "asks", assignees=["uma"]))


@pytest.fixture
def run(lab, user):
    """A run that asks Uma."""
    return lab.run(ASKING)


def give(run, who, right="approve"):
    grants.set_access(None, run.orchestration, [{"who": who, "right": right}])


@pytest.mark.parametrize("who", ["user:otto", "group:Support", "everyone"])
def test_a_grant_to_approve_puts_the_question_and_shows_the_run(lab, run, other_user, who):
    other_user.groups.add(Group.objects.create(name="Support"))
    approval = Approval.objects.get()
    assert not verbs.waiting_for(other_user).exists()
    assert not access.visible(other_user, OrchestrationInstance).exists()
    give(run, who)
    assert list(verbs.waiting_for(other_user)) == [approval]
    assert list(access.visible(other_user, OrchestrationInstance)) == [run]
    assert list(access.visible(other_user, Approval)) == [approval]
    assert not access.allowed(other_user, access.EDIT, run)
    assert not access.allowed(other_user, access.START, run.orchestration)
    verbs.decide_approval(other_user, approval, "approve")
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    shown = inbox.page(other_user)
    assert (shown["waiting"], [one["approval"] for one in shown["answered"]]) == ([], [approval])


@pytest.mark.parametrize("right", ["view", "start", "edit"])
def test_no_other_right_lets_a_person_answer(run, other_user, right):
    give(run, "user:otto", right)
    assert not verbs.waiting_for(other_user).exists()
    with pytest.raises(Forbidden):
        verbs.decide_approval(other_user, Approval.objects.get(), "approve")


def test_a_right_that_is_taken_back_ends_it(run, other_user):
    give(run, "user:otto")
    grants.set_access(None, run.orchestration, [])
    assert not verbs.waiting_for(other_user).exists()
    assert not access.visible(other_user, Approval).exists()
    with pytest.raises(Forbidden):
        verbs.decide_approval(other_user, Approval.objects.get(), "reject")


def test_it_reaches_no_other_orchestration_no_form_and_no_run_of_ones_own_that_says_so(lab, run, other_user):
    give(run, "user:otto")
    elsewhere = lab.run(ASKING)
    filled = lab.run(
        chain(step("fill", "form", message="Fill in", assignee="uma", schema={"type": "object"}))
    )
    give(filled, "user:otto")
    own = lab.publish(chain(step("ask", "asks", assignees=["uma"], allow_self=False)))
    rights = [{"who": "user:otto", "right": right} for right in ("start", "approve")]
    grants.set_access(None, own, rights)
    started = verbs.start(other_user, own, {})
    lab.drain()
    assert [one.instance_id for one in verbs.waiting_for(other_user)] == [run.pk]
    for one in (elsewhere, filled, started):
        assert not verbs.may_answer(other_user, Approval.objects.get(instance=one))


def test_the_inbox_socket_says_what_a_grant_puts_to_a_person(lab, other_user):
    orchestration = lab.publish(ASKING)
    grants.set_access(None, orchestration, [{"who": "user:otto", "right": "approve"}])
    channel_layers.backends.clear()

    async def watch():
        async with socket("/ws/inbox/", await aside(browser)(other_user)) as there:
            first = await there.receive_json_from(5)
            await aside(verbs.start)(lab.starter, orchestration, {})
            await aside(lab.drain)()
            second = await there.receive_json_from(5)
            sent = {"type": "decide", "approval": second["approvals"][0]["id"], "decision": "approve"}
            await there.send_json_to(sent)
            found = []
            while not any(frame["type"] == "decided" for frame in found) or found[-1].get("count", 1):
                found.append(await there.receive_json_from(5))
            return first["count"], second["count"], found

    first, second, found = async_to_sync(watch)()
    assert (first, second) == (0, 1)
    assert {frame["type"] for frame in found} == {"decided", "inbox"}
