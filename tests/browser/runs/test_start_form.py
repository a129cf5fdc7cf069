from playwright.sync_api import expect


def test_what_is_wrong_is_said_under_its_field_and_nothing_starts(page, login, shot):
    login(page, "user")
    page.goto("/orchestrations/support-answer/start/")
    page.get_by_label("Customer's question").fill("")
    page.get_by_label("Longest answer").fill("4")
    page.get_by_role("button", name="Start the run").click()
    question, longest = page.get_by_label("Customer's question"), page.get_by_label("Longest answer")
    expect(question).to_have_accessible_description("Fill this in.")
    expect(longest).to_have_accessible_description("At least 40.")
    expect(longest).to_have_value("4")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was started.")
    shot(page, "start-errors")


def test_it_says_who_will_be_asked_and_which_steps_there_are(page, login):
    login(page, "user")
    page.goto("/orchestrations/second-thoughts/start/")
    happens = page.get_by_role("region", name="What will happen")
    expect(happens).to_contain_text("you or admin")
    expect(happens.get_by_role("listitem")).to_have_count(6)


def test_it_remembers_the_last_input(page, login, start):
    login(page, "user")
    start(page, "second-thoughts", parcel="A crate of eggs")
    page.goto("/orchestrations/second-thoughts/start/")
    expect(page.get_by_label("What is shipped")).to_have_value("A crate of eggs")
    expect(page.get_by_text("As in run")).to_be_visible()


def test_it_works_without_script(visitor):
    page = visitor("user", script=False)
    page.goto("/orchestrations/second-thoughts/start/")
    page.get_by_label("What is shipped").fill("A letter")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="Run")).to_be_visible()
