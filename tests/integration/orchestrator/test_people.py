"""What a SuperAdmin does to people, and that it takes effect at once: sessions, tokens, sockets."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from orchestrator import people
from orchestrator.errors import Conflict
from orchestrator.models import AuditEntry, User

pytestmark = pytest.mark.django_db
JSON = "application/json"


def bearer(client, name, word="pw"):
    answer = client.post("/api/v1/auth/token/", {"username": name, "password": word}, content_type=JSON)
    return answer.json()


def me(client, token):
    return client.get("/api/v1/me/", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def governor(superadmin):
    client = Client()
    client.force_login(superadmin)
    return client


def test_a_superadmin_makes_and_lists_people(governor):
    sent = {"username": "nia", "password": "a-long-enough-word", "role": "admin", "email": "nia@example.org"}
    made = governor.post("/api/v1/users/", sent, content_type=JSON)
    assert made.status_code == 201
    assert made.json()["role"] == "admin"
    assert "password" not in made.json()
    found = governor.get("/api/v1/users/?search=nia").json()
    assert [one["username"] for one in found["results"]] == ["nia"]
    assert bearer(Client(), "nia", "a-long-enough-word")["access"]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"username": "uma", "password": "a-long-enough-word"}, 409, "username_taken"),
        ({"username": "x y", "password": "a-long-enough-word"}, 400, "invalid"),
        ({"username": "nia", "password": "12345"}, 400, "invalid"),
        ({"username": "nia", "password": "a-long-enough-word", "role": "king"}, 400, "invalid"),
    ],
)
def test_a_person_who_cannot_be_is_refused_and_not_stored(governor, user, sent, status, code):
    before = User.objects.count()
    answer = governor.post("/api/v1/users/", sent, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert User.objects.count() == before


@pytest.mark.parametrize("who", ["admin", "user"])
def test_nobody_else_sees_people_or_the_audit_log(who, request, user):
    client = Client()
    client.force_login(request.getfixturevalue(who))
    for address in ("/api/v1/users/", "/api/v1/audit/", f"/api/v1/users/{user.pk}/"):
        assert client.get(address).status_code in (403, 404), address
    assert client.patch(f"/api/v1/users/{user.pk}/", {"role": "admin"}, content_type=JSON).status_code == 404


def test_another_role_ends_sessions_and_tokens_at_once(governor, user):
    browser, program = Client(), Client()
    browser.force_login(user)
    pair = bearer(program, "uma")
    own = browser.post("/api/v1/me/tokens/", {"name": "script"}, content_type=JSON).json()["token"]
    assert me(program, pair["access"]).status_code == me(program, own).status_code == 200
    changed = governor.patch(f"/api/v1/users/{user.pk}/", {"role": "admin"}, content_type=JSON)
    assert changed.json()["role"] == "admin"
    assert me(program, pair["access"]).status_code == 401
    assert me(program, own).status_code == 401
    refreshed = program.post("/api/v1/auth/token/refresh/", {"refresh": pair["refresh"]}, content_type=JSON)
    assert refreshed.status_code == 401
    assert browser.get("/").status_code == 302
    assert me(program, bearer(program, "uma")["access"]).json()["role"] == "admin"


def test_switching_a_person_off_ends_everything_and_on_again_needs_a_new_sign_in(governor, user):
    pair = bearer(Client(), "uma")
    governor.patch(f"/api/v1/users/{user.pk}/", {"is_active": False}, content_type=JSON)
    assert me(Client(), pair["access"]).status_code == 401
    assert "access" not in bearer(Client(), "uma")
    governor.patch(f"/api/v1/users/{user.pk}/", {"is_active": True}, content_type=JSON)
    assert me(Client(), pair["access"]).status_code == 401
    assert "access" in bearer(Client(), "uma")


def test_a_change_of_name_ends_nothing(governor, user):
    pair = bearer(Client(), "uma")
    governor.patch(f"/api/v1/users/{user.pk}/", {"first_name": "Ursula"}, content_type=JSON)
    assert me(Client(), pair["access"]).json()["name"] == "Ursula"


def test_the_last_superadmin_stays(governor, superadmin, other_user):
    for change in ({"role": "user"}, {"is_active": False}):
        answer = governor.patch(f"/api/v1/users/{superadmin.pk}/", change, content_type=JSON)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_superadmin")
    people.change_person(other_user, role="superadmin")
    people.change_person(superadmin, role="user")
    with pytest.raises(Conflict):
        people.change_person(other_user, is_active=False)


def test_the_admin_site_keeps_the_last_superadmin_too(governor, superadmin):
    page = governor.post(
        f"/admin/orchestrator/user/{superadmin.pk}/change/", {"username": "sue", "role": "user"}
    )
    assert "only active SuperAdmin" in page.text
    superadmin.refresh_from_db()
    assert superadmin.governs


def test_an_api_token_is_shown_once_and_only_its_owner_can_revoke_it(user, other_user):
    mine, other = Client(), Client()
    mine.force_login(user)
    other.force_login(other_user)
    made = mine.post("/api/v1/me/tokens/", {"name": "nightly"}, content_type=JSON).json()
    assert made["token"].startswith("orc_")
    listed = mine.get("/api/v1/me/tokens/").json()["results"]
    assert [one["name"] for one in listed] == ["nightly"]
    assert made["token"] not in str(listed)
    assert other.delete(f"/api/v1/me/tokens/{made['id']}/").status_code == 404
    assert me(Client(), made["token"]).json()["username"] == "uma"
    assert mine.delete(f"/api/v1/me/tokens/{made['id']}/").status_code == 204
    assert me(Client(), made["token"]).status_code == 401


def test_every_change_to_people_is_in_the_audit_log_without_secrets(governor, user, superadmin):
    AuditEntry.objects.all().delete()
    governor.patch(f"/api/v1/users/{user.pk}/", {"role": "admin"}, content_type=JSON)
    people.set_password(User.objects.get(pk=user.pk), "another-long-word")
    said = governor.get("/api/v1/audit/?ordering=created_at").json()["results"]
    role, word = said
    assert (role["actor"], role["action"], role["kind"]) == ("sue", "changed", "orchestrator.user")
    assert (role["before"]["role"], role["after"]["role"]) == ("user", "admin")
    assert role["address"] == "127.0.0.1"
    assert word["before"] == word["after"] == {"password": "(hidden)"}
    assert word["actor"] == ""


def test_too_many_wrong_passwords_lock_that_name_and_address_at_every_door(user, superadmin, settings):
    cache.clear()
    settings.AXES_FAILURE_LIMIT = 3
    client = Client()
    for _ in range(3):
        answer = client.post("/api/v1/auth/token/", {"username": "uma", "password": "no"}, content_type=JSON)
    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many_requests"
    assert int(answer["Retry-After"]) > 0
    assert "access" not in bearer(client, "uma")
    page = client.post("/login/", {"username": "uma", "password": "pw"})
    assert page.status_code == 429
    assert "Too many wrong passwords" in page.text
    assert client.post("/admin/login/", {"username": "uma", "password": "pw"}).status_code == 429
    assert "access" in bearer(client, "sue")
    cache.clear()
    assert "access" in bearer(client, "uma")


def test_the_profile_makes_shows_once_and_revokes_api_tokens(client, user):
    client.force_login(user)
    page = client.post("/profile/", {"part": "token", "name": "nightly"}).text
    text = page.partition("orc_")[2].partition('"')[0]
    assert me(Client(), f"orc_{text}").status_code == 200
    assert text not in client.get("/profile/").text
    pk = str(user.api_tokens.get().pk)
    assert client.post("/profile/", {"part": "revoke", "token": pk}).status_code == 302
    assert me(Client(), f"orc_{text}").status_code == 401
    assert "Give the token a name" in client.post("/profile/", {"part": "token", "name": " "}).text
