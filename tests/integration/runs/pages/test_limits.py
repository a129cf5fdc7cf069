"""Pages of limits: set on a model's and an orchestration's own page, all of them on one, seen on the run page."""

from __future__ import annotations

import re

import pytest

from agents.models import LLMModel
from builder import verbs as orchestrations
from runs.models import Limit

pytestmark = pytest.mark.django_db


@pytest.fixture
def model():
    return LLMModel.objects.create(name="GPT", slug="gpt", provider="local", model_name="m")


def shown(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def figures(**given):
    return {"concurrency": "", "requests_per_minute": "", "tokens_per_minute": "", **given}


def test_a_models_page_shows_and_sets_its_limits(client, admin, model):
    Limit.objects.create(kind="model", tokens_per_minute=90_000)
    client.force_login(admin)
    page = shown(client, "/models/gpt/")
    assert "Requests to models a minute" in page
    assert "what is set for each LLM model counts: 90,000 tokens a minute" in page
    answer = client.post("/limits/model/gpt/", figures(requests_per_minute="60"))
    assert answer.headers["location"] == "/models/gpt/"
    assert Limit.objects.get(subject="gpt").requests_per_minute == 60
    saved = client.post("/limits/model/gpt/", figures(), headers={"hx-request": "true"}).content.decode()
    assert "Saved" in saved
    assert not Limit.objects.filter(subject="gpt").exists()
    refused = client.post("/limits/model/gpt/", figures(concurrency="-1"), headers={"hx-request": "true"})
    assert "greater than or equal to 0" in refused.content.decode()


def test_the_settings_of_an_orchestration_say_how_long_runs_are_kept_and_what_bounds_them(client, admin):
    Limit.objects.create(kind="user", concurrency=4)
    made = orchestrations.create(admin, "Refund")
    client.force_login(admin)
    page = shown(client, f"/orchestrations/{made.slug}/edit/?settings=1")
    assert "Keep ended runs for … days" in page
    assert "Each person may have 4 steps at once" in page
    client.post(f"/limits/orchestration/{made.slug}/", figures(keep_days="30", concurrency="2"))
    made.refresh_from_db()
    assert made.keep_days == 30
    assert Limit.objects.get(kind="orchestration").concurrency == 2
    client.post(f"/limits/orchestration/{made.slug}/", figures(keep_days=""))
    made.refresh_from_db()
    assert made.keep_days is None


def test_who_may_not_edit_it_sets_nothing(client, admin, superadmin, user):
    made = orchestrations.create(superadmin, "Refund")
    client.force_login(admin)
    page = shown(client, f"/orchestrations/{made.slug}/edit/?settings=1")
    assert re.search(r'name="keep_days"[^>]* disabled', page)
    client.post(f"/limits/orchestration/{made.slug}/", figures(keep_days="1", concurrency="2"))
    made.refresh_from_db()
    assert (made.keep_days, Limit.objects.count()) == (None, 0)
    assert client.post(f"/limits/user/{admin.username}/", figures(concurrency="99")).status_code == 404
    client.force_login(user)
    assert client.post(f"/limits/orchestration/{made.slug}/", figures(concurrency="2")).status_code == 403
    assert client.get("/limits/").status_code == 403


def test_a_superadmin_sets_any_limit_on_one_page_and_an_admin_reads_it(client, superadmin, admin):
    client.force_login(superadmin)
    assert "No limits yet" in shown(client, "/limits/")
    client.post("/limits/", figures(kind="user", subject="", concurrency="4"))
    page = shown(client, "/limits/?kind=user&subject=")
    assert "Each user" in page
    assert "4 steps at once" in page
    assert 'value="4"' in page
    unknown = client.post("/limits/", figures(kind="user", subject="nobody", concurrency="4"))
    assert "There is no User “nobody”" in unknown.content.decode()
    client.force_login(admin)
    page = shown(client, "/limits/")
    assert "4 steps at once" in page
    assert "Set a limit" not in page
