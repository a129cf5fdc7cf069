from runs.pages.sentences import line, standing


def test_a_running_step_says_how_long_it_has_run(story):
    assert line(story.wait(4.6).scene(), "draft") == "4.6 s"


def test_a_completed_step_says_what_it_took(asked):
    assert line(asked.scene(), "draft") == "2.0 s · 414 tokens"


def test_what_a_step_says_of_itself_is_not_said_twice(story):
    story.wait(1).complete("draft", usage={"input_tokens": 400, "output_tokens": 14}, line="414 tokens")
    assert line(story.scene(), "draft") == "1.0 s · 414 tokens"


def test_a_condition_names_its_cases_as_its_card_does(asked):
    assert line(asked.scene(), "route") == "0.0 s · over 50"


def test_a_question_says_who_is_asked_and_since_when(asked):
    assert line(asked.wait(600).scene(), "ask") == "for Mary Okafor or Omar Haddad since 10:42"
    assert line(asked.scene(me="omar"), "ask") == "for you since 10:42"


def test_an_answer_says_who_gave_it_and_after_how_long(asked):
    asked.wait(231).vote("mary", "reject")
    assert line(asked.scene(), "ask") == "Mary Okafor rejected after 3 min 51 s"
    assert line(asked.scene(me="mary"), "ask") == "You rejected after 3 min 51 s"


def test_a_skipped_step_says_why(asked):
    asked.vote("mary", "approve")
    assert line(asked.scene(), "refuse").startswith("Skipped: ")
    asked.complete("pay")
    assert line(asked.scene(), "refuse") == "Skipped: another case was true"


def test_the_next_in_line_is_told_from_the_rest(story):
    assert line(story.scene(), "check") == "Pending, next in line"
    assert line(story.scene(), "pay") == "Pending"


def test_a_step_without_a_slot_waits_and_says_its_place_in_line(story):
    wait = {"limits": [], "since": None, "position": 3, "until": None}
    scene = story.scene(slots={"check": wait, "pay": {**wait, "until": "2026-11-25T10:42:10+00:00"}})
    assert line(scene, "check") == "for a free slot · 3rd"
    assert line(scene, "pay").startswith("for a free slot · until ")
    assert (standing(scene, "check"), standing(scene, "draft")) == ("WAITING", "RUNNING")


def test_a_retry_says_which_attempt_comes_when(asked):
    asked.vote("mary", "approve").fail("pay", "The bank is away.", retryable=True)
    assert line(asked.scene(), "pay") == "for attempt 2 of 3 at 10:42:12"


def test_a_failed_step_says_its_error(asked):
    asked.vote("mary", "approve").fail("pay", "The bank refused.")
    assert line(asked.scene(), "pay") == "The bank refused."


def test_after_a_rollback_a_step_counts_its_goes(story):
    story.complete("draft").complete("check", "failure", reason="Too long.")
    assert line(story.scene(), "draft").endswith("2nd go")
    assert line(story.scene(), "check") == "Pending, next in line · 2nd go"


def test_what_ran_in_a_run_that_was_rolled_back_is_undone(asked):
    assert line(asked.scene(undone=frozenset({"draft"})), "draft") == "What it did is undone"
