import re

from playwright.sync_api import expect


def test_approving_in_place_goes_on_along_approved(page, login, start, becomes, card):
    login(page, "user")
    start(page, "second-thoughts")
    becomes(page, "Waiting")
    page.get_by_label("Comment").fill("In a hurry")
    page.get_by_role("button", name="Approve").click()
    expect(card(page, "choose")).to_contain_text("You approved after")
    expect(card(page, "careful")).to_contain_text("Skipped: not rejected")


def test_rejecting_in_place_goes_on_along_rejected(page, login, start, becomes, card):
    login(page, "user")
    start(page, "second-thoughts")
    becomes(page, "Waiting")
    page.get_by_role("button", name="Reject").click()
    becomes(page, "Completed")
    expect(card(page, "choose")).to_contain_text("You rejected after")
    expect(card(page, "fast")).to_contain_text("Skipped: not approved")


def test_a_comment_that_was_begun_survives_what_happens_meanwhile(page, login, start, becomes):
    login(page, "user")
    start(page, "second-thoughts")
    becomes(page, "Waiting")
    page.get_by_label("Comment").fill("Half a sen")
    with page.expect_response(re.compile("view.json")):
        page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    page.keyboard.type("tence")
    expect(page.get_by_label("Comment")).to_have_value("Half a sentence")
    expect(page.get_by_label("Comment")).to_be_focused()


def test_who_comes_second_is_told_who_was_first(visitor, start, becomes, noise):
    noise.allow("409")
    user, admin = visitor("user"), visitor("admin", script=False)
    address = start(user, "second-thoughts", parcel="A contested vase")
    becomes(user, "Waiting")
    admin.goto(address)
    user.get_by_role("button", name="Reject").click()
    becomes(user, "Completed")
    admin.get_by_role("button", name="Approve").click()
    expect(admin.get_by_role("heading", level=1)).to_contain_text("user")
    admin.goto("/inbox/")
    expect(admin.locator(".mail", has_text="A contested vase")).to_contain_text("User was first")


def test_the_inbox_shows_the_oldest_question_with_its_evidence(visitor, start, becomes, shot):
    user = visitor("user")
    start(user, "second-thoughts", parcel="The inbox vase")
    becomes(user, "Waiting")
    user.goto("/inbox/")
    user.locator(".mail", has_text="The inbox vase").click()
    question = user.get_by_role("article")
    expect(question.get_by_role("heading", level=2)).to_have_text("Ship The inbox vase the fast way?")
    expect(question).to_contain_text("Fragile")
    shot(user, "inbox")
    question.get_by_role("button", name="Reject").click()
    answered = user.locator(".mail", has_text="The inbox vase")
    expect(answered).to_contain_text("You rejected")


def test_a_question_arrives_live_in_the_bar_and_in_the_list(visitor, start, becomes):
    reader, starter = visitor("admin"), visitor("user")
    reader.goto("/inbox/")
    start(starter, "second-thoughts", parcel="A live parcel")
    becomes(starter, "Waiting")
    expect(reader.locator(".mail", has_text="A live parcel")).to_be_visible()
    expect(reader.locator("[data-inbox-link] .count")).to_be_visible()
    starter.get_by_role("button", name="Reject").click()
    expect(reader.locator(".mail", has_text="A live parcel")).to_contain_text("User was first")


def test_home_answers_in_place(visitor, start, becomes, shot):
    user = visitor("user")
    start(user, "second-thoughts", parcel="A homely vase")
    becomes(user, "Waiting")
    address = user.url
    user.goto("/")
    ask = user.get_by_role("article").filter(has_text="A homely vase")
    shot(user, "home")
    ask.get_by_role("button", name="Reject").click()
    expect(ask).to_have_count(0)
    user.goto(address)
    becomes(user, "Completed")


def test_an_answer_is_given_without_script(visitor, start, becomes):
    page = visitor("user")
    address = start(page, "second-thoughts", parcel="A plain vase")
    becomes(page, "Waiting")
    plain = visitor("user", script=False)
    plain.goto(address)
    plain.get_by_role("button", name="Reject").click()
    expect(plain).to_have_url(re.compile("/runs/"))
    becomes(page, "Completed")


def test_who_is_asked_sees_the_run_but_may_not_stop_it(visitor, start, becomes, site):
    admin, user = visitor("admin"), visitor("user")
    address = start(admin, "second-thoughts", parcel="Not yours")
    becomes(admin, "Waiting")
    user.goto(address)
    expect(user.get_by_role("button", name="Approve")).to_be_visible()
    expect(user.locator("summary", has_text="Cancel")).to_have_count(0)
    expect(user.get_by_role("link", name="Roll back")).to_have_count(0)
    token = next(one["value"] for one in user.context.cookies() if one["name"] == "csrftoken")
    refused = user.request.post(f"{address}cancel/", form={"csrfmiddlewaretoken": token})
    assert refused.status == 403
    assert "You may not" in refused.text()
