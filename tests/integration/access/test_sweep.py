"""Sweeps over every address: nothing without a rule, nothing for who is not signed in or not concerned."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import get_resolver, reverse

from tests.integration.access.conftest import NAMED, knock
from tests.integration.access.doors import ANYBODY, DOORS, SIGNED_IN

pytestmark = pytest.mark.django_db


def test_every_address_has_its_doors():
    """Whoever adds an address says here what it does to what: every method of REST, each page at least once."""
    known = {(door.name, door.method) for door in DOORS}
    wanted = {(name, method) for name, one in NAMED.items() for method in _methods(one)}
    named = {name for name, _ in known}
    assert wanted - known == set()
    assert set(NAMED) - named == set()
    assert named - set(NAMED) == set()


def _methods(pattern):
    return {method for method in getattr(pattern.callback, "actions", {}) if method != "head"}


def test_who_is_not_signed_in_is_asked_to_at_every_address(world):
    place, client = world["user", "none"], Client()
    for door in DOORS:
        answer = knock(client, door, place)
        rest = answer.request["PATH_INFO"].startswith("/api/")
        if door.action == ANYBODY:
            assert not answer.headers.get("Location", "").startswith("/login/?next"), door
        elif rest:
            assert (answer.status_code, "not_authenticated" in answer.text) == (401, True), door
        else:
            assert answer.status_code == 302, door
            assert answer["Location"].startswith("/login/?next="), door


def rows():
    """All that is stored but sessions."""
    models = [model for model in apps.get_models() if model is not Session]
    return {model._meta.label: list(model._default_manager.order_by("pk").values()) for model in models}


def test_who_is_not_concerned_gets_nowhere_and_changes_nothing(world, clients):
    place, client = world["user", "none"], clients["user", "none"]
    before = rows()
    for door in DOORS:
        if door.action in (ANYBODY, SIGNED_IN):
            continue
        answer = knock(client, door, place)
        assert answer.status_code in ((200, 403, 404) if door.listed else (403, 404)), door
    assert rows() == before


def test_an_id_of_another_person_in_a_query_or_a_form_leads_nowhere(world, clients):
    mine, other = world["user", "started"], world["user", "none"]
    client, run = clients["user", "started"], mine.objects["run"].pk
    foreign = other.objects["run"].pk
    base = world["user", "view"].objects["base"].pk
    paths = [
        f"{reverse('run-compare', args=[run])}?with={foreign}",
        f"{reverse('run_compare')}?left={run}&right={foreign}",
        f"{reverse('run_compare')}?left={foreign}&right={run}",
        reverse("document-detail", args=[base, other.objects["document"].pk]),
    ]
    assert client.get(reverse("run-compare", args=[run]) + f"?with={run}").status_code == 200
    assert [client.get(path).status_code for path in paths] == [404] * len(paths)
    revoke = {"part": "revoke", "token": other.objects["token"].pk}
    assert client.post(reverse("profile"), revoke).status_code == 404
    other.objects["token"].refresh_from_db()
    assert other.objects["token"].revoked_at is None


def test_a_form_of_limits_stores_nothing_for_an_admin_who_may_not_set_them(world, clients):
    place, mine = world["admin", "none"], world["admin", "own"]
    for one, most in ((place, 1), (mine, 7)):
        where = reverse("save_limits", args=["orchestration", one.objects["orchestration"].slug])
        clients[one.role, one.relation].post(where, {"concurrency": "7"})
        one.objects["limit"].refresh_from_db()
        assert one.objects["limit"].concurrency == most


@pytest.mark.parametrize("who", [None, "admin"])
def test_the_admin_site_is_for_superadmins_at_every_address(world, clients, who):
    client = clients[who, "edit"] if who else Client()
    site = next(one for one in get_resolver().url_patterns if str(one.pattern) == "admin/")
    tried = 0
    for path in _paths(site.url_patterns, "/admin/"):
        if path in ("/admin/login/", "/admin/logout/", "/admin/jsi18n/"):
            continue
        answer = client.get(path)
        tried += 1
        assert answer.status_code in (302, 403, 404), path
        if answer.status_code == 302:
            assert answer["Location"].startswith("/admin/login/"), path
    assert tried > 100


def _paths(patterns, path):
    for one in patterns:
        where = f"{path}{str(one.pattern).lstrip('^').rstrip('$')}"
        if hasattr(one, "url_patterns"):
            yield from _paths(one.url_patterns, where)
        elif "(" not in where:
            yield (
                where.replace("<path:object_id>", "1")
                .replace("<id>", "1")
                .replace("<path:content_type_id>", "1")
            )
