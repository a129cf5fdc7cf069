"""A knowledge base in the browser: files go in and their progress shows, a search is tried."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import expect

LONG = "\n\n".join(
    f"# Part {n}\n\nThe answer to riddle {n} is {n * 7}. " + "It is known. " * 40 for n in range(60)
)


@pytest.fixture
def opened(visitor):
    """``opened(...)``: a new, empty base in an admin's browser."""

    def _open(**how):
        page = visitor("admin", **how)
        page.goto("/knowledge/new/")
        page.get_by_label("Name").fill(f"Rules {uuid.uuid4().hex[:6]}")
        page.get_by_role("button", name="Create and open").click()
        page.wait_for_url(re.compile(r"/knowledge/rules-\w+/$"))
        return page

    return _open


def file(name, text):
    return {
        "name": name,
        "mimeType": "text/plain",
        "buffer": text if isinstance(text, bytes) else text.encode(),
    }


def row(page, name):
    return page.locator(".doc").filter(has=page.get_by_role("link", name=name, exact=True))


def choose(page, *files):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("link", name="Add documents").click()
    chooser.value.set_files(list(files))


def drop(page, *files):
    transfer = page.evaluate_handle(
        """(files) => {
          const transfer = new DataTransfer();
          for (const [name, text, times] of files) {
            transfer.items.add(new File(Array(times ?? 1).fill(text), name));
          }
          return transfer;
        }""",
        [list(each) for each in files],
    )
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event("main", kind, {"dataTransfer": transfer})


def test_chosen_files_go_up_and_their_progress_shows_until_they_are_ready(opened, shot):
    page = opened()
    choose(page, file("long.md", LONG), file("faq.txt", "Pull the red tab."))
    expect(row(page, "faq.txt")).to_contain_text("Waiting its turn")
    expect(row(page, "long.md").get_by_role("img")).to_have_attribute("aria-label", re.compile("% indexed"))
    shot(page, "knowledge-indexing")
    expect(row(page, "faq.txt")).to_contain_text("Ready", timeout=60_000)
    expect(page.locator("#lead")).to_contain_text("2 documents, ")
    expect(page.locator("#documents")).not_to_have_attribute("hx-get", re.compile("."))


def test_dropped_files_go_up(opened):
    page = opened()
    drop(page, ("notes.md", "# Notes\n\nThe tab is red."))
    expect(row(page, "notes.md")).to_contain_text("Ready", timeout=90_000)
    assert page.url.endswith("/"), "the browser left the page to show the file"


def test_a_file_that_is_refused_says_why_and_the_others_are_taken(opened):
    page = opened()
    drop(page, ("scan.pdf", "%PDF"), ("notes.md", "The tab is red."))
    expect(page.get_by_role("alert")).to_contain_text("scan.pdf cannot be read")
    expect(row(page, "notes.md")).to_contain_text("Ready", timeout=90_000)
    expect(page.get_by_role("alert")).to_contain_text("scan.pdf cannot be read")


def test_a_file_over_the_limit_does_not_travel(opened):
    page = opened()
    sent = []
    page.on("request", lambda request: sent.append(request.method))
    drop(page, ("big.md", "x" * 1024, 51 * 1024))
    expect(page.get_by_role("alert")).to_contain_text("big.md is larger than 50 MB.")
    assert "POST" not in sent


def test_a_failed_document_is_tried_again_and_replaced(opened, clean):
    page = opened()
    choose(page, file("scan.txt", b"\x00\x01binary"))
    failed = row(page, "scan.txt")
    expect(failed).to_contain_text("The file holds binary data, not text.")
    expect(page.locator("#note")).to_have_text("1 needs you")
    clean(page)
    with page.expect_response("**/retry/"):
        failed.get_by_role("button", name="Try again").click()
    page.reload()  # else "Failed" could be what the row said before
    expect(failed).to_contain_text("Failed")
    failed.get_by_label("Replace file").set_input_files([file("better.txt", "Now it is text.")])
    expect(row(page, "scan.txt")).to_contain_text("Ready", timeout=90_000)
    expect(page.locator("#note")).to_be_empty()


def test_a_search_is_tried_and_leads_to_the_passage(visitor, shot, clean):
    page = visitor("admin")
    page.goto("/knowledge/handbook/")
    page.get_by_label("Question").fill("can worn shoes be returned")
    page.get_by_label("Limit").fill("0.5")
    page.get_by_role("button", name="Search", exact=True).click()
    first = page.locator(".hit").first
    expect(first).to_contain_text("found by words and meaning")
    expect(first.locator("mark.words").first).to_have_text("returned")
    expect(page.locator("#took")).to_have_text(re.compile(r"5 passages in \d+ ms"))
    expect(page.locator(".hit").last).to_contain_text("below the limit of 0.50, not used")
    expect(page.get_by_label("Question")).to_have_value("can worn shoes be returned")
    assert "q=can%20worn%20shoes" in page.url
    clean(page)
    shot(page, "knowledge")
    first.get_by_role("link").click()
    expect(page.locator(":target")).to_contain_text("Trying on clothes or shoes indoors is fine.")
    clean(page)
    page.go_back()
    expect(page.locator(".hit").first).to_contain_text("found by words and meaning")


def test_without_scripts_files_are_sent_by_a_button_and_the_search_is_a_form(opened):
    page = opened(script=False)
    page.locator("#add input[type=file]").set_input_files([file("notes.md", "# Tab\n\nThe tab is red.")])
    page.get_by_role("button", name="Upload the chosen files").click()
    for _ in range(50):
        if row(page, "notes.md").get_by_text("Ready").count():
            break
        page.reload()
    expect(row(page, "notes.md")).to_contain_text("Ready", timeout=90_000)
    page.get_by_label("Question").fill("which colour has the tab")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".hit")).to_contain_text("The tab is red.")


def test_a_document_and_a_base_are_deleted_after_asking_once(opened):
    page = opened()
    choose(page, file("notes.md", "The tab is red."))
    expect(row(page, "notes.md")).to_contain_text("Ready", timeout=90_000)
    page.get_by_role("link", name="notes.md", exact=True).click()
    page.get_by_role("link", name="Delete …").click()
    page.get_by_role("button", name="Delete document").click()
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    name = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Delete …").click()
    page.get_by_role("button", name="Delete knowledge base").click()
    expect(page.get_by_role("heading", name="Knowledge bases")).to_be_visible()
    expect(page.get_by_text(name)).to_have_count(0)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False), (390, True)])
def test_the_pages_fit_their_screen_and_axe_finds_nothing(visitor, shot, clean, width, dark):
    page = visitor("admin", width=width, dark=dark)
    for name, where in (
        ("knowledge-list", "/knowledge/"),
        ("knowledge-new", "/knowledge/new/"),
        ("knowledge-base", "/knowledge/handbook/?q=can+worn+shoes+be+returned&limit=0.5"),
        ("knowledge-settings", "/knowledge/handbook/settings/"),
    ):
        page.goto(where)
        clean(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot(page, f"{name}-{width}{'-dark' if dark else ''}")


def test_the_search_can_be_reached_and_used_by_keyboard(visitor):
    page = visitor("admin")
    page.goto("/knowledge/handbook/")
    page.get_by_label("Question").focus()
    page.keyboard.type("gift wrapping")
    page.keyboard.press("Enter")
    expect(page.locator(".hit").first).to_contain_text("Gift wrapping")
    expect(page.get_by_label("Question")).to_be_focused()
