"""A POST with an Idempotency-Key acts once."""

import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import force_authenticate

from orchestrator import api, processes
from orchestrator.api import claim_of, idempotent
from orchestrator.errors import Conflict, Invalid
from orchestrator.models import IdempotentCall


class Counter:
    """A view that counts how often it acts."""

    def __init__(self):
        self.calls = 0
        self.claims = []

    @idempotent
    def post(self, request):
        self.calls += 1
        self.claims.append(claim_of(request))
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


def interrupted(user, view):
    """A call whose process died before it could answer."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    view.post(request_of(user))
    gone = f"{processes.this_host()} {process.pid} 1"
    IdempotentCall.objects.update(status=0, response=None, process=gone)
    return IdempotentCall.objects.get().pk


@pytest.mark.django_db
def test_a_call_whose_process_died_is_made_again_under_the_same_id(user):
    view = Counter()
    first = interrupted(user, view)
    assert view.post(request_of(user)).data == {"call": 2}
    assert view.post(request_of(user)).data == {"call": 2}, "and then it has its answer"
    assert view.claims == [first, first]


@pytest.mark.django_db
def test_a_call_that_is_at_work_elsewhere_is_waited_for_and_at_last_given_up(user, monkeypatch):
    monkeypatch.setattr(api, "FIRST_ANSWER_WITHIN_S", 0)
    view = Counter()
    interrupted(user, view)
    IdempotentCall.objects.update(process="elsewhere 7 1")
    with pytest.raises(Conflict) as refusal:
        view.post(request_of(user))
    assert refusal.value.code == "in_progress"
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    assert view.post(request_of(user)).data == {"call": 2}
