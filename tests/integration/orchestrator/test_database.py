"""What every query of this product relies on, held on the database of this run."""

import threading

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection
from django.db.models import Count, F, Q, Value

from builder.models import Orchestration, OrchestrationVersion
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


@pytest.fixture
def shelf(db):
    """Six orchestrations f, e ... a: of Ada, of nobody, of Uma, in turn; with one version less each."""
    ada, uma = (User.objects.create(username=name) for name in ("ada", "uma"))
    rows = [
        Orchestration.objects.create(name=name, slug=name, created_by=owner)
        for name, owner in zip("fedcba", (ada, None, uma, ada, None, uma), strict=True)
    ]
    for count, row in enumerate(rows):
        for number in range(5 - count):
            OrchestrationVersion.objects.create(orchestration=row, number=number, document={})
    return Orchestration.objects


def names(rows):
    return "".join(row.name for row in rows)


@pytest.mark.django_db
def test_pages_are_cut_after_sorting_and_before_what_a_row_names_is_fetched(shelf, django_assert_num_queries):
    with django_assert_num_queries(1):
        page = list(shelf.select_related("created_by").order_by("name")[1:4])
        assert [(row.name, row.created_by and row.created_by.username) for row in page] == [
            ("b", None), ("c", "ada"), ("d", "uma"),
        ]  # fmt: skip
    assert list(shelf.order_by("-name").values_list("name", flat=True)[:2]) == ["f", "e"]
    assert shelf.order_by("created_at").values_list("slug", flat=True).first() == "f"
    assert shelf.order_by("created_at").values("name").last() == {"name": "a"}
    assert names(shelf.order_by("name")[4:]) == "ef"
    assert shelf.count() == 6
    assert shelf.all()[1:3].count() == 2
    assert Group.objects.count() == 0


@pytest.mark.django_db
def test_orders_and_filters_over_what_a_row_names_are_right(shelf):
    joined = shelf.select_related("created_by")
    assert names(joined.filter(created_by__username="ada").order_by("name")[:1]) == "c"
    assert names(joined.exclude(created_by=None).order_by("-created_by__username", "name")[:3]) == "adc"
    assert names(joined.order_by(F("created_by__username").asc(nulls_last=True), "name")[:5]) == "cfadb"
    assert (
        names(joined.filter(Q(created_by=None) | Q(created_by__username="uma")).order_by("name")[1:3]) == "bd"
    )


@pytest.mark.django_db
def test_what_refers_to_a_row_is_counted_filtered_and_multiplied_before_the_page_is_cut(shelf):
    counted = shelf.annotate(many=Count("versions")).order_by("-many", "name")
    assert [(row.name, row.many) for row in counted[1:4]] == [("e", 4), ("d", 3), ("c", 2)]
    assert names(shelf.filter(versions__number=2).order_by("name")[:2]) == "de"
    versions = shelf.order_by("name").values_list("name", "versions__number")
    assert [name for name, _ in versions[:5]] == ["a", "b", "c", "c", "d"]
    older = shelf.annotate(first=Value("x")).order_by("first", "-name")
    assert names(older[:2]) == "fe"
    assert names(shelf.filter(pk__in=shelf.filter(created_by=None).values("pk")).order_by("name")) == "be"
