"""Rights on one knowledge base: given in its settings and over REST, and what follows from them."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from rest_framework.test import APIClient

from knowledge import ingest
from knowledge.models import Document, KnowledgeBase
from orchestrator import access, grants
from orchestrator.errors import Invalid
from orchestrator.models import AuditEntry, Grant

RETURNS = b"# Returns\n\nShoes can be returned within 30 days."


@pytest.fixture
def omar(db):
    """A second Admin."""
    return get_user_model().objects.create(username="omar", role="admin")


@pytest.fixture
def api():
    """A REST client of somebody."""

    def client(person):
        made = APIClient()
        made.force_authenticate(person)
        return made

    return client


def may(person, obj):
    """What a person may do, as letters: view, edit."""
    letters = {"v": access.VIEW, "e": access.EDIT}
    return "".join(letter for letter, action in letters.items() if access.allowed(person, action, obj))


@pytest.mark.parametrize(
    ("right", "rights"),
    [
        (None, {"sue": "ve", "ada": "ve", "omar": "v", "uma": ""}),
        ("view", {"sue": "ve", "ada": "ve", "omar": "v", "uma": "v"}),
        ("edit", {"sue": "ve", "ada": "ve", "omar": "ve", "uma": "v"}),
    ],
)
def test_the_matrix_of_rights(superadmin, admin, omar, user, base, add, right, rights):
    document = add("returns.md", RETURNS, drain=False)
    if right:
        grants.set_access(admin, base, [{"who": "everyone", "right": right}])
    people = {one.username: one for one in (superadmin, admin, omar, user)}
    for obj in (base, document):
        assert {name: may(person, obj) for name, person in people.items()} == rights


def test_a_user_reads_and_searches_what_they_were_given_and_is_offered_nothing_else(client, user, base, add):
    failed = add("scan.txt", b"\x00\x01binary")
    document = add("returns.md", RETURNS)
    other = ingest.create_base(None, "Other")
    client.force_login(user)
    assert reverse("knowledge") not in client.get("/").text
    grants.set_access(None, base, [{"who": "user:uma", "right": "view"}])
    assert reverse("knowledge") in client.get("/").text
    listed = client.get(reverse("knowledge")).text
    assert "Handbook" in listed
    assert "Other" not in listed
    assert reverse("new_knowledge_base") not in listed
    shown = client.get(reverse("knowledge_base", args=[base.slug]), {"q": "shoes"}).text
    assert "Shoes can be returned" in client.get(reverse("document", args=[base.slug, document.pk])).text
    assert "found by words" in shown
    for name, args in {
        "change_knowledge_base": [base.slug],
        "replace_document": [base.slug, failed.pk],
        "retry_document": [base.slug, failed.pk],
        "delete_document": [base.slug, failed.pk],
    }.items():
        assert reverse(name, args=args) not in shown
        assert client.post(reverse(name, args=args), {"name": "Mine"}).status_code == 403
    assert 'type="file"' not in shown
    assert client.get(reverse("knowledge_base", args=[other.slug])).status_code == 404


def test_rights_are_ticked_in_the_settings(client, admin, user, base):
    client.force_login(admin)
    where = reverse("knowledge_base_access", args=[base.slug])
    settings = reverse("change_knowledge_base", args=[base.slug])
    assert "Nobody else was given a right yet." in client.get(settings).text
    answer = client.post(where, {"who": "user:uma", "new": ["view", "edit"]})
    assert answer.url == f"{settings}#access"
    assert [one["right"] for one in grants.access_of(base)] == ["view", "edit"]
    assert "Uma may edit" in client.get(settings).text
    shown = client.post(where, {"right": ["view user:uma"]}, headers={"HX-Request": "true"}).text
    assert "Saved" in shown
    assert "<html" not in shown
    assert [one["right"] for one in grants.access_of(base)] == ["view"]
    entries = AuditEntry.objects.filter(kind="orchestrator.grant").order_by("created_at", "pk")
    said = [(entry.actor, entry.action, (entry.after or entry.before)["right"]) for entry in entries]
    assert said == [("ada", "created", "edit"), ("ada", "created", "view"), ("ada", "deleted", "edit")]


def test_rights_are_set_over_rest_as_a_whole(api, admin, user, base):
    where = f"/api/v1/knowledge-bases/{base.pk}/"
    rights = [{"who": "user:uma", "right": "view"}]
    changed = api(admin).patch(where, {"access": rights}, format="json").json()
    assert changed["access"] == [{"who": "user:uma", "label": "Uma", "right": "view"}]
    assert (changed["name"], changed["may_edit"]) == ("Handbook", True)
    seen = api(user).get(where).json()
    assert (seen["may_edit"], seen["access"]) == (False, [])
    assert "access" not in api(user).get("/api/v1/knowledge-bases/").json()["results"][0]
    assert api(admin).patch(where, {"name": "Rules"}, format="json").json()["access"] == changed["access"]
    refused = api(admin).patch(where, {"access": [{"who": "user:uma", "right": "start"}]}, format="json")
    assert (refused.status_code, refused.json()["details"]["field"]) == (400, "access.0.right")
    made = api(admin).post(
        "/api/v1/knowledge-bases/",
        {"name": "New", "access": [{"who": "everyone", "right": "view"}]},
        format="json",
    )
    assert made.json()["access"][0]["label"] == "Everyone"
    assert api(admin).patch(where, {"access": []}, format="json").json()["access"] == []
    assert api(user).get(where).status_code == 404


def test_a_right_that_a_base_does_not_know_is_refused(base):
    with pytest.raises(Invalid, match="view, edit"):
        grants.set_access(None, base, [{"who": "everyone", "right": "approve"}])


def test_the_rights_go_with_the_base(admin, base):
    grants.set_access(admin, base, [{"who": "everyone", "right": "view"}])
    ingest.delete_base(base)
    assert not Grant.objects.exists()
    assert not KnowledgeBase.objects.exists()


def test_another_admin_sees_a_base_and_changes_it_only_where_granted(api, client, omar, base, add):
    document = add("returns.md", RETURNS, drain=False)
    where = f"/api/v1/knowledge-bases/{base.pk}/"
    client.force_login(omar)
    page = client.get(reverse("knowledge_base", args=[base.slug])).text
    assert reverse("change_knowledge_base", args=[base.slug]) not in page
    assert api(omar).delete(f"{where}documents/{document.pk}/").status_code == 403
    assert api(omar).patch(where, {"name": "Mine"}, format="json").status_code == 403
    grants.set_access(None, base, [{"who": "user:omar", "right": "edit"}])
    assert api(omar).patch(where, {"name": "Mine"}, format="json").json()["may_edit"]
    assert api(omar).delete(f"{where}documents/{document.pk}/").status_code == 204
    assert not Document.objects.exists()
