from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from builder import verbs
from builder.models import Orchestration, OrchestrationVersion
from builder.policies import EXPORT
from orchestrator import access
from orchestrator.errors import Forbidden, NotFound


@pytest.fixture
def published(admin, parcel):
    """Ada's orchestration, published."""
    verbs.publish(admin, parcel)
    return parcel


def may(person, orchestration):
    """What a person may do, as letters: view, start, edit, export."""
    actions = {"v": access.VIEW, "s": access.START, "e": access.EDIT, "x": EXPORT}
    return "".join(
        letter for letter, action in actions.items() if access.allowed(person, action, orchestration)
    )


def give(admin, orchestration, who, right):
    verbs.set_access(admin, orchestration, [{"who": who, "right": right}])


@pytest.mark.parametrize(
    ("right", "rights"),
    [
        (None, {"sue": "vsex", "ada": "vsex", "omar": "vx", "uma": ""}),
        ("view", {"sue": "vsex", "ada": "vsex", "omar": "vx", "uma": "v"}),
        ("start", {"sue": "vsex", "ada": "vsex", "omar": "vsx", "uma": "vs"}),
        ("edit", {"sue": "vsex", "ada": "vsex", "omar": "vsex", "uma": "vs"}),
    ],
)
def test_the_matrix_of_rights(superadmin, admin, omar, user, published, right, rights):
    if right:
        give(admin, published, "everyone", right)
    people = {one.username: one for one in (superadmin, admin, omar, user)}
    assert {name: may(person, published) for name, person in people.items()} == rights


def test_a_user_sees_nothing_that_is_not_published(admin, user, parcel):
    give(admin, parcel, "everyone", "start")
    assert may(user, parcel) == ""
    verbs.publish(admin, parcel)
    assert may(user, parcel) == "vs"
    assert list(access.visible(user, OrchestrationVersion)) == list(parcel.versions.all())


def test_a_right_reaches_one_person_or_one_group_only(admin, user, other_user, published):
    give(admin, published, "user:uma", "start")
    assert (may(user, published), may(other_user, published)) == ("vs", "")
    group = Group.objects.create(name="Support")
    other_user.groups.add(group)
    give(admin, published, "group:Support", "view")
    assert (may(user, published), may(other_user, published)) == ("", "v")


def test_who_is_deactivated_may_nothing(admin, published):
    admin.is_active = False
    admin.save()
    assert may(admin, published) == ""


def test_who_was_an_admin_keeps_nothing(admin, published):
    admin.role = "user"
    admin.save()
    assert may(admin, published) == ""


def test_who_designs_may_create(admin, superadmin, user):
    people = (superadmin, admin, user)
    assert [access.allowed(one, access.CREATE, Orchestration) for one in people] == [True, True, False]


def test_what_may_not_be_seen_is_not_there_and_what_may_not_be_done_is_forbidden(omar, user, published):
    with pytest.raises(NotFound):
        access.get(user, access.VIEW, Orchestration, pk=published.pk)
    with pytest.raises(Forbidden):
        access.get(omar, access.EDIT, Orchestration, pk=published.pk)
    with pytest.raises(Forbidden):
        access.check(omar, "whatever", published)


def test_nobody_changes_a_version(superadmin, published):
    version = published.versions.get()
    assert access.allowed(superadmin, access.VIEW, version)
    assert not access.allowed(superadmin, access.EDIT, version)
