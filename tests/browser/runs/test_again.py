"""A run again with changes, two runs compared, a question asked again, items of a map, a rollback that is stuck."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(300)  # the first test of a process also waits for the site
LIGHTS = [(1440, 900, "light"), (390, 844, "dark")]


@pytest.fixture
def look(clean, shot):
    """``look(page, "compare")``: axe finds nothing, nothing is too wide, and pictures are kept.

    Pages that no other test looks at are ``new``: axe sees them in both lights.
    """

    def check(page, what, *, new=False):
        for width, height, scheme in LIGHTS:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme)
            shot(page, f"{what}-{width}{'-dark' if scheme == 'dark' else ''}", full=width < 720)
            if new or width < 720:
                clean(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{what} is too wide"
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")

    return check


@pytest.fixture
def published(calls):
    """``published(steps, edges)``: the id of a new orchestration that can be run."""

    def make(name, steps, edges=()):
        document = {"schema": 1, "name": name, "steps": steps, "edges": list(edges)}
        answer = calls.post("orchestrations/import/?publish=1", data=document)
        assert answer.ok, answer.text()
        return answer.json()["id"]

    return make


def test_running_again_with_changes_needs_no_script_and_is_compared(visitor, start, becomes, card, look):
    page, plain = visitor("user"), visitor("user", script=False)
    address = start(page, "second-thoughts", parcel="A vase")
    becomes(page, "Waiting")
    page.get_by_role("button", name="Reject").click()
    becomes(page, "Completed")
    page.get_by_role("link", name="Run again with changes").click()
    expect(page.get_by_role("heading", name="Run again with changes")).to_be_visible()
    page.get_by_label("Runs again from").select_option("Ship it the fast way?")
    page.wait_for_url("**/fork/?from=choose*")
    look(page, "run-again", new=True)

    plain.goto(f"{address}fork/?from=choose")
    plain.get_by_label("What is shipped").fill("A mirror")
    plain.locator("summary", has_text="Describe the parcel").click()
    plain.get_by_label("Output of Describe the parcel").fill("{")
    plain.get_by_role("button", name="Start the new run").click()
    expect(plain.get_by_text("This is not JSON")).to_be_visible()
    plain.get_by_label("Output of Describe the parcel").fill('{"parcel": "A mirror", "fragile": true}')
    plain.get_by_role("button", name="Start the new run").click()
    plain.wait_for_url(re.compile(r"/runs/[0-9a-f-]+/$"))

    page.goto(plain.url)
    becomes(page, "Waiting")
    page.get_by_role("button", name="Reject").click()
    becomes(page, "Completed")
    expect(card(page, "prepare")).to_contain_text("Taken over from run")
    card(page, "prepare").get_by_role("link").click()
    expect(page.locator("#detail")).to_contain_text("see it there")
    look(page, "run-forked")
    page.get_by_role("link", name="Compare with its source").click()
    expect(page.locator(".lead")).to_contain_text("They part at Describe the parcel: output edited.")
    look(page, "compare", new=True)
    page.get_by_role("link", name="Ship it the fast way?").click()
    expect(page.get_by_role("heading", name="Ship it the fast way?, output")).to_be_visible()
    before = page.get_by_role("row").count()
    page.get_by_label("Hide").check()
    expect(page.get_by_role("row").nth(before - 1)).not_to_be_visible()


def test_a_question_asked_again_shows_the_earlier_answer(visitor, start, becomes, look):
    page = visitor("user")
    start(page, "second-thoughts", parcel="A clock")
    becomes(page, "Waiting")
    page.get_by_label("Comment").fill("In a hurry")
    page.get_by_role("button", name="Approve").click()
    becomes(page, "Failed")
    page.locator(".verdict").get_by_role("link", name="Roll back").click()
    page.get_by_role("button", name="Roll back 3 steps").click()
    becomes(page, "Waiting")
    earlier = page.get_by_role("region", name="Answered before")
    expect(earlier).to_contain_text("You approved")
    expect(earlier).to_contain_text("In a hurry")
    look(page, "run-asked-again")


def test_the_items_of_a_map_are_listed_by_status_and_page(visitor, calls, published, becomes, card, look):
    inner = {"type": "validation", "config": {"value": 1, "checks": [
        {"kind": "expression", "when": "item > 2", "message": "Too small."}]}}  # fmt: skip
    config = {"items": "{{ range(60) | list }}", "step": inner, "on_item_failure": "skip"}
    pk = published("Sizes", [{"key": "each", "type": "map", "name": "Check each", "config": config}])
    run = calls.post(f"orchestrations/{pk}/runs/", data={"input": {}}).json()["id"]
    page = visitor("superadmin")
    page.goto(f"/runs/{run}/")
    becomes(page, "Completed")
    card(page, "each").get_by_role("link").click()
    expect(page.locator(".items li")).to_have_count(50)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".items li")).to_have_count(10)
    page.get_by_label("Show", exact=True).select_option("Failed, 3")
    expect(page.locator(".items .why")).to_have_text(["Too small."] * 3)
    look(page, "run-map")


def test_a_stuck_rollback_says_why_and_a_person_goes_on(
    visitor, calls, published, becomes, card, look, site, noise
):
    noise.allow("400")
    undo = {"type": "http", "config": {"method": "DELETE", "url": f"{site.url}/nothing-here/"}}
    steps = [
        {"key": "order", "type": "transform", "name": "Order it", "config": {"output": 1}, "compensate": undo}
    ]
    run = calls.post(f"orchestrations/{published('Order', steps)}/runs/?wait=30", data={"input": {}}).json()[
        "id"
    ]
    page = visitor("superadmin")
    page.goto(f"/runs/{run}/")
    becomes(page, "Completed")
    assert calls.post(f"runs/{run}/rollback/", data={"reason": "Not wanted"}).ok
    band = page.get_by_role("region").filter(has_text="Order it could not be undone")
    expect(band).to_be_visible()
    expect(card(page, "order")).to_contain_text("Not undone:")
    look(page, "run-stuck")
    band.get_by_role("button", name="Leave it and go on").click()
    expect(band).to_contain_text("Say why its effect may stay")
    band.get_by_label("Why").fill("The shop is closed")
    band.get_by_role("button", name="Leave it and go on").click()
    becomes(page, "Rolled back")
