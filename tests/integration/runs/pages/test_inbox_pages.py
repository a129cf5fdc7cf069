import pytest
from django.urls import reverse

from runs import verbs
from runs.models import Approval
from tests.integration.runs.conftest import document


def opened(client, approval):
    return client.get(reverse("approval", args=[approval.pk])).content.decode()


def answer(client, approval, decision, **fields):
    return client.post(reverse("decide", args=[approval.pk]), {"decision": decision, **fields})


def test_the_oldest_question_is_open_with_its_evidence_and_what_follows(as_, question, user):
    page = as_(user).get(reverse("inbox")).content.decode()
    assert "Send a parcel?" in page
    assert "Made" in page
    assert "Approving goes on with Send. Rejecting goes on with Check." in page


def test_an_empty_inbox_says_what_belongs_there(as_, superadmin):
    assert "Nothing waits for you" in as_(superadmin).get(reverse("inbox")).content.decode()


def test_an_answer_leads_back_to_the_inbox_or_to_where_one_was(as_, asking, question, user):
    went = answer(as_(user), question, "approve", comment="Fine", next=reverse("run", args=[asking.pk]))
    assert went.url == reverse("run", args=[asking.pk])
    question.refresh_from_db()
    assert (question.status, question.comment) == ("approved", "Fine")


def test_each_reader_sees_what_became_of_it(as_, question, user, admin):
    answer(as_(user), question, "approve")
    assert "You approved" in opened(as_(user), question)
    assert "Uma was first" in opened(as_(admin), question)


def test_a_second_answer_is_refused_with_who_was_first(as_, question, user, admin):
    answer(as_(user), question, "approve")
    late = answer(as_(admin), question, "reject")
    assert late.status_code == 409
    assert "uma" in late.content.decode()


def test_a_question_that_a_rollback_withdrew_no_longer_counts(as_, asking, question, user, lab):
    verbs.rollback(user, asking, to="first")
    lab.drain()
    assert "No longer counts" in opened(as_(user), question)
    assert Approval.objects.filter(status="pending").count() == 1


def test_who_is_not_asked_finds_nothing(as_, question, other_user):
    client = as_(other_user)
    assert client.get(reverse("approval", args=[question.pk])).status_code == 404
    assert answer(client, question, "approve").status_code == 404


def test_a_decision_that_is_none_is_refused(as_, question, user):
    page = answer(as_(user), question, "perhaps")
    assert "decision must be approve or reject." in page.content.decode()


FORM = {
    "type": "object",
    "properties": {"amount": {"type": "number", "title": "Amount", "maximum": 150}},
    "required": ["amount"],
}


def with_form(lab, user):
    config = {"message": "How much?", "assignees": ["uma"], "form": FORM}
    run = lab.start(document([{"key": "ask", "type": "approval", "config": config}], []), user=user)
    lab.drain()
    return run.approvals.get()


def test_a_question_with_a_form_takes_its_data(as_, lab, user):
    question = with_form(lab, user)
    assert "Amount" in opened(as_(user), question)
    answer(as_(user), question, "approve", **{"data-amount": "95.5"})
    question.refresh_from_db()
    assert (question.status, question.data) == ("approved", {"amount": 95.5})


def test_what_is_wrong_in_the_form_is_said_under_its_field_and_nothing_is_decided(as_, lab, user):
    question = with_form(lab, user)
    page = answer(as_(user), question, "approve", **{"data-amount": "200", "comment": "Too much?"})
    text = page.content.decode()
    assert "At most 150." in text
    assert 'value="200"' in text
    assert "Too much?" in text
    question.refresh_from_db()
    assert question.status == "pending"


def test_rejecting_needs_no_form(as_, lab, user):
    question = with_form(lab, user)
    answer(as_(user), question, "reject")
    question.refresh_from_db()
    assert question.status == "rejected"


def test_a_quorum_says_who_has_answered_and_waits_for_the_rest(as_, lab, user, other_user):
    config = {"message": "Both?", "assignees": ["uma", "otto"], "quorum": 2}
    run = lab.start(document([{"key": "ask", "type": "approval", "config": config}], []), user=user)
    lab.drain()
    question = run.approvals.get()
    answer(as_(user), question, "approve", comment="Fine by me")
    assert "You approved, others are asked too" in opened(as_(user), question)
    page = opened(as_(other_user), question)
    assert "1 of 2" in page
    assert "Fine by me" in page


def test_the_badge_in_the_bar_counts_what_waits(as_, question, user, superadmin):
    assert "waiting for you" in as_(user).get(reverse("runs")).content.decode()
    assert "waiting for you" not in as_(superadmin).get(reverse("runs")).content.decode()


@pytest.fixture
def reasked(asking, question, user, lab):
    """Answered, rolled back to the step before the question, and asked again."""
    verbs.decide_approval(user, question, "approve", "Go")
    lab.drain()
    verbs.rollback(user, lab.fresh(asking), to="first", reason="Once more")
    lab.drain()
    return asking.approvals.get(status="pending")


def test_a_question_that_is_asked_again_shows_the_earlier_answer(as_, reasked, asking, user):
    """semantic 8: who, what, when, and whether what is shown has changed."""
    address = reverse("run_view", args=[asking.pk])
    side = as_(user).get(address).json()["regions"]["side"]
    for html in (side, as_(user).get(reverse("approval", args=[reasked.pk])).content.decode()):
        assert "Answered before, and rolled back" in html
        assert "You approved" in html
        assert "What is shown is the same as then." in html
    reasked.evidence = [{"title": "Made", "value": "by hand"}]
    reasked.save()
    assert "Changed since: Made." in as_(user).get(address).json()["regions"]["side"]


def test_an_answer_to_what_was_not_shown_is_refused_with_a_sentence(as_, reasked, question, user):
    """semantic 8: the form carries the hash of what it showed."""
    assert f'name="content_hash" value="{reasked.content_hash}"' in opened(as_(user), reasked)
    reasked.evidence, reasked.content_hash = [{"title": "Made", "value": "by hand"}], "0" * 64
    reasked.save()
    refused = answer(as_(user), reasked, "approve", content_hash=question.content_hash)
    assert refused.status_code == 409
    assert "Nothing was answered: the evidence changed meanwhile." in refused.content.decode()
