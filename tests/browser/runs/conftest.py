"""How a person gets to a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import APIRequestContext, Locator, Page, Playwright, expect

from tests.browser.conftest import PASSWORD, Site

OVER = ("COMPLETED", "FAILED", "CANCELLED", "ROLLED_BACK")
SLOW = 60_000  # ms: a busy machine, a small model


@pytest.fixture(scope="session")
def calls(playwright: Playwright, site: Site) -> Iterator[APIRequestContext]:
    """The REST API in the name of the demo's SuperAdmin, who may end any run."""
    asks = playwright.request.new_context(base_url=f"{site.url}/api/v1/")
    word = asks.post("auth/token/", data={"username": "superadmin", "password": PASSWORD}).json()
    asks.dispose()
    bearer = {"Authorization": f"Bearer {word['access']}"}
    signed_in = playwright.request.new_context(base_url=f"{site.url}/api/v1/", extra_http_headers=bearer)
    yield signed_in
    signed_in.dispose()


@pytest.fixture
def start(calls: APIRequestContext) -> Iterator[Callable[..., str]]:
    """``start(page, "second-thoughts", parcel="A book")`` by the form; returns the run's address.

    What still waits when the test is over is cancelled: its question would stand in other tests' inboxes.
    """
    begun: list[str] = []

    def begin(page: Page, slug: str, **fields: str) -> str:
        page.goto(f"/orchestrations/{slug}/start/")
        for name, value in fields.items():
            page.locator(f"[name=in-{name}]").fill(value)
        page.get_by_role("button", name="Start the run").click()
        page.wait_for_url("**/runs/*/")
        begun.append(page.url.split("/")[-2])
        return page.url

    yield begin
    for run in begun:
        if calls.get(f"runs/{run}/").json()["status"] not in OVER:
            answer = calls.post(f"runs/{run}/cancel/", data={"reason": "The test is over"})
            assert answer.ok or answer.status == 409, answer.text()  # it may have ended just now


@pytest.fixture
def becomes() -> Callable[[Page, str], None]:
    """``becomes(page, "Completed")``: the run's status, as the bar says it."""

    def check(page: Page, word: str) -> None:
        expect(page.locator(".workbar > .status")).to_have_text(word, timeout=SLOW)

    return check


@pytest.fixture
def card() -> Callable[[Page, str], Locator]:
    """``card(page, "choose")``: a step's card on the canvas."""
    return lambda page, key: page.locator(f".step[data-key={key}]")


@pytest.fixture(scope="session")
def busy(playwright: Playwright, site: Site) -> None:
    """The demo's user has runs of every kind: completed, failed, cancelled, waiting."""
    calls = playwright.request.new_context(base_url=f"{site.url}/api/v1/")
    word = calls.post("auth/token/", data={"username": "user", "password": PASSWORD}).json()
    bearer = {"Authorization": f"Bearer {word['access']}"}

    def call(path: str, **data: object) -> dict[str, Any]:
        answer = calls.post(path, data=data, headers=bearer)
        assert answer.ok, answer.text()
        return answer.json()

    known = calls.get("orchestrations/", headers=bearer).json()["results"]
    pk = {one["slug"]: one["id"] for one in known}
    address = {"address": site.url}
    call(f"orchestrations/{pk['health-check']}/runs/?wait=30", input=address)
    waiting = [
        call(f"orchestrations/{pk['second-thoughts']}/runs/?wait=2", input={"parcel": parcel})["id"]
        for parcel in ("A vase", "A mirror", "A lamp", "A clock")
    ]
    for run, decision in zip(waiting, ("approve", "reject"), strict=False):
        asked = calls.get("approvals/?status=pending&page_size=100", headers=bearer).json()["results"]
        question = next(one["id"] for one in asked if one["run"] == run)
        call(f"approvals/{question}/decide/", decision=decision, comment="Decided for the picture")
    call(f"runs/{waiting[2]}/cancel/", reason="Not needed")
    calls.dispose()
