from __future__ import annotations

import json

import pytest
import yaml

from builder import edits, verbs
from builder.document import dump
from builder.models import Orchestration
from runs.models import OrchestrationInstance

BASE = "/api/v1/orchestrations/"
CHANGE = {"op": "configure", "key": "look", "field": "config.output", "value": 1}


def at(orchestration, rest=""):
    return f"{BASE}{orchestration.pk}/{rest}"


def import_text(client, text, media="application/json", query="", **headers):
    return client.generic("POST", f"{BASE}import/{query}", text, content_type=media, **headers)


def put(client, orchestration, text, revision, media="application/json"):
    headers = {} if revision is None else {"HTTP_IF_MATCH": revision}
    return client.generic("PUT", at(orchestration, "document/"), text, content_type=media, **headers)


def refused(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code)
    return response.json()


def test_an_admin_makes_lists_changes_and_deletes_one(client_of, admin):
    client = client_of(admin)
    made = client.post(
        BASE, {"name": "Refund", "access": [{"who": "everyone", "right": "start"}]}, format="json"
    )
    assert made.status_code == 201
    body = made.json()
    assert (body["slug"], body["revision"], body["created_by"], body["may_edit"]) == (
        "refund",
        1,
        "ada",
        True,
    )
    assert body["access"] == [{"who": "everyone", "label": "Everyone", "right": "start"}]
    listed = client.get(BASE).json()
    assert (listed["count"], listed["results"][0]["id"]) == (1, body["id"])
    url = f"{BASE}{body['id']}/"
    changed = client.patch(url, {"name": "Refunds", "description": "Money back"}, format="json").json()
    assert (changed["name"], changed["description"], changed["revision"]) == ("Refunds", "Money back", 2)
    changed = client.patch(url, {"access": []}, format="json").json()
    assert (changed["access"], changed["revision"]) == ([], 2)
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404


def test_lists_are_searched_and_ordered(client_of, admin):
    for name in ("Refund", "Parcel", "Onboard"):
        verbs.create(admin, name, description="money" if name == "Refund" else "")
    client = client_of(admin)

    def names(query):
        return [one["name"] for one in client.get(f"{BASE}?{query}").json()["results"]]

    assert names("") == ["Onboard", "Parcel", "Refund"]
    assert names("ordering=-created_at") == ["Onboard", "Parcel", "Refund"]
    assert names("ordering=created_at") == ["Refund", "Parcel", "Onboard"]
    assert names("ordering=draft") == ["Onboard", "Parcel", "Refund"]
    assert names("search=MONEY") == ["Refund"]
    assert names("page_size=1&page=2") == ["Parcel"]


def test_a_list_asks_for_rights_once(client_of, omar, admin, django_assert_max_num_queries):
    for number in range(8):
        verbs.create(admin, f"Flow {number}")
    client = client_of(omar)
    with django_assert_max_num_queries(8):
        rows = client.get(BASE).json()["results"]
    assert {row["may_edit"] for row in rows} == {False}


def test_a_user_sees_what_they_were_given_and_no_draft(client_of, admin, user, parcel):
    client = client_of(user)
    assert client.get(BASE).json()["count"] == 0
    refused(client.get(at(parcel)), 404, "not_found")
    verbs.publish(admin, parcel)
    verbs.set_access(admin, parcel, [{"who": "user:uma", "right": "start"}])
    shown = client.get(at(parcel)).json()
    assert (shown["may_start"], shown["may_edit"], shown["access"]) == (True, False, [])
    assert client.get(at(parcel, "versions/1/")).json()["document"]["name"] == "Parcel"
    for method, rest in (("get", "document/"), ("post", "validate/"), ("get", "versions/1/diff/"),
                         ("post", "publish/"), ("post", "versions/1/restore/"), ("delete", ""),
                         ("patch", "")):  # fmt: skip
        refused(getattr(client, method)(at(parcel, rest)), 403, "forbidden")
    refused(put(client, parcel, b"{}", '"1"'), 403, "forbidden")
    refused(client.post(BASE, {"name": "x"}, format="json"), 403, "forbidden")
    refused(import_text(client, b"{}"), 403, "forbidden")


def test_without_signing_in_there_is_nothing(client, parcel):
    for url in (BASE, at(parcel), at(parcel, "document/")):
        assert client.get(url).status_code == 401


def test_a_document_comes_in_and_goes_out_the_same(client_of, admin, chain):
    client = client_of(admin)
    made = import_text(client, yaml.safe_dump(chain).encode(), "application/yaml")
    assert made.status_code == 201
    url = f"{BASE}{made.json()['id']}/document/"
    exported = client.get(url, headers={"Accept": "application/yaml"})
    assert exported["Content-Type"] == "application/yaml"
    assert exported["ETag"] == '"1"'
    assert 'filename="parcel.yaml"' in exported["Content-Disposition"]
    assert client.get(f"{url}?format=yaml").content == exported.content
    again = import_text(client, exported.content, "application/yaml").json()
    other = f"{BASE}{again['id']}/document/"
    assert again["slug"] == "parcel-2"
    assert client.get(other, headers={"Accept": "application/yaml"}).content == exported.content
    as_json = client.get(other)
    assert as_json["Content-Type"] == "application/json"
    third = import_text(client, as_json.content).json()
    assert client.get(f"{BASE}{third['id']}/document/").content == as_json.content


@pytest.mark.parametrize("query", ["?publish=1", "?publish=true"])
def test_an_import_can_publish(client_of, admin, chain, query):
    made = import_text(client_of(admin), json.dumps(chain).encode(), query=query).json()
    assert (made["published_number"], made["published_revision"]) == (1, 1)


def test_an_import_that_cannot_be_published_stores_nothing(client_of, admin):
    text = json.dumps({"name": "x", "steps": [{"key": "a", "type": "llm"}]}).encode()
    body = refused(import_text(client_of(admin), text, query="?publish=1"), 400, "has_problems")
    assert body["details"]["step"] == "a"
    assert body["details"]["problems"]
    assert not Orchestration.objects.exists()


@pytest.mark.parametrize(
    ("text", "media", "status", "code"),
    [
        (b"{", "application/json", 400, "not_readable"),
        (b"a: *b", "application/yaml", 400, "not_readable"),
        (b"\xff", "application/json", 400, "not_readable"),
        (b"", "application/json", 400, "invalid"),
        (b"[]", "application/json", 400, "invalid"),
        (b'{"name": "x", "steps": [{"key": "a", "type": "magic"}]}', "application/json", 400, "unknown_type"),
        (b"a,b", "text/csv", 415, "unsupported_media_type"),
        (b" " * (4 * 1024 * 1024 + 1), "application/json", 413, "too_large"),
    ],
)
def test_an_import_that_cannot_be_read_is_explained(client_of, admin, text, media, status, code):
    refused(import_text(client_of(admin), text, media), status, code)
    assert not Orchestration.objects.exists()


def test_an_import_with_a_key_happens_once(client_of, admin, chain):
    client, text = client_of(admin), json.dumps(chain).encode()
    first = import_text(client, text, HTTP_IDEMPOTENCY_KEY="k1")
    again = import_text(client, text, HTTP_IDEMPOTENCY_KEY="k1")
    assert (first.json(), first.status_code) == (again.json(), again.status_code)
    assert Orchestration.objects.count() == 1
    refused(import_text(client, text + b" ", HTTP_IDEMPOTENCY_KEY="k1"), 409, "idempotency_key_reused")


@pytest.mark.parametrize("revision", ['"1"', "1", 'W/"1"', "*"])
def test_a_draft_is_replaced_at_the_revision_that_was_read(client_of, admin, parcel, revision):
    document = {**parcel.draft, "name": "Parcels"}
    answer = put(client_of(admin), parcel, dump(document, "yaml"), revision, "application/yaml")
    assert (answer.status_code, answer["ETag"]) == (200, '"2"')
    assert answer.json() == {"revision": 2, "problems": []}
    assert Orchestration.objects.get().draft["name"] == "Parcels"


def test_a_draft_with_problems_is_stored_and_they_are_listed(client_of, admin, parcel):
    document = {**parcel.draft, "output": "{{ steps.nobody.output }}"}
    problem = put(client_of(admin), parcel, dump(document), '"1"').json()["problems"][0]
    assert (problem["step"], problem["field"], problem["code"]) == (None, "output", "unknown_step")
    listed = client_of(admin).post(at(parcel, "validate/")).json()["problems"]
    assert listed == [problem]


def test_a_put_needs_the_newest_revision(client_of, admin, omar, parcel):
    client, text = client_of(admin), dump({**parcel.draft, "output": 5})
    refused(put(client, parcel, text, None), 400, "if_match_required")
    for wrong in ('"x"', '"\xb2"', '""'):
        refused(put(client, parcel, text, wrong), 400, "if_match_required")
    edits.apply(omar, Orchestration.objects.get(), CHANGE, 1)
    body = refused(put(client, parcel, text, '"1"'), 409, "stale_revision")
    assert body["details"]["revision"] == 2
    refused(put(client, parcel, text, '"99"'), 409, "stale_revision")


def test_a_draft_that_would_be_no_graph_is_refused_with_its_step(client_of, admin, parcel):
    document = {**parcel.draft, "edges": [*parcel.draft["edges"], {"source": "tell", "target": "look"}]}
    body = refused(put(client_of(admin), parcel, json.dumps(document).encode(), '"1"'), 400, "cycle")
    assert body["details"]["step"] == "look"
    assert Orchestration.objects.get().revision == 1


def test_publishing_diffing_and_restoring(client_of, admin, parcel):
    client = client_of(admin)
    first = client.post(at(parcel, "publish/"), {"note": "First"}, format="json")
    assert (first.status_code, first.json()["number"], first.json()["note"]) == (201, 1, "First")
    refused(client.post(at(parcel, "publish/"), {}, format="json"), 409, "nothing_changed")
    edits.apply(admin, Orchestration.objects.get(), CHANGE, 1)
    changed = client.get(at(parcel, "versions/1/diff/")).json()["steps"]
    assert [one["step"] for one in changed] == ["look"]
    assert client.post(at(parcel, "publish/")).json()["number"] == 2
    assert client.get(at(parcel, "versions/2/diff/?to=1")).json()["steps"][0]["fields"][0]["before"] == 1
    assert [one["number"] for one in client.get(at(parcel, "versions/")).json()["results"]] == [2, 1]
    assert client.post(at(parcel, "versions/1/restore/")).json() == {"revision": 3, "problems": []}
    assert client.get(at(parcel, "versions/1/diff/")).json() == {
        "steps": [],
        "edges_added": [],
        "edges_removed": [],
        "settings": [],
        "moved": [],
    }
    refused(client.get(at(parcel, "versions/9/")), 404, "not_found")
    refused(client.get(at(parcel, "versions/1/diff/?to=x")), 400, "invalid")
    refused(client.post(at(parcel, "versions/9/restore/")), 404, "not_found")


def test_what_has_problems_is_not_published(client_of, admin):
    empty = verbs.create(admin, "Empty")
    body = refused(client_of(admin).post(at(empty, "publish/")), 400, "has_problems")
    assert body["details"]["problems"][0]["code"] == "no_steps"


def test_what_has_runs_is_not_deleted(client_of, admin, parcel):
    version = verbs.publish(admin, parcel)
    OrchestrationInstance.objects.create(orchestration=parcel, version=version, number=1)
    refused(client_of(admin).delete(at(parcel)), 409, "has_runs")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 121},
        {"name": "x", "slug": "A B"},
        {"name": "x", "access": [{"who": "me"}]},
    ],
)
def test_what_cannot_be_made_is_explained(client_of, admin, body):
    answer = client_of(admin).post(BASE, body, format="json")
    refused(answer, 400, "invalid")
    assert not Orchestration.objects.exists()
