"""The demo can be loaded twice, and people's changes stay."""

from io import StringIO

import pytest
from django.core.management import call_command

from builder.models import Orchestration
from builder.problems import problems
from knowledge.models import Document, KnowledgeBase
from orchestrator.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def load():
    out = StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def test_it_prints_the_accounts_and_publishes_three_orchestrations_without_problems():
    text = load()
    assert all(name in text for name in ("superadmin", "admin", "user", "demo-for-tests"))
    flows = {flow.slug: flow for flow in Orchestration.objects.all()}
    assert set(flows) == {"support-answer", "health-check", "second-thoughts"}
    assert all(flow.published_number == 1 for flow in flows.values())
    assert all(problems(flow.draft) == [] for flow in flows.values())
    base = KnowledgeBase.objects.get(slug="handbook")
    assert set(Document.objects.filter(base=base).values_list("state", flat=True)) == {"ready"}


def test_a_second_load_changes_nothing():
    load()
    before = {flow.slug: (flow.revision, flow.published_number) for flow in Orchestration.objects.all()}
    load()
    assert before == {
        flow.slug: (flow.revision, flow.published_number) for flow in Orchestration.objects.all()
    }
    assert User.objects.count() == 3


def test_a_changed_password_is_not_shown_and_not_reset():
    load()
    person = User.objects.get(username="admin")
    person.set_password("my own")
    person.save()
    assert "the password was changed" in load()
    assert User.objects.get(username="admin").check_password("my own")
