"""Orchestrations that the builder's integration tests begin from."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from builder import verbs

CHAIN = {
    "name": "Parcel",
    "description": "Where is it?",
    "steps": [
        {
            "key": "look",
            "type": "transform",
            "name": "Look it up",
            "config": {"output": {"place": "{{ input.id }}"}},
        },
        {
            "key": "route",
            "type": "condition",
            "config": {"cases": [{"port": "lost", "label": "Lost", "when": "steps.look.output.place == ''"}]},
        },
        {"key": "tell", "type": "transform", "name": "Tell", "config": {"output": "{{ steps.look.output }}"}},
    ],
    "edges": [{"source": "look", "target": "route"}, {"source": "route", "port": "lost", "target": "tell"}],
}


@pytest.fixture
def chain():
    """A document that can be published."""
    return CHAIN


@pytest.fixture
def parcel(admin):
    """Ada's orchestration of three steps."""
    return verbs.import_document(admin, CHAIN)


@pytest.fixture
def omar(db):
    """A second Admin."""
    return get_user_model().objects.create(username="omar", role="admin", first_name="Omar")


@pytest.fixture
def client_of():
    """A REST client that is signed in as somebody."""

    def client(person):
        made = APIClient()
        made.force_authenticate(person)
        return made

    return client
