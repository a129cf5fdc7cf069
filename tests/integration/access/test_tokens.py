"""Tokens that do not count: none opens REST, and none opens a socket."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import jwt
import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from orchestrator import people, tokens
from orchestrator.models import ApiToken
from orchestrator.tokens import CLAIM
from tests.integration.access.conftest import JSON, stays_open
from tests.integration.runs.test_consumers import socket

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning"),
]
KEY = api_settings.SIGNING_KEY
AN_HOUR = timedelta(hours=1)


def token(person, kind=AccessToken, **claims):
    """A token that counts, but for what ``claims`` say; None leaves a claim out."""
    made = kind.for_user(person)
    made[CLAIM] = person.sign_in_revision
    for name, value in claims.items():
        made.payload.pop(name, None)
        if value is not None:
            made[name] = value
    return made


def signed(person, key=KEY, algorithm="HS256", **claims):
    return jwt.encode(token(person, **claims).payload, key, algorithm=algorithm)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(person, algorithm):
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(token(person).payload)}."


def renamed(person, algorithm):
    """An HMAC under the right key that says that it is something else."""
    said = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(token(person).payload)}"
    mac = hmac.new(KEY.encode(), said.encode(), hashlib.sha256).digest()
    return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def altered(person, other):
    """Somebody else's id under a signature for one's own."""
    head, _, end = str(token(person)).split(".")
    return f"{head}.{part(token(other).payload)}.{end}"


def at(delta):
    return int((timezone.now() + delta).timestamp())


def own(person, **more):
    return tokens.make_api_token(person, "nightly", **more)


def ended(person, **columns):
    made, text = own(person)
    ApiToken.objects.filter(pk=made.pk).update(**columns)
    return text


def after(person, text, **changes):
    """``text``, and then the person is changed."""
    people.change_person(person, **changes)
    return text


FORGED = {
    "nothing": lambda one, other: "",
    "no token": lambda one, other: "nonsense",
    "three empty parts": lambda one, other: "..",
    "another key": lambda one, other: signed(one, key="x" * 64),
    "a short key": lambda one, other: signed(one, key="x"),
    "the algorithm none": lambda one, other: unsigned(one, "none"),
    "the algorithm None": lambda one, other: unsigned(one, "None"),
    "another algorithm under the right key": lambda one, other: signed(one, algorithm="HS512"),
    "another algorithm by its header": lambda one, other: renamed(one, "RS256"),
    "somebody else's claims": altered,
    "a signature that is cut": lambda one, other: str(token(one))[:-4],
    "an expired one": lambda one, other: signed(one, exp=at(-AN_HOUR)),
    "one without an end": lambda one, other: signed(one, exp=None),
    "one that begins later": lambda one, other: signed(one, nbf=at(AN_HOUR)),
    "a refresh token": lambda one, other: str(token(one, RefreshToken)),
    "another type": lambda one, other: signed(one, token_type="sliding"),
    "no type": lambda one, other: signed(one, token_type=None),
    "no id": lambda one, other: signed(one, jti=None),
    "nobody": lambda one, other: signed(one, user_id=None),
    "somebody who does not exist": lambda one, other: signed(
        one, user_id="00000000-0000-7000-8000-000000000000"
    ),
    "no id of a person": lambda one, other: signed(one, user_id="1 OR 1=1"),
    "another sign-in": lambda one, other: signed(one, rev=one.sign_in_revision + 1),
    "one of before a change of role": lambda one, other: after(one, str(token(one)), role="admin"),
    "one without a sign-in, after that": lambda one, other: after(one, signed(one, rev=None), role="admin"),
    "one of a person switched off": lambda one, other: after(one, str(token(one)), is_active=False),
    "one for a person switched off": lambda one, other: after(one, "", is_active=False) or str(token(one)),
    "an unknown API token": lambda one, other: "orc_" + "x" * 43,
    "an API token in capitals": lambda one, other: own(one)[1].upper().replace("ORC_", "orc_"),
    "an API token and more": lambda one, other: own(one)[1] + "x",
    "the hash of an API token": lambda one, other: "orc_" + hashlib.sha256(own(one)[1].encode()).hexdigest(),
    "the beginning of an API token": lambda one, other: own(one)[0].hint,
    "a revoked API token": lambda one, other: ended(one, revoked_at=timezone.now()),
    "an expired API token": lambda one, other: ended(one, expires_at=timezone.now() - AN_HOUR),
    "an API token of a person switched off": lambda one, other: after(one, own(one)[1], is_active=False),
}


@pytest.fixture(autouse=True)
def open_connection(monkeypatch):
    """Sockets leave the test's transaction alone."""
    monkeypatch.setattr("channels.consumer.aclose_old_connections", stays_open)
    monkeypatch.setattr("channels.db.close_old_connections", lambda: None)


def rest(text):
    return Client().get("/api/v1/me/", headers={"Authorization": f"Bearer {text}"})


def at_the_socket(text):
    """4401, or 0 where it stays open."""
    sent = {"headers": [(b"host", b"testserver")], "subprotocols": ["bearer", text]}

    async def ask():
        async with socket("/ws/inbox/", sent) as there:
            first = await there.receive_output(5)
            return first.get("code", 0)

    return async_to_sync(ask)()


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
def test_a_token_that_does_not_count_opens_nothing(user, other_user, forge):
    text = forge(user, other_user)
    answer = rest(text)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert at_the_socket(text) == 4401


def test_one_that_counts_opens_both(user):
    for text in (str(token(user)), own(user)[1]):
        assert rest(text).json()["username"] == "uma"
        assert at_the_socket(text) == 0


def test_a_refresh_token_that_was_used_up_or_is_none_gives_nothing(user):
    refresh = "/api/v1/auth/token/refresh/"
    client, blacklisted = Client(), token(user, RefreshToken)
    assert client.post("/api/v1/auth/logout/", {"refresh": str(blacklisted)}, JSON).status_code == 200
    forged = {**blacklisted.payload, "jti": "0" * 32, "exp": at(-AN_HOUR)}
    odd = str(token(user, RefreshToken, user_id="1 OR 1=1"))
    late = jwt.encode(forged, KEY, algorithm="HS256")
    for given in (str(blacklisted), str(token(user)), late, odd, "x"):
        assert client.post(refresh, {"refresh": given}, JSON).status_code == 401
    assert client.post("/api/v1/auth/logout/", {"refresh": str(blacklisted)}, JSON).status_code == 401


def test_a_session_of_another_key_is_nobodys(client, user, settings):
    client.force_login(user)
    assert client.get("/").status_code == 200
    settings.SECRET_KEY = "another-key-" + "y" * 40
    assert client.get("/").status_code == 302
