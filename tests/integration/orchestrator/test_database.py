"""What every query of this product relies on, held on the database of this run."""

import threading

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection

from builder.models import Orchestration
from orchestrator.ids import new_id
from orchestrator.models import Grant, User


@pytest.mark.django_db
def test_rows_with_integer_keys_are_numbered_one_after_the_other():
    first, second = Group.objects.create(name="one"), Group.objects.create(name="two")
    assert second.pk == first.pk + 1
    kind = ContentType.objects.get_for_model(User)
    rows = Permission.objects.bulk_create(
        [Permission(name=f"may {n}", codename=f"may_{n}", content_type=kind) for n in range(3)]
    )
    assert len({row.pk for row in rows}) == 3


@pytest.mark.django_db
def test_a_key_that_came_along_is_never_given_again():
    Group.objects.create(pk=500, name="brought along")
    assert Group.objects.create(name="new").pk > 500


@pytest.mark.django_db(transaction=True)
def test_a_duplicate_of_a_unique_pair_is_refused():
    same = {"kind": "builder.orchestration", "object_id": new_id(), "who": "everyone", "right": "view"}
    Grant.objects.create(**same)
    with pytest.raises(IntegrityError):
        Grant.objects.create(**same)


@pytest.mark.django_db(transaction=True)
def test_a_conditional_update_has_exactly_one_winner():
    flow = Orchestration.objects.create(name="x", slug="x")
    winners, barrier = [], threading.Barrier(8)

    def change(name):
        barrier.wait()
        if Orchestration.objects.filter(pk=flow.pk, revision=1).update(revision=2, name=name):
            winners.append(name)
        connection.close()

    threads = [threading.Thread(target=change, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flow.refresh_from_db()
    assert winners == [flow.name]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value",
    [
        {"$ref": "#/x", "a.b": 1, "": None},
        [1, 2.5, "ü\u0000", {"deep": [[[[{}]]]]}],
        2**63,
        None,
        {"order": {"z": 1, "a": 2}},
    ],
)
def test_json_reads_back_as_it_was_written(value):
    flow = Orchestration.objects.create(name="x", slug="x", draft=value)
    Orchestration.objects.filter(pk=flow.pk).update(draft=value)
    flow.refresh_from_db()
    assert flow.draft == value
    assert repr(flow.draft) == repr(value)


@pytest.mark.django_db
def test_a_look_up_by_a_unique_column_uses_its_index():
    if connection.vendor == "mongodb":
        plan = connection.get_collection("orchestrator_user").find({"username": "ada"}).explain()
        assert "COLLSCAN" not in str(plan["queryPlanner"]["winningPlan"])
    else:
        assert "USING INDEX" in User.objects.filter(username="ada").explain()
