"""Who sees which runs and approvals, and what may be started with what."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from builder.models import Orchestration, OrchestrationVersion
from orchestrator import access
from orchestrator.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from runs import creation, verbs
from runs.models import Approval, OrchestrationInstance
from tests.integration.runs.conftest import chain, step, until

ASKING = chain(step("ask", "asks", assignees=["uma"]))


def sees(person, model, obj):
    return access.visible(person, model).filter(pk=obj.pk).exists()


def sees_run(person, run):
    return sees(person, OrchestrationInstance, run)


def test_who_started_a_run_sees_it_and_others_do_not(lab, user, other_user):
    run = lab.start(chain(step("a")), user=user)
    assert sees_run(user, run)
    assert not sees_run(other_user, run)
    assert sees_run(lab.starter, run)


def test_who_is_asked_in_a_run_sees_it_and_its_question(lab, user, other_user):
    run = lab.run(ASKING)
    approval = Approval.objects.get()
    assert sees_run(user, run)
    assert sees(user, Approval, approval)
    assert not sees(other_user, Approval, approval)
    assert not access.allowed(user, access.EDIT, run)


def test_who_was_asked_by_role_sees_the_run(lab, user, admin):
    run = lab.run(chain(step("ask", "asks", role="admin")))
    assert sees_run(admin, run)
    assert not sees_run(user, run)


def test_an_admin_sees_the_runs_of_orchestrations_that_they_see(lab, admin):
    run = lab.start(chain(step("a")))
    assert (
        sees_run(admin, run) == access.visible(admin, Orchestration).filter(pk=run.orchestration_id).exists()
    )
    assert not access.allowed(admin, access.EDIT, run)
    lab.grant(admin, "edit", run.orchestration)
    assert access.allowed(admin, access.EDIT, run)


def test_a_grant_to_start_shows_no_runs_of_others(lab, user):
    run = lab.start(chain(step("a")))
    lab.grant(user, "start", run.orchestration)
    assert not sees_run(user, run)


def test_who_sees_a_run_sees_its_questions(lab, user, admin):
    run = lab.start(chain(step("ask", "asks", assignees=["nobody"])), user=user)
    lab.drain()
    approval = Approval.objects.get(instance=run)
    assert sees(user, Approval, approval)
    assert not verbs.may_answer(user, approval)


def test_each_row_is_listed_once_however_often_one_is_asked(lab, user):
    run = lab.run(chain(step("one", "asks", assignees=["uma"], role="user", on="approved"),
                        step("two", "asks", assignees=["uma"], role="user")))  # fmt: skip
    verbs.decide_approval(user, Approval.objects.get(), "approve")
    lab.drain()
    assert list(access.visible(user, OrchestrationInstance)) == [run]
    assert access.visible(user, Approval).count() == 2
    assert verbs.waiting_for(user).count() == 1


# Starting


def test_who_may_not_start_is_refused(lab, user):
    orchestration = lab.publish(chain(step("a")))
    with pytest.raises(Forbidden):
        verbs.start(user, orchestration, {})
    lab.grant(user, "view", orchestration)
    with pytest.raises(Forbidden):
        verbs.start(user, orchestration, {})
    lab.grant(user, "start", orchestration)
    assert verbs.start(user, orchestration, {}).started_by == user


def test_an_orchestration_without_a_version_cannot_be_started(lab):
    orchestration = Orchestration.objects.create(name="Draft", slug="draft")
    with pytest.raises(Conflict) as refused:
        verbs.start(lab.starter, orchestration, {})
    assert refused.value.code == "not_published"


def test_an_older_version_can_be_started_and_an_unknown_one_cannot(lab):
    orchestration = lab.publish(chain(step("a", value="old")))
    OrchestrationVersion.objects.create(
        orchestration=orchestration, number=2, document=chain(step("a", value="new")), sha256="1" * 64
    )
    Orchestration.objects.filter(pk=orchestration.pk).update(published_number=2)
    for number, output in ((None, "new"), (1, "old"), (2, "new")):
        run = verbs.start(lab.starter, orchestration, {}, number)
        lab.drain()
        assert lab.row(run, "a").output == output
    with pytest.raises(NotFound):
        verbs.start(lab.starter, orchestration, {}, 3)


SCHEMA = {
    "type": "object",
    "properties": {
        "message": {"type": "string"},
        "size": {"type": "object", "properties": {"x": {"type": "integer"}}},
    },
    "required": ["message"],
}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "message"),
        ({"message": 3}, "message"),
        ({"message": "a", "size": {"x": "wide"}}, "size.x"),
        ([], "input"),
        ("text", "input"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_by_field_and_nothing_starts(lab, given, field):
    orchestration = lab.publish(chain(step("a"), input=SCHEMA))
    with pytest.raises(Invalid) as refused:
        verbs.start(lab.starter, orchestration, given)
    assert refused.value.details["field"] == field
    assert not OrchestrationInstance.objects.exists()


def test_braces_in_an_input_are_text_and_are_checked_as_such(lab):
    orchestration = lab.publish(chain(step("a", value="{{ input.message }}"), input=SCHEMA))
    run = verbs.start(lab.starter, orchestration, {"message": "{{ 1 + 1 }}"})
    lab.drain()
    assert lab.row(run, "a").output == "{{ 1 + 1 }}"
    with pytest.raises(Invalid):
        verbs.start(lab.starter, orchestration, {"message": "x", "size": "{{ x }}"})


def test_an_input_that_is_too_large_or_no_json_is_refused(lab):
    orchestration = lab.publish(chain(step("a")))
    with pytest.raises(TooLarge):
        verbs.start(lab.starter, orchestration, {"message": "x" * creation.INPUT_BYTES})
    with pytest.raises(Invalid):
        verbs.start(lab.starter, orchestration, {"message": "\ud800"})
    with pytest.raises(Invalid):
        verbs.start(lab.starter, orchestration, None)


def test_runs_that_start_at_once_get_numbers_of_their_own(threads):
    orchestration = threads.publish(chain(step("a")))
    found, barrier = [], threading.Barrier(6)

    def begin():
        barrier.wait()
        found.extend(verbs.start(threads.starter, orchestration, {}).number for _ in range(3))
        connection.close()

    people = [threading.Thread(target=begin) for _ in range(6)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert sorted(found) == list(range(1, 19))
    until(lambda: not OrchestrationInstance.objects.exclude(status="COMPLETED").exists())
