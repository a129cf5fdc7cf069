"""The main job, whole: an admin edits and publishes, a user runs it on a real model, a check sends it back,
a person approves, and it completes. Its pictures are in ``var/screenshots/story-*``."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

MODEL = 120_000  # ms: the local model, on a busy machine
QUESTION = "I wore my running shoes once outside. Can I still return them after three weeks?"


def _picture_everywhere(visitor, shot, who: str, path: str, name: str) -> None:
    """The page at a desk and on a phone, light and dark."""
    for width in (1440, 390):
        page = visitor(who, width=width)
        page.goto(path)
        expect(page.locator("main")).to_be_visible()
        for colours in ("light", "dark"):
            page.emulate_media(color_scheme=colours)
            shot(page, f"story-{name}-{width}{'-dark' if colours == 'dark' else ''}", full=width == 390)
        page.context.close()


def _events(page: Page, run: str) -> list[dict]:
    number = run.rstrip("/").rsplit("/", 1)[-1]
    return json.loads(page.request.get(f"/api/v1/runs/{number}/events/").text())


@pytest.mark.timeout(400)
def test_the_main_job_from_the_editor_to_the_result(visitor, shot, clean):
    admin = visitor("admin")
    admin.goto("/orchestrations/")
    admin.get_by_role("link", name="Edit").locator("visible=true").last.scroll_into_view_if_needed()
    admin.goto("/orchestrations/support-answer/edit/")
    expect(admin.locator("[data-builder][data-ready]")).to_be_attached()
    admin.locator('.step[data-key="answer"]').click(position={"x": 60, "y": 16})
    expect(admin.locator('#inspector [data-form="answer"]')).to_be_attached()
    name = admin.locator('#inspector .field[data-path="name"]').get_by_role("textbox")
    name.fill("Answer for the customer")
    name.press("Tab")
    expect(admin.locator('.step[data-key="answer"] .name')).to_have_text("Answer for the customer")
    expect(admin.locator("#bar .chip")).to_have_text("Draft")
    shot(admin, "story-builder-1440")
    admin.get_by_role("link", name="Publish").click()
    dialog = admin.get_by_role("dialog", name="Publish")
    dialog.get_by_label("What changed").fill("Says whom the answer is for")
    dialog.get_by_role("button", name="Publish").click()
    expect(admin.locator("#bar")).to_contain_text("Version 2, which is what runs use")

    user = visitor("user")
    user.goto("/orchestrations/support-answer/start/")
    user.locator("[name=in-question]").fill(QUESTION)
    user.locator("[name=in-max_characters]").fill("60")
    user.get_by_role("button", name="Start the run").click()
    user.wait_for_url("**/runs/*/")
    run = user.url
    expect(user.locator(".workbar")).to_contain_text("version 2")
    expect(user.locator(".workbar > .status")).to_have_text("Waiting", timeout=MODEL)

    rolled = [event for event in _events(user, run) if event["kind"] == "rollback_started"]
    assert "longer than the limit" in rolled[0]["data"]["reason"]
    expect(user.get_by_role("main")).to_contain_text("The answer is longer than the limit.")
    path = run.split("/", 3)[3]
    _picture_everywhere(visitor, shot, "user", f"/{path}", "waiting")
    _picture_everywhere(visitor, shot, "user", "/inbox/", "inbox")

    approver = visitor("admin")
    approver.goto("/inbox/")
    number = re.search(r"Run (\d+)", user.locator(".workbar").inner_text())[1]
    approver.locator("[data-waits]", has_text=re.compile(rf"Support answer, run {number}\b")).click()
    expect(approver.get_by_role("article")).to_contain_text(QUESTION)
    approver.get_by_role("button", name="Approve").click()
    expect(approver.get_by_role("main")).to_contain_text("You approved")

    expect(user.locator(".workbar > .status")).to_have_text("Completed")
    expect(user.locator('.step[data-key="answer"] .name')).to_have_text("Answer for the customer")
    expect(user.get_by_role("region", name="Result")).to_contain_text("answer")
    kinds = [event["kind"] for event in _events(user, run)]
    assert kinds.count("run_completed") == 1
    assert kinds.count("rollback_started") == len(rolled)
    _picture_everywhere(visitor, shot, "user", f"/{path}", "completed")
    for address, label in (("/", "home"), ("/orchestrations/", "list"), ("/runs/", "runs")):
        _picture_everywhere(visitor, shot, "user", address, label)
    _picture_everywhere(visitor, shot, "admin", "/orchestrations/support-answer/edit/", "editor")
    _picture_everywhere(visitor, shot, "admin", "/knowledge/handbook/", "handbook")
    clean(user)
