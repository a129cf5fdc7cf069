"""A POST with an Idempotency-Key acts once."""

import threading

import pytest
from django.db import connection
from django.test import RequestFactory
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import force_authenticate

from orchestrator.api import idempotent
from orchestrator.errors import Conflict, Invalid
from orchestrator.models import IdempotentCall


class Counter:
    """A view that counts how often it acts."""

    def __init__(self):
        self.calls = 0

    @idempotent
    def post(self, request):
        self.calls += 1
        if request._request.body == b"bad":
            raise Invalid("Bad.")
        return Response({"call": self.calls}, status=201)


def request_of(user, key="k", body=b"{}"):
    plain = RequestFactory().post(
        "/x/", body, content_type="application/json", headers={"Idempotency-Key": key}
    )
    force_authenticate(plain, user)
    request = Request(plain)
    request.user = user
    return request


@pytest.mark.django_db
def test_the_same_key_and_body_gives_the_first_answer_again(user):
    view = Counter()
    answers = [view.post(request_of(user)) for _ in range(3)]
    assert [a.data for a in answers] == [{"call": 1}] * 3
    assert [a.status_code for a in answers] == [201] * 3
    assert view.calls == 1


@pytest.mark.django_db
def test_another_body_under_the_same_key_is_a_conflict(user):
    view = Counter()
    view.post(request_of(user))
    with pytest.raises(Conflict) as refusal:
        view.post(request_of(user, body=b'{"other": 1}'))
    assert refusal.value.code == "idempotency_key_reused"


@pytest.mark.django_db
def test_keys_belong_to_a_person(user, other_user):
    view = Counter()
    view.post(request_of(user))
    assert view.post(request_of(other_user)).data == {"call": 2}


@pytest.mark.django_db
def test_a_refused_call_gives_its_key_back(user):
    view = Counter()
    with pytest.raises(Invalid):
        view.post(request_of(user, body=b"bad"))
    assert not IdempotentCall.objects.exists()
    assert view.post(request_of(user)).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_two_calls_at_once_act_once(user):
    view, answers, barrier = Counter(), [], threading.Barrier(4)

    def call():
        barrier.wait()
        answers.append(view.post(request_of(user)).data)
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert view.calls == 1
    assert answers == [{"call": 1}] * 4
