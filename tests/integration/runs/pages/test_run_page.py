import pytest
from django.urls import reverse

from runs import verbs


def address(name, run):
    return reverse(name, args=[run.pk])


def view(client, run, query=""):
    answer = client.get(f"{address('run_view', run)}{query}")
    assert answer.status_code == 200
    return answer.json()


def test_it_says_what_each_card_and_edge_is(as_, asking, user):
    shown = view(as_(user), asking)
    assert (shown["status"], shown["over"], shown["hot"]) == ("WAITING", False, "ask")
    assert shown["cards"]["first"]["status"] == "COMPLETED"
    assert shown["cards"]["ask"]["line"].startswith("for you since")
    assert shown["edges"] == ["taken", "", ""]
    assert set(shown["regions"]) == {"bar", "verdict", "side", "slider"}


def test_the_page_and_its_json_come_from_one_view(as_, asking, user):
    page = as_(user).get(address("run", asking)).content.decode()
    for part in ("Prepare", "Decide", "Send a parcel?", "Started by you"):
        assert part in page


def test_a_question_is_answered_in_the_panel_by_who_is_asked(as_, asking, user, other_user, lab, admin):
    assert "Approve" in view(as_(user), asking)["regions"]["side"]
    assert "Approve" in view(as_(admin), asking)["regions"]["side"]


def test_who_may_only_look_has_no_buttons_to_act(as_, asking, admin, user):
    assert "Cancel" in view(as_(user), asking)["regions"]["bar"]
    assert "Cancel" not in view(as_(admin), asking)["regions"]["bar"]


def test_a_stranger_finds_nothing_and_cannot_act(as_, asking, other_user):
    stranger = as_(other_user)
    for name in ("run", "run_view"):
        assert stranger.get(address(name, asking)).status_code == 404
    for name in ("run_cancel", "run_retry", "run_rollback"):
        assert stranger.post(address(name, asking)).status_code == 404


def test_who_sees_it_but_may_not_act_is_refused(as_, asking, admin):
    refused = as_(admin).post(address("run_cancel", asking))
    assert refused.status_code == 403
    assert "You may not" in refused.content.decode()


def test_nobody_acts_by_a_link(as_, asking, user):
    for name in ("run_cancel", "run_retry", "run_rollback"):
        assert as_(user).get(address(name, asking)).status_code == 405


def test_who_is_not_signed_in_is_asked_to(client, asking):
    for name in ("run", "run_view"):
        assert client.get(address(name, asking)).status_code == 302


@pytest.fixture
def failed(asking, question, user, lab):
    verbs.decide_approval(user, question, "reject", "Not like this")
    lab.drain()
    return lab.fresh(asking)


def test_a_failed_run_says_why_and_offers_what_one_can_do(as_, failed, user):
    shown = view(as_(user), failed)
    verdict = shown["regions"]["verdict"]
    assert "It never fits." in verdict
    assert "?back=ask" in verdict
    assert "Retry as it is" in verdict


def test_a_preview_numbers_the_cards_and_changes_nothing(as_, failed, user, lab):
    shown = view(as_(user), failed, "?back=ask")
    assert {key: card["no"] for key, card in shown["cards"].items()} == {
        "first": 0,
        "ask": 2,
        "send": 0,
        "check": 1,
    }
    assert "Roll back 2 steps" in shown["regions"]["side"]
    assert lab.fresh(failed).status == "FAILED"


def test_rolling_back_without_script_leads_to_the_run(as_, failed, user, lab):
    answer = as_(user).post(address("run_rollback", failed), {"to": "ask", "reason": "Once more"})
    assert answer.url == address("run", failed)
    lab.drain()
    assert lab.fresh(failed).status == "WAITING"


def test_rolling_back_the_whole_run_leaves_cards_that_say_so(as_, failed, user, lab):
    as_(user).post(address("run_rollback", failed), {"to": "*"})
    lab.drain()
    shown = view(as_(user), failed)
    assert shown["status"] == "ROLLED_BACK"
    assert shown["cards"]["first"]["line"] == "What it did is undone"


def test_a_preview_that_the_state_refuses_says_why(as_, asking, user):
    shown = view(as_(user), asking, "?back=send")
    assert "is-failed" in shown["regions"]["side"]
    assert "Roll back 1 step" not in shown["regions"]["side"]


def test_the_script_is_told_where_to_go_and_refusals_as_sentences(as_, failed, user):
    client = as_(user)
    refused = client.post(address("run_cancel", failed), headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_running")
    done = client.post(
        address("run_retry", failed),
        {"next": f"{address('run', failed)}?tab=log"},
        headers={"Accept": "application/json"},
    )
    assert done.json() == {"go": f"{address('run', failed)}?tab=log"}


def test_an_act_never_leads_to_another_site(as_, failed, user):
    answer = as_(user).post(address("run_retry", failed), {"next": "https://elsewhere.example/"})
    assert answer.url == address("run", failed)


def test_the_past_is_shown_as_it_was_and_nothing_can_be_done_there(as_, failed, user):
    shown = view(as_(user), failed, "?at=1")
    assert shown["past"] is True
    assert shown["cards"]["first"]["status"] == "RUNNING"
    assert shown["regions"]["verdict"].strip() == ""
    assert "As it was at" in shown["regions"]["bar"]
    assert "Retry" not in shown["regions"]["bar"]


@pytest.mark.parametrize(
    "query", ["?at=99999999999", "?at=-1", "?at=x", "?step=nope", "?back=nope", "?tab=nope", "?level=nope"]
)
def test_a_query_that_means_nothing_is_not_asked(as_, asking, user, query):
    assert view(as_(user), asking, query)["past"] is False


@pytest.mark.parametrize("tab", ["timeline", "log", "data", "journal"])
@pytest.mark.parametrize("step", ["", "ask", "first", "send"])
def test_every_tab_of_every_step_can_be_looked_at(as_, asking, user, tab, step):
    assert view(as_(user), asking, f"?tab={tab}&step={step}")["regions"]["side"]


def test_a_step_shows_what_it_got_and_what_came_out(as_, asking, user):
    side = view(as_(user), asking, "?step=first")["regions"]["side"]
    assert "a parcel" in side
    assert "Roll back to here" in side


def test_what_a_run_was_given_is_shown_as_text_never_as_markup(as_, lab, user):
    from tests.integration.runs.pages.conftest import QUESTION

    orchestration = lab.publish(QUESTION)
    lab.grant(user, "start", orchestration)
    run = verbs.start(user, orchestration, {"what": "<img src=x onerror=alert(1)>"})
    lab.drain()
    for tab in ("timeline", "data", "journal"):
        page = as_(user).get(f"{address('run', run)}?tab={tab}").content.decode()
        assert "<img src=x" not in page
