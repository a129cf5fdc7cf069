from runs.pages.look import Look
from runs.pages.verdict import suggestion, verdict


def failed(asked, **error):
    return asked.vote("mary", "approve").fail("pay", "the bank refused.", **error)


def test_it_is_one_sentence_with_what_it_means_and_what_did_not_run(story):
    story.fail("draft", "the model is away.", retryable=True, sent="POST /v1", received="503")
    band = verdict(story.scene(), Look())
    assert (band["step"], band["sentence"]) == ("Draft", "The model is away.")
    assert band["means"] == "This may pass by itself: retrying sends the same again."
    assert band["not_run"] == "Not run: Check, How much?, Team lead decides and 2 more."
    assert (band["sent"], band["received"]) == ("POST /v1", "503")


def test_what_will_not_pass_by_itself_is_said(asked):
    band = verdict(failed(asked).scene(), Look())
    assert band["means"] == "Retrying will give the same until what it works on is changed."
    assert band["retryable"] is False


def test_the_limit_of_automatic_rollbacks_is_said(story):
    for _ in range(3):
        story.complete("draft").complete("check", "failure", reason="Too long.")
    band = verdict(story.scene(), Look())
    assert band["means"] == "It was rolled back 2 times by itself, which is the limit."


def test_the_first_checkpoint_offered_is_the_last_answer_of_a_person(asked):
    assert suggestion(failed(asked).scene(), "pay") == "ask"


def test_without_an_answer_upstream_it_is_the_step_before(story):
    story.complete("draft")
    assert suggestion(story.scene(), "check") == "draft"
    assert suggestion(story.scene(), "draft") == "draft"
