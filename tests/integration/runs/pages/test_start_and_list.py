import pytest
from django.urls import reverse

from builder.models import OrchestrationVersion
from runs.models import OrchestrationInstance
from tests.integration.runs.conftest import chain, step
from tests.integration.runs.pages.conftest import QUESTION


@pytest.fixture
def startable(lab, user):
    orchestration = lab.publish(QUESTION)
    lab.grant(user, "start", orchestration)
    return orchestration


def start(orchestration):
    return reverse("start", args=[orchestration.slug])


def test_a_run_starts_with_what_was_filled_in(as_, startable, user):
    went = as_(user).post(start(startable), {"in-what": "a vase"})
    run = OrchestrationInstance.objects.get(orchestration=startable)
    assert went.url == reverse("run", args=[run.pk])
    assert (run.input, run.started_by) == ({"what": "a vase"}, user)


def test_what_is_wrong_is_said_and_kept_and_nothing_starts(as_, startable, user):
    page = as_(user).post(start(startable), {"in-what": "a"}).content.decode()
    assert "Write at least 2 characters; these are 1." in page
    assert 'value="a"' in page
    assert not OrchestrationInstance.objects.exists()


def test_the_form_begins_with_the_readers_own_last_input(as_, asking, user, admin, lab):
    page = as_(user).get(start(asking.orchestration)).content.decode()
    assert 'value="a parcel"' in page
    lab.grant(admin, "start", asking.orchestration)
    assert 'value="a parcel"' not in as_(admin).get(start(asking.orchestration)).content.decode()


def test_running_again_takes_the_input_of_the_run_that_was_named(as_, asking, admin, other_user, lab):
    lab.grant(admin, "start", asking.orchestration)
    page = as_(admin).get(f"{start(asking.orchestration)}?from={asking.pk}").content.decode()
    assert 'value="a parcel"' in page
    lab.grant(other_user, "start", asking.orchestration)
    hidden = as_(other_user).get(f"{start(asking.orchestration)}?from={asking.pk}").content.decode()
    assert 'value="a parcel"' not in hidden


def test_it_says_who_will_be_asked(as_, startable, user, admin):
    assert "you or Ada" in as_(user).get(start(startable)).content.decode()


def test_what_it_takes_comes_from_runs_that_completed(as_, lab, user):
    doc = chain(step("a", value=1))
    run = lab.run(doc)
    lab.grant(user, "start", run.orchestration)
    assert "about 1 s, as in the last run" in as_(user).get(start(run.orchestration)).content.decode()


def test_who_may_not_start_it_cannot(as_, startable, other_user):
    assert as_(other_user).get(start(startable)).status_code == 404
    assert as_(other_user).post(start(startable), {"in-what": "a vase"}).status_code == 404


def test_what_is_not_published_says_so(as_, lab, superadmin):
    orchestration = lab.publish(QUESTION)
    OrchestrationVersion.objects.all().delete()
    type(orchestration).objects.update(published_number=0)
    assert "Not published yet" in as_(superadmin).get(start(orchestration)).content.decode()


def test_the_list_shows_what_one_may_see(as_, asking, user, other_user):
    assert "Question, run 1" in as_(user).get(reverse("runs")).content.decode()
    assert "No runs yet" in as_(other_user).get(reverse("runs")).content.decode()


def test_the_list_is_narrowed_by_status_orchestration_and_starter(as_, asking, superadmin):
    client, slug = as_(superadmin), asking.orchestration.slug
    for query, found in (
        ("status=WAITING", True), ("status=FAILED", False), (f"orchestration={slug}", True),
        ("orchestration=nope", False), ("mine=1", False), ("status=nonsense", True),
    ):  # fmt: skip
        page = client.get(f"{reverse('runs')}?{query}").content.decode()
        assert ("Question, run 1" in page) is found, query


def test_long_lists_have_pages_that_keep_the_filter(as_, lab, superadmin, monkeypatch):
    monkeypatch.setattr("runs.pages.listing.PAGE", 2)
    for _ in range(3):
        lab.run(chain(step("a", value=1)))
    page = as_(superadmin).get(f"{reverse('runs')}?status=COMPLETED").content.decode()
    assert "1 to 2 of 3" in page
    assert "?status=COMPLETED&amp;page=2" in page


def test_home_shows_what_waits_what_failed_and_what_one_may_start(as_, asking, user):
    page = as_(user).get(reverse("home")).content.decode()
    assert "One question waits for you" in page
    assert "Send a parcel?" in page
    assert "Start Question" in page


def test_home_of_a_newcomer_offers_an_example(as_, startable, user):
    page = as_(user).get(reverse("home")).content.decode()
    assert "Run the example" in page


def test_home_of_who_may_start_nothing_says_what_will_come(as_, other_user):
    assert "as soon as an Admin publishes it" in as_(other_user).get(reverse("home")).content.decode()
