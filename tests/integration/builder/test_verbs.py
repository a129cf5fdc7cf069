from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import Group
from django.db import connections

from builder import edits, verbs
from builder.document import canonical, dump
from builder.models import Orchestration, OrchestrationVersion, Step
from orchestrator import grants
from orchestrator.errors import Conflict, Invalid, NotFound
from orchestrator.models import Grant
from runs.models import OrchestrationInstance

CHANGE = {"op": "configure", "key": "look", "field": "config.output", "value": 1}


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Refund request", "refund-request"),
        ("\u00dcberpr\u00fcfung & mehr", "uberprufung-mehr"),
        ("\u5ba2\u6236\u670d\u52d9", "orchestration"),
        ("--", "orchestration"),
        ("x" * 120, "x" * 100),
    ],
)
def test_the_slug_is_made_from_the_name(admin, name, slug):
    made = verbs.create(admin, name)
    assert (made.slug, made.name, made.created_by, made.revision) == (slug, name, admin, 1)
    assert made.draft == {"schema": 1, "name": name, "steps": [], "edges": []}


def test_a_slug_that_is_taken_gets_a_number(admin):
    assert [verbs.create(admin, "Refund").slug for _ in range(3)] == ["refund", "refund-2", "refund-3"]


def test_a_slug_that_was_asked_for_is_taken_or_refused(admin):
    assert verbs.create(admin, "Refund", slug="money-back").slug == "money-back"
    with pytest.raises(Conflict) as refusal:
        verbs.create(admin, "Refund", slug="money-back")
    assert refusal.value.code == "slug_taken"
    with pytest.raises(Invalid, match="slug"):
        verbs.create(admin, "Refund", slug="No Way")


@pytest.mark.django_db(transaction=True)
def test_many_who_create_the_same_at_once_all_get_one(django_user_model):
    person = django_user_model.objects.create(username="ada", role="admin")
    made, ready = [], threading.Barrier(4)

    def work():
        try:
            ready.wait()
            made.append(verbs.create(person, "Refund").slug)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == ["refund", "refund-2", "refund-3", "refund-4"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "a\x00b", 5])
def test_a_name_that_cannot_be_is_refused(admin, name):
    with pytest.raises(Invalid) as refusal:
        verbs.create(admin, name)
    assert refusal.value.details["field"] == "name"


def test_an_import_places_its_steps_and_has_rows(admin, chain):
    made = verbs.import_document(admin, chain)
    places = [step["position"] for step in made.draft["steps"]]
    assert [place["y"] for place in places] == sorted({place["y"] for place in places})
    assert Step.objects.filter(orchestration=made).count() == 3
    assert (made.published_number, made.description) == (0, "Where is it?")


def test_an_import_keeps_positions_that_are_there(admin, chain):
    placed = [{**step, "position": {"x": n, "y": n}} for n, step in enumerate(chain["steps"])]
    made = verbs.import_document(admin, {**chain, "steps": placed})
    assert dump(made.draft) == dump(canonical({**chain, "steps": placed}))


def test_an_import_that_is_no_graph_or_has_problems_stores_nothing(admin, chain):
    with pytest.raises(Invalid) as refusal:
        verbs.import_document(admin, {**chain, "edges": [{"source": "look", "target": "nobody"}]})
    assert refusal.value.code == "dangling_edge"
    with pytest.raises(Invalid) as refusal:
        verbs.import_document(admin, {**chain, "steps": [], "edges": []}, publish=True)
    assert refusal.value.code == "has_problems"
    assert not Orchestration.objects.exists()


def test_publishing_makes_an_immutable_version(admin, parcel):
    first = verbs.publish(admin, parcel, "The first")
    assert (first.number, first.note, first.published_by) == (1, "The first", admin)
    assert (parcel.published_number, parcel.published_revision) == (1, 1)
    edits.apply(admin, parcel, CHANGE, 1)
    assert verbs.version_of(parcel, 1).document != parcel.draft
    second = verbs.publish(admin, parcel)
    assert (second.number, parcel.published_number, parcel.published_revision) == (2, 2, 2)
    assert first.sha256 != second.sha256
    assert verbs.version_of(parcel, 1).sha256 == first.sha256


def test_publishing_what_is_published_is_refused(admin, parcel):
    verbs.publish(admin, parcel)
    with pytest.raises(Conflict, match="Nothing has changed since version 1"):
        verbs.publish(admin, parcel)
    edits.apply(admin, parcel, CHANGE, 1)
    edits.undo(admin, parcel)
    with pytest.raises(Conflict, match="Nothing has changed"):
        verbs.publish(admin, parcel)


def test_a_draft_with_problems_is_not_published(admin, parcel):
    edits.apply(admin, parcel, {"op": "add_step", "type": "llm"}, 1)
    with pytest.raises(Invalid) as refusal:
        verbs.publish(admin, parcel)
    assert refusal.value.code == "has_problems"
    assert refusal.value.details["step"] == "llm"
    assert {"step", "field", "code", "message"} == set(refusal.value.details["problems"][0])
    assert not OrchestrationVersion.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_publish_at_once_get_two_numbers(django_user_model, chain):
    person = django_user_model.objects.create(username="ada", role="admin")
    made = verbs.import_document(person, chain)
    numbers, ready = [], threading.Barrier(3)

    def work():
        try:
            mine = Orchestration.objects.get(pk=made.pk)
            ready.wait()
            numbers.append(verbs.publish_draft(person, mine, "").number)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [1, 2, 3]
    made.refresh_from_db()
    assert made.published_number == 3


def test_a_publication_that_broke_off_leaves_the_old_version_in_use(admin, parcel):
    verbs.publish(admin, parcel)
    edits.apply(admin, parcel, CHANGE, 1)
    OrchestrationVersion.objects.create(orchestration=parcel, number=2, document=parcel.draft, sha256="x")
    parcel.refresh_from_db()
    assert parcel.published_number == 1
    assert verbs.publish(admin, parcel).number == 3


def test_a_document_is_replaced_as_one_edit_that_can_be_undone(admin, parcel, chain):
    before = dump(parcel.draft)
    applied = verbs.replace_document(admin, parcel, {**chain, "name": "Parcels", "steps": [], "edges": []}, 1)
    assert (applied.revision, applied.removed) == (2, ["look", "route", "tell"])
    assert (parcel.name, Step.objects.count()) == ("Parcels", 0)
    edits.undo(admin, parcel)
    assert dump(parcel.draft) == before
    assert Step.objects.count() == 3


def test_a_document_that_is_stale_does_not_replace(admin, omar, parcel, chain):
    edits.apply(omar, Orchestration.objects.get(pk=parcel.pk), CHANGE, 1)
    with pytest.raises(Conflict) as refusal:
        verbs.replace_document(admin, parcel, chain, 1)
    assert (refusal.value.code, refusal.value.details["by"]) == ("stale_revision", "Omar")


def test_an_edit_of_an_older_page_meets_a_replaced_document(admin, omar, parcel, chain):
    verbs.replace_document(omar, Orchestration.objects.get(pk=parcel.pk), {**parcel.draft, "output": 1}, 1)
    edits.apply(admin, parcel, CHANGE, 1)
    assert parcel.draft["output"] == 1
    verbs.replace_document(omar, Orchestration.objects.get(pk=parcel.pk), chain, 3)
    with pytest.raises(Conflict):
        edits.apply(admin, parcel, {**CHANGE, "value": 2}, 3)


def test_a_version_is_restored_as_an_edit(admin, parcel):
    verbs.publish(admin, parcel)
    edits.apply(admin, parcel, CHANGE, 1)
    applied = verbs.restore(admin, parcel, 1)
    assert (applied.says, applied.revision) == ("restore version 1", 3)
    assert dump(parcel.draft) == dump(verbs.version_of(parcel, 1).document)
    edits.undo(admin, parcel)
    assert parcel.draft["steps"][0]["config"] == {"output": 1}
    with pytest.raises(NotFound, match="no version 9"):
        verbs.restore(admin, parcel, 9)


def test_what_has_runs_is_not_deleted(admin, parcel):
    version = verbs.publish(admin, parcel)
    OrchestrationInstance.objects.create(orchestration=parcel, version=version, number=1)
    with pytest.raises(Conflict) as refusal:
        verbs.delete(admin, parcel)
    assert refusal.value.code == "has_runs"
    assert Orchestration.objects.filter(pk=parcel.pk).exists()


def test_what_has_no_runs_goes_with_everything_of_it(admin, parcel):
    verbs.publish(admin, parcel)
    edits.apply(admin, parcel, CHANGE, 1)
    verbs.set_access(admin, parcel, [{"who": "everyone", "right": "start"}])
    verbs.delete(admin, parcel)
    for model in (Orchestration, OrchestrationVersion, Step, Grant):
        assert not model.objects.exists()


def test_access_is_given_to_people_groups_and_everyone(admin, user, other_user, parcel):
    Group.objects.create(name="Support")
    given = [
        {"who": "user:uma", "right": "start"},
        {"who": "group:Support", "right": "view"},
        {"who": "everyone", "right": "view"},
        {"who": "everyone", "right": "view"},
    ]
    assert verbs.set_access(admin, parcel, given) == [
        {"who": "everyone", "label": "Everyone", "right": "view"},
        {"who": "group:Support", "label": "Support", "right": "view"},
        {"who": "user:uma", "label": "Uma", "right": "start"},
    ]
    changed = verbs.set_access(admin, parcel, [*given[:1], {"who": "user:otto", "right": "edit"}])
    assert [one["who"] for one in changed] == ["user:otto", "user:uma"]
    other_user.delete()
    assert [one["who"] for one in verbs.access_of(parcel)] == ["user:uma"]
    assert verbs.set_access(admin, parcel, []) == []


@pytest.mark.parametrize(
    ("rights", "field"),
    [
        ("everyone", "access"),
        ([{"who": "everyone", "right": "own"}], "access.0.right"),
        ([{"who": "everyone", "right": "view"}, {"who": "user:nobody", "right": "view"}], "access.1.who"),
        ([{"who": "group:1", "right": "view"}], "access.0.who"),
        ([{"who": None, "right": "view"}], "access.0.who"),
        ([5], "access.0.right"),
    ],
)
def test_access_for_nobody_is_refused_and_changes_nothing(admin, parcel, rights, field):
    verbs.set_access(admin, parcel, [{"who": "everyone", "right": "start"}])
    with pytest.raises(Invalid) as refusal:
        verbs.set_access(admin, parcel, rights)
    assert refusal.value.details["field"] == field
    assert len(verbs.access_of(parcel)) == 1


def test_everybody_whom_access_can_be_given(admin, user):
    Group.objects.create(name="Support")
    assert [one["who"] for one in grants.choices()] == ["everyone", "group:Support", "user:ada", "user:uma"]
