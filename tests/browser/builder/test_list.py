"""The list of orchestrations, new ones and imports; without script too."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.browser.builder.conftest import edge, step

DOCUMENT = {
    "schema": 1,
    "name": "From a file",
    "steps": [step("first"), step("last", y=120)],
    "edges": [edge("first", "last")],
}


def test_a_card_shows_the_picture_the_version_and_what_one_may_do(page, draft):
    draft(
        page,
        [step("first"), step("last", y=120)],
        [edge("first", "last")],
        name="Shown in the list",
        publish=True,
    )
    page.goto("/orchestrations/?q=Shown in the list")
    card = page.get_by_role("listitem").filter(has_text="Shown in the list")
    expect(card.get_by_role("img", name="Miniature of Shown in the list")).to_be_visible()
    expect(card).to_contain_text("2 steps · version 1")
    expect(card).to_contain_text("No runs yet")
    expect(card.get_by_role("link", name=re.compile("^Start"))).to_have_attribute(
        "href", re.compile("/start/$")
    )
    expect(card.get_by_role("link", name=re.compile("^Edit"))).to_have_attribute(
        "href", re.compile("/edit/$")
    )


def test_a_draft_with_problems_says_so_and_cannot_be_started(page, draft):
    draft(page, [step("ask", "llm", config={"prompt": "x"})], name="Not ready at all")
    page.goto("/orchestrations/?q=Not ready at all")
    card = page.get_by_role("listitem").filter(has_text="Not ready at all")
    expect(card).to_contain_text("Draft has 1 problem")
    expect(card.get_by_role("link", name=re.compile("^Start"))).to_have_count(0)
    expect(card.get_by_role("link", name="Publish first")).to_be_visible()


def test_typing_filters_by_name(page, draft):
    draft(page, [step("first")], name="Zebra crossing")
    page.goto("/orchestrations/")
    page.get_by_label("Filter by name").press_sequentially("zebra")
    expect(page.locator(".cards > li")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=zebra"))
    page.get_by_label("Filter by name").fill("nothing has this name")
    expect(page.get_by_role("heading", name="No orchestration is called")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    expect(page.locator(".cards > li").nth(1)).to_be_visible()


def test_a_new_orchestration_is_made_without_script(visitor):
    page = visitor("admin", script=False)
    page.goto("/orchestrations/new/")
    page.get_by_role("button", name="Create and open").click()
    expect(page.locator(".field.bad .error")).to_contain_text("Give it a name")
    page.get_by_label("Name").fill("Made without script")
    page.get_by_role("button", name="Create and open").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Made without script")


def test_a_document_is_imported_without_script(visitor):
    page = visitor("admin", script=False)
    page.goto("/orchestrations/import/")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "flow.json", "mimeType": "application/json", "buffer": json.dumps(DOCUMENT).encode()}
    )
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("From a file")
    expect(page.locator("#outline > li")).to_have_count(2)


def test_a_document_that_is_no_graph_is_refused_with_the_reason(visitor, noise):
    noise.allow("status of 400")
    page = visitor("admin")
    page.goto("/orchestrations/import/")
    circle = {**DOCUMENT, "edges": [edge("first", "last"), edge("last", "first")]}
    page.get_by_label("or the document as text").fill(json.dumps(circle))
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was imported.")
    expect(page.get_by_label("or the document as text")).to_have_value(json.dumps(circle))


def test_a_user_sees_what_they_may_start_and_no_editor(visitor, draft, page):
    board = draft(page, [step("first")], name="Given to everyone", publish=True).open("?settings=1")
    page.get_by_role("tab", name="Access").click()
    page.get_by_label("Who", exact=True).select_option("everyone")
    page.get_by_role("button", name="Save access").click()
    expect(page.get_by_role("checkbox", name="Everyone may start")).to_be_checked()
    user = visitor("user")
    user.goto("/orchestrations/?q=Given to everyone")
    card = user.get_by_role("listitem").filter(has_text="Given to everyone")
    expect(card.get_by_role("link", name=re.compile("^Start"))).to_be_visible()
    expect(card.get_by_role("link", name=re.compile("^Edit"))).to_have_count(0)
    expect(user.get_by_role("link", name="New", exact=True)).to_have_count(0)
    user.goto(f"/orchestrations/{board.slug}/edit/")
    expect(user).to_have_url(re.compile("/start/$"))


def test_an_orchestration_is_deleted_after_asking_once(page, draft):
    board = draft(page, [step("first")], name="Not for long").open("?settings=1")
    page.get_by_role("tab", name="Access").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page).to_have_url(re.compile("/orchestrations/$"))
    expect(page.get_by_role("link", name="Not for long")).to_have_count(0)
    assert page.request.get(f"/orchestrations/{board.slug}/export/").status == 404
