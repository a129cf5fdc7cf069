"""The builder's pages and what they post: who may, what is answered, what is refused."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from builder import edits, verbs
from builder.document import parse
from builder.models import Orchestration


@pytest.fixture
def sit(client):
    """``sit(person)``: a browser session of theirs."""

    def enter(person):
        client.force_login(person)
        return client

    return enter


@pytest.fixture
def post(sit, parcel):
    """``post(person, **body)``: send an edit of the parcel made on its present revision."""

    def send(person, **body):
        parcel.refresh_from_db()
        body = {"revision": parcel.revision, **body}
        url = reverse("builder_edits", args=[parcel.slug])
        return sit(person).post(url, json.dumps(body), content_type="application/json")

    return send


def test_an_edit_answers_only_what_looks_different_now(post, admin):
    answer = post(admin, edit={"op": "move", "positions": {"tell": {"x": 480, "y": 720}}}).json()
    assert answer["revision"] == 2
    assert set(answer["cards"]) == {"tell"}
    assert answer["edges"] is None
    assert not answer["whole"]


def test_an_added_step_is_named_so_that_the_page_can_select_it(post, admin):
    answer = post(admin, edit={"op": "add_step", "type": "delay", "after": {"source": "tell"}}).json()
    assert answer["added"] == ["delay"]
    assert [edge["id"] for edge in answer["edges"]][-1] == "tell:success:delay"
    assert "delay" in answer["order"]


def test_an_edit_on_an_older_revision_gets_the_whole_page(post, admin, omar):
    post(admin, edit={"op": "move", "positions": {"tell": {"x": 0, "y": 720}}})
    answer = post(admin, revision=1, edit={"op": "move", "positions": {"look": {"x": 0, "y": -96}}}).json()
    assert answer["whole"]
    assert set(answer["cards"]) == {"look", "route", "tell"}


def test_a_refused_edit_is_an_answer_with_its_reason_and_stores_nothing(post, admin, parcel):
    response = post(admin, edit={"op": "connect", "source": "tell", "target": "look"})
    assert response.status_code == 200
    assert response.json()["refused"]["code"] == "cycle"
    assert Orchestration.objects.get(pk=parcel.pk).revision == 1


def test_a_field_is_saved_as_its_schema_has_it(post, admin, parcel):
    post(admin, field={"step": "look", "path": "retry.max_attempts", "text": "3"})
    post(admin, field={"step": "", "path": "description", "text": "Where the parcel is"})
    parcel.refresh_from_db()
    assert parcel.draft["steps"][0]["retry"] == {"max_attempts": 3}
    assert parcel.description == "Where the parcel is"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"edit": {}}', b'{"revision": "1"}', b'{"revision": true, "undo": true}', b"\xff"],
)
def test_what_is_no_edit_is_refused(sit, admin, parcel, body):
    url = reverse("builder_edits", args=[parcel.slug])
    response = sit(admin).post(
        url, body, content_type="application/json", headers={"Accept": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["code"] == "invalid"


def test_undo_and_redo_are_edits_too(post, admin, parcel):
    post(admin, field={"step": "look", "path": "name", "text": "Search"})
    post(admin, field={"step": "tell", "path": "name", "text": "Say"})
    answer = post(admin, undo=True).json()
    assert set(answer["cards"]) >= {"tell"}
    assert answer["redraw"]
    post(admin, redo=True)
    parcel.refresh_from_db()
    assert [step.get("name") for step in parcel.draft["steps"]] == ["Search", None, "Say"]


def test_who_may_not_edit_changes_nothing(post, omar, user, parcel):
    edit = {"op": "move", "positions": {"tell": {"x": 0, "y": 0}}}
    assert post(omar, edit=edit).status_code == 403
    assert post(user, edit=edit).status_code == 404
    assert Orchestration.objects.get(pk=parcel.pk).revision == 1


@pytest.mark.parametrize("name", ["builder", "builder_state", "builder_lot", "export_orchestration"])
def test_an_admin_may_look_at_what_they_may_not_edit(sit, omar, user, parcel, name):
    assert sit(omar).get(reverse(name, args=[parcel.slug])).status_code == 200
    assert sit(user).get(reverse(name, args=[parcel.slug])).status_code == 404


@pytest.mark.parametrize("name", ["publish_orchestration", "delete_orchestration"])
def test_only_who_may_edit_publishes_and_deletes(sit, omar, parcel, name):
    assert sit(omar).get(reverse(name, args=[parcel.slug])).status_code == 403
    assert sit(omar).post(reverse(name, args=[parcel.slug])).status_code == 403
    assert Orchestration.objects.filter(pk=parcel.pk).exists()


def test_nobody_who_is_not_signed_in_sees_a_page(client, parcel):
    for name, args in (("orchestrations", []), ("new_orchestration", []), ("builder", [parcel.slug])):
        response = client.get(reverse(name, args=args))
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("login"))


def test_a_user_sees_neither_new_nor_import(sit, user):
    for name in ("new_orchestration", "import_orchestration"):
        assert sit(user).get(reverse(name)).status_code == 403
        assert sit(user).post(reverse(name), {"name": "Mine", "text": "{}"}).status_code == 403


def test_a_form_without_script_saves_what_changed(sit, admin, parcel):
    url = reverse("builder_fields", args=[parcel.slug])
    response = sit(admin).post(url, {"step": "look", "revision": 1, "name": "Search", "timeout_s": "30"})
    assert response.status_code == 302
    parcel.refresh_from_db()
    assert (parcel.draft["steps"][0]["name"], parcel.draft["steps"][0]["timeout_s"]) == ("Search", 30)
    assert parcel.revision == 3


def test_publishing_with_a_note_makes_a_version(sit, admin, parcel):
    sit(admin).post(reverse("publish_orchestration", args=[parcel.slug]), {"note": "The first"})
    version = parcel.versions.get()
    assert (version.number, version.note, version.published_by) == (1, "The first", admin)


def test_a_draft_with_problems_says_why_it_cannot_be_published(sit, admin):
    made = verbs.create(admin, "Empty")
    page = sit(admin).get(reverse("publish_orchestration", args=[made.slug])).content.decode()
    assert "Publishing needs the one problem solved first." in page
    assert "There is no step yet" in page


def test_the_export_is_the_canonical_document(sit, admin, parcel):
    for kind in ("json", "yaml"):
        response = sit(admin).get(reverse("export_orchestration", args=[parcel.slug]), {"format": kind})
        assert response["Content-Disposition"] == f'attachment; filename="{parcel.slug}.{kind}"'
        assert parse(response.content, f"application/{kind}") == parcel.draft


def test_an_import_with_problems_is_not_stored_where_it_should_be_published(sit, admin):
    text = json.dumps({"name": "Half", "steps": [{"key": "a", "type": "llm"}], "edges": []})
    response = sit(admin).post(reverse("import_orchestration"), {"text": text, "publish": "on"})
    assert response.status_code == 400
    assert "Nothing was imported." in response.content.decode()
    assert not Orchestration.objects.filter(name="Half").exists()


def test_rights_are_set_by_ticks(sit, admin, user, parcel):
    url = reverse("orchestration_access", args=[parcel.slug])
    sit(admin).post(url, {"who": f"user:{user.username}", "new": ["view", "start"]})
    assert [(one["who"], one["right"]) for one in verbs.access_of(parcel)] == [
        (f"user:{user.username}", "view"),
        (f"user:{user.username}", "start"),
    ]
    sit(admin).post(url, {"right": [f"view user:{user.username}"], "who": ""})
    assert [one["right"] for one in verbs.access_of(parcel)] == ["view"]


def test_a_user_sees_the_picture_of_the_version_not_of_the_draft(sit, admin, user, parcel):
    verbs.publish(admin, parcel, "")
    verbs.set_access(admin, parcel, [{"who": "everyone", "right": "start"}])
    edits.apply(admin, parcel, {"op": "add_step", "type": "delay"}, parcel.revision)
    assert "3 steps · version 1" in sit(user).get(reverse("orchestrations")).content.decode()
    assert "4 steps · version 1" in sit(admin).get(reverse("orchestrations")).content.decode()


def test_the_list_is_cut_into_pages(sit, admin):
    for number in range(26):
        verbs.create(admin, f"Number {number:02}")
    first = sit(admin).get(reverse("orchestrations")).content.decode()
    second = sit(admin).get(reverse("orchestrations"), {"page": 2}).content.decode()
    assert first.count('class="panel card"') == 24
    assert second.count('class="panel card"') == 2
    assert "Page 1 of 2" in first
