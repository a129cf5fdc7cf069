from runs.engine import commands
from runs.engine.state import HANDLERS
from runs.pages.retold import KINDS, entry, sentence


def told(story, **more):
    return [row["text"] for row in entry(story.scene(**more), story.last)]


def test_the_start_says_who_and_which_version(story):
    assert told(story) == ["You started the run with version 7", "Draft started"]
    assert told(story, me="mary")[0] == "Anna started the run with version 7"


def test_an_end_and_what_it_frees_are_one_entry(story):
    assert told(story.complete("draft")) == ["Draft completed", "Check started"]


def test_a_way_out_is_named_as_on_the_card(story):
    story.complete("draft").complete("check").complete("route", "large")
    assert told(story)[0] == "How much? completed on over 50"


def test_a_question_and_its_answer_name_the_people(asked):
    assert told(asked) == ["Team lead decides asks Mary Okafor or Omar Haddad: Pay?"]
    assert told(asked.vote("mary", "approve", "Fine by me."))[0] == "Mary Okafor approved: Fine by me"


def test_a_rollback_says_that_it_came_by_itself_and_why(story):
    story.complete("draft").complete("check", "failure", reason="Too long.")
    sentences = told(story)
    assert "Rolled back to Draft by itself, time 1: Too long" in sentences
    assert any(text.startswith("Set back: Draft, Check") for text in sentences)


def test_a_rollback_by_hand_names_the_person_and_the_reason(asked):
    asked.do(commands.Rollback("check", "anna", "Wrong amount."))
    assert told(asked)[0] == "You rolled back to Check: Wrong amount"


def test_a_failure_says_whether_the_run_goes_on(asked):
    asked.vote("mary", "approve").fail("pay", "The bank refused.")
    assert told(asked)[0] == "Pay failed: The bank refused"
    assert "The run failed: The bank refused" in told(asked)


def test_cancelling_names_the_person(asked):
    asked.do(commands.Cancel("anna", "Wrong customer"))
    assert "You cancelled the run: Wrong customer" in told(asked)


def test_a_kind_that_nobody_knows_yet_is_spelled_out(story):
    scene = story.scene()
    assert sentence(scene, {"kind": "coin_tossed", "step": "pay", "data": {}}) == "Pay: coin tossed"
    assert sentence(scene, {"kind": "moon_changed", "data": {}}) == "Moon changed"


def test_every_kind_of_event_that_the_engine_can_say_has_its_sentence():
    assert set(HANDLERS) <= set(KINDS)
