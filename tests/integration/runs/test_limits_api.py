"""REST and audit of limits: who may see and set them, and what is refused."""

from __future__ import annotations

import pytest

from agents.models import LLMModel
from orchestrator.models import AuditEntry
from runs.models import Limit

pytestmark = pytest.mark.django_db
LIST = "/api/v1/limits/"


@pytest.fixture
def model():
    return LLMModel.objects.create(name="GPT", slug="gpt", provider="local", model_name="m")


def post(client, person, **body):
    client.force_login(person)
    return client.post(LIST, body, content_type="application/json")


def test_a_superadmin_sets_changes_and_lifts_any_limit_and_the_audit_log_says_so(client, superadmin):
    made = post(client, superadmin, kind="user", subject="sue", concurrency=4)
    assert made.status_code == 201
    assert made.json() | {"id": "", "created_at": ""} == {
        "id": "", "kind": "user", "subject": "sue", "concurrency": 4, "requests_per_minute": None,
        "tokens_per_minute": None, "created_at": "",
    }  # fmt: skip
    address = f"{LIST}{made.json()['id']}/"
    changed = client.patch(address, {"tokens_per_minute": 9000}, content_type="application/json")
    assert (changed.json()["concurrency"], changed.json()["tokens_per_minute"]) == (4, 9000)
    assert client.get(LIST).json()["results"] == [changed.json()]
    assert client.delete(address).status_code == 204
    entries = AuditEntry.objects.filter(kind="runs.limit").order_by("created_at")
    assert [(entry.actor, entry.action) for entry in entries] == [
        ("sue", "created"), ("sue", "changed"), ("sue", "deleted"),
    ]  # fmt: skip
    assert entries[1].after == {"tokens_per_minute": 9000}


def test_an_admin_sees_all_and_sets_those_of_models_and_of_what_they_may_edit(
    client, admin, superadmin, model
):
    from builder import verbs

    own = verbs.create(admin, "Mine")
    others = verbs.create(superadmin, "Theirs")
    assert post(client, admin, kind="model", subject="gpt", requests_per_minute=60).status_code == 201
    assert post(client, admin, kind="orchestration", subject=own.slug, concurrency=2).status_code == 201
    for body in (
        {"kind": "orchestration", "subject": others.slug},
        {"kind": "user", "subject": "sue"},
        {"kind": "model", "subject": ""},
    ):
        assert post(client, admin, concurrency=1, **body).status_code == 403
    whole = Limit.objects.create(kind="user", concurrency=9)
    assert client.get(LIST).json()["count"] == 3
    assert client.delete(f"{LIST}{whole.pk}/").status_code == 403


def test_for_a_user_there_are_no_limits(client, user, model):
    limit = Limit.objects.create(kind="model", subject="gpt", concurrency=9)
    assert post(client, user, kind="model", subject="gpt").status_code == 403
    assert client.get(LIST).json()["count"] == 0
    assert client.get(f"{LIST}{limit.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "planet"}, 400, "invalid"),
        ({"kind": "model", "subject": "none"}, 400, "invalid"),
        ({"kind": "model", "concurrency": -1}, 400, "invalid"),
        ({"kind": "model", "concurrency": 10**12}, 400, "invalid"),
        ({"kind": "model", "subject": "gpt"}, 409, "limit_exists"),
    ],
)
def test_what_cannot_be_is_refused(client, superadmin, model, body, status, code):
    Limit.objects.create(kind="model", subject="gpt", concurrency=9)
    refused = post(client, superadmin, **body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
