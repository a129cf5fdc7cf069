"""What goes wrong is said on a page of the product, with a way on and without what is inside."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from django.core.exceptions import PermissionDenied

from orchestrator import home

pytestmark = pytest.mark.django_db


@pytest.fixture
def look(client, user):
    """Sign in and look at a page as a browser does."""
    client.force_login(user)
    client.raise_request_exception = False
    return lambda address: client.get(address, headers={"Accept": "text/html"})


def shown(answer):
    assert answer["Content-Type"].startswith("text/html")
    assert answer["Content-Security-Policy"]
    page = answer.content.decode()
    assert 'href="/"' in page, "there is a way on"
    return page


def test_an_address_that_is_nowhere(look):
    answer = look("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing at this address" in shown(answer)


def test_a_row_that_is_not_there_or_not_theirs(look):
    answer = look("/runs/3fa85f64-5717-4562-b3fc-2c963f66afa6/")
    assert answer.status_code == 404
    assert "may not be yours to see" in shown(answer)


def test_an_act_that_is_not_theirs(look):
    answer = look("/orchestrations/new/")
    assert answer.status_code == 403
    assert "You may not" in shown(answer)


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (PermissionDenied("secret"), 403, "Nothing was changed."),
        (RuntimeError("secret"), 500, "This page broke, and it is our fault"),
    ],
)
def test_what_a_view_raises_is_not_shown(look, monkeypatch, error, status, sentence):
    monkeypatch.setattr(home, "page", Mock(side_effect=error))
    answer = look("/")
    assert answer.status_code == status
    assert sentence in shown(answer)
    assert "secret" not in answer.content.decode()
