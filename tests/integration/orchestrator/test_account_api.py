"""Tokens, who I am, and how refusals read."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def token(client, name="uma", word="pw"):
    return client.post(
        "/api/v1/auth/token/", {"username": name, "password": word}, content_type="application/json"
    )


def test_a_name_and_password_give_a_token_that_says_who_i_am(client, user):
    access = token(client).json()["access"]
    me = client.get("/api/v1/me/", headers={"Authorization": f"Bearer {access}"}).json()
    assert me["username"] == "uma"
    assert me["role"] == "user"
    assert me["may"] == ["start_runs", "answer_approvals"]


def test_a_refresh_token_gives_a_new_access_token(client, user):
    refresh = token(client).json()["refresh"]
    answer = client.post("/api/v1/auth/token/refresh/", {"refresh": refresh}, content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["access"]


def test_a_refresh_token_is_void_after_logging_out(client, user):
    refresh = token(client).json()["refresh"]
    assert (
        client.post("/api/v1/auth/logout/", {"refresh": refresh}, content_type="application/json").status_code
        == 200
    )
    answer = client.post("/api/v1/auth/token/refresh/", {"refresh": refresh}, content_type="application/json")
    assert answer.status_code == 401


@pytest.mark.parametrize("bearer", ["", "Bearer nonsense", "Bearer a.b.c"])
def test_without_a_valid_token_the_answer_is_401_in_the_house_form(client, bearer):
    answer = client.get("/api/v1/me/", headers={"Authorization": bearer} if bearer else {})
    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"
    assert set(answer.json()) == {"code", "message", "details"}


def test_a_refresh_token_is_no_access_token(client, user):
    refresh = token(client).json()["refresh"]
    assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {refresh}"}).status_code == 401


def test_a_wrong_password_is_401(client, user):
    assert token(client, word="wrong").status_code == 401


def test_an_unknown_address_is_404_as_json(client):
    answer = client.get("/api/v1/nowhere/")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_the_session_cookie_needs_the_csrf_token_for_a_post(user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/api/v1/me/").status_code == 200
    assert client.post("/api/v1/orchestrations/", {}, content_type="application/json").status_code == 403


def test_health_needs_no_account(client):
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready", "database": "ok"}


def test_the_openapi_document_and_its_page_are_served(client):
    schema = client.get("/api/v1/schema/?format=json").json()
    assert schema["openapi"].startswith("3.1")
    for address in ("/api/v1/runs/{id}/rollback/", "/api/v1/approvals/{id}/decide/", "/api/v1/me/"):
        assert address in schema["paths"]
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert "<script>" not in page.text
