"""Knowledge bases over REST."""

from __future__ import annotations

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from knowledge import indexing
from knowledge.api_urls import urlpatterns
from knowledge.models import Document, KnowledgeBase

RETURNS = b"# Returns\n\nShoes can be returned within 30 days. Gift cards are excluded."
ROOT = "/api/v1/knowledge-bases/"


@pytest.fixture
def api(admin):
    client = APIClient()
    client.force_authenticate(admin)
    return client


def file(name="returns.md", content=RETURNS):
    return SimpleUploadedFile(name, content, "text/markdown")


def upload(api, base, *files, **extra):
    return api.post(f"{ROOT}{base.pk}/documents/", {"files": list(files)}, format="multipart", **extra)


def test_a_base_is_made_listed_changed_and_deleted(api, transactional_db, thread):
    made = api.post(ROOT, {"name": "Refund policy", "description": "What holds."}, format="json")
    assert made.status_code == 201
    body = made.json()
    assert {key: body[key] for key in ("name", "slug", "description", "documents", "passages")} == {
        "name": "Refund policy",
        "slug": "refund-policy",
        "description": "What holds.",
        "documents": 0,
        "passages": 0,
    }
    assert [each["id"] for each in api.get(ROOT).json()["results"]] == [body["id"]]
    assert api.get(ROOT, {"search": "nothing"}).json()["count"] == 0
    changed = api.patch(f"{ROOT}{body['id']}/", {"name": "Rules", "slug": "other"}, format="json").json()
    assert (changed["name"], changed["slug"], changed["description"]) == (
        "Rules",
        "refund-policy",
        "What holds.",
    )
    assert api.delete(f"{ROOT}{body['id']}/").status_code == 204
    assert api.get(f"{ROOT}{body['id']}/").status_code == 404


def test_several_files_are_uploaded_and_their_state_is_read(api, base):
    made = upload(api, base, file(), file("faq.txt", b"Pull the red tab."))
    assert made.status_code == 201
    assert [(each["name"], each["state"]) for each in made.json()] == [
        ("returns.md", "pending"),
        ("faq.txt", "pending"),
    ]
    indexing.drain()
    listed = api.get(f"{ROOT}{base.pk}/documents/").json()
    assert listed["count"] == 2
    document = listed["results"][1]
    assert (document["state"], document["reason"], document["passages"]) == ("ready", "", 1)
    assert document["progress"] == {"done": 1, "total": 1}
    assert api.get(f"{ROOT}{base.pk}/documents/{document['id']}/").json() == document
    assert api.get(f"{ROOT}{base.pk}/").json()["passages"] == 2


def test_one_file_that_is_refused_refuses_all_by_name(api, base):
    refused = upload(api, base, file(), file("scan.pdf"))
    assert refused.status_code == 415
    assert refused.json()["code"] == "unsupported_media_type"
    assert refused.json()["details"] == {"file": "scan.pdf"}
    assert not Document.objects.exists()


def test_a_file_over_the_limit_answers_413(api, base, settings):
    settings.UPLOAD_MAX_BYTES = 10
    assert upload(api, base, file()).status_code == 413


def test_an_upload_without_files_answers_400(api, base):
    assert upload(api, base).json()["code"] == "invalid"


def test_an_upload_that_is_no_form_answers_415(api, base):
    assert api.post(f"{ROOT}{base.pk}/documents/", {"files": []}, format="json").status_code == 415


def test_a_failed_document_says_why_and_can_be_tried_again(api, base):
    upload(api, base, file(content=b"\x00\x01"))
    indexing.drain()
    (document,) = api.get(f"{ROOT}{base.pk}/documents/").json()["results"]
    assert (document["state"], "binary data" in document["reason"]) == ("failed", True)
    again = api.post(f"{ROOT}{base.pk}/documents/{document['id']}/retry/")
    assert (again.status_code, again.json()["state"]) == (200, "pending")
    refused = api.post(f"{ROOT}{base.pk}/documents/{document['id']}/retry/")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_failed")


def test_a_deleted_document_is_no_longer_found(api, base):
    upload(api, base, file())
    indexing.drain()
    document = Document.objects.get()
    assert api.delete(f"{ROOT}{base.pk}/documents/{document.pk}/").status_code == 204
    assert api.post(f"{ROOT}{base.pk}/search/", {"query": "shoes"}, format="json").json()["results"] == []


def test_a_search_answers_passages_with_their_score(api, base):
    upload(api, base, file())
    indexing.drain()
    answer = api.post(f"{ROOT}{base.pk}/search/", {"query": "are shoes returned", "k": 3}, format="json")
    assert answer.status_code == 200
    (hit,) = answer.json()["results"]
    assert hit["text"].startswith("Returns\nShoes can be returned")
    assert 0 < hit["score"] <= 1
    assert {key: hit[key] for key in ("document", "chunk", "page", "heading", "found_by", "highlights")} == {
        "document": "returns.md",
        "chunk": 1,
        "page": None,
        "heading": "Returns",
        "found_by": ["words", "meaning"],
        "highlights": [],
    }
    assert answer.json()["took_ms"] > 0


def test_highlights_are_given_where_they_are_asked_for(api, base):
    upload(api, base, file())
    indexing.drain()
    body = {"query": "are shoes returned", "highlights": True}
    (hit,) = api.post(f"{ROOT}{base.pk}/search/", body, format="json").json()["results"]
    marked = {(mark["kind"], hit["text"][mark["start"] : mark["end"]]) for mark in hit["highlights"]}
    assert ("words", "Shoes") in marked
    assert ("meaning", "Shoes can be returned within 30 days.") in marked


def test_a_min_score_keeps_weak_passages_out(api, base):
    upload(api, base, file())
    indexing.drain()
    body = {"query": "gift", "min_score": 1}
    assert api.post(f"{ROOT}{base.pk}/search/", body, format="json").json()["results"] == []


@pytest.mark.parametrize(
    "body",
    [{}, {"query": ""}, {"query": "x", "k": 0}, {"query": "x", "k": 51}, {"query": "x", "min_score": 2}],
)
def test_a_search_that_makes_no_sense_answers_400(api, base, body):
    refused = api.post(f"{ROOT}{base.pk}/search/", body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")


def test_a_key_makes_a_repeated_upload_answer_the_same(api, base):
    key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    first = upload(api, base, file(), **key)
    again = upload(api, base, file(), **key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    other = upload(api, base, file(content=b"Something else."), **key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_a_key_works_with_a_session_too(client, admin, base):
    """CSRF reads the form before the key is looked at, so the body is gone by then."""
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(admin)
    browser.cookies["csrftoken"] = "a" * 32
    sent = {"HTTP_IDEMPOTENCY_KEY": "k2", "HTTP_X_CSRFTOKEN": "a" * 32}
    assert upload(browser, base, file(), **sent).status_code == 201
    assert upload(browser, base, file(), **sent).status_code == 201
    assert upload(browser, base, file("faq.txt"), **sent).status_code == 409
    assert Document.objects.count() == 1


def test_a_user_finds_none_of_it(user, base, thread):
    api = APIClient()
    api.force_authenticate(user)
    assert api.get(ROOT).json()["count"] == 0
    assert api.get(f"{ROOT}{base.pk}/").status_code == 404
    assert api.get(f"{ROOT}{base.pk}/documents/").status_code == 404
    assert api.post(f"{ROOT}{base.pk}/search/", {"query": "x"}, format="json").status_code == 404
    assert api.delete(f"{ROOT}{base.pk}/").status_code == 404
    assert upload(api, base, file()).status_code == 404
    assert api.post(ROOT, {"name": "Mine"}, format="json").status_code == 403
    assert KnowledgeBase.objects.count() == 1


def test_who_is_not_signed_in_gets_401(base):
    assert APIClient().get(ROOT).status_code == 401


def test_what_is_not_there_answers_404(api, base):
    for path in (f"{uuid.uuid4()}/", f"{uuid.uuid4()}/documents/", f"{base.pk}/documents/{uuid.uuid4()}/"):
        assert api.get(ROOT + path).status_code == 404


def test_the_openapi_document_describes_it():
    paths = SchemaGenerator(patterns=urlpatterns).get_schema(public=True)["paths"]
    body = paths["/knowledge-bases/{base}/documents/"]["post"]["requestBody"]["content"]
    assert list(body) == ["multipart/form-data"]
    answer = paths["/knowledge-bases/{id}/search/"]["post"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/Hits"}
