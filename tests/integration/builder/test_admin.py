from __future__ import annotations

import pytest
from django.urls import reverse

from builder import edits, verbs
from builder.models import DraftEdit, Edge, Orchestration, OrchestrationVersion, Step

MODELS = [Orchestration, OrchestrationVersion, Step, Edge, DraftEdit]


@pytest.fixture
def signed_in(client, superadmin, admin, parcel):
    """A browser in the admin site, with a row of every model."""
    verbs.publish(admin, parcel)
    edits.apply(
        admin, parcel, {"op": "configure", "key": "look", "field": "config.output", "value": "<b>"}, 1
    )
    client.force_login(superadmin)
    return client


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_each_is_listed_searched_opened_and_not_changed(signed_in, model):
    name = f"admin:builder_{model._meta.model_name}"
    assert signed_in.get(reverse(f"{name}_changelist")).status_code == 200
    assert signed_in.get(reverse(f"{name}_changelist"), {"q": "parcel"}).status_code == 200
    page = signed_in.get(reverse(f"{name}_change", args=[model.objects.first().pk]))
    assert page.status_code == 200
    assert b"<b>" not in page.content
    assert signed_in.get(reverse(f"{name}_add")).status_code == 403
    assert signed_in.post(reverse(f"{name}_delete", args=[model.objects.first().pk])).status_code == 403
