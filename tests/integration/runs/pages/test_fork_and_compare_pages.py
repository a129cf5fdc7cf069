"""The pages of semantic 8: running again with changes, and two runs beside each other."""

from __future__ import annotations

import pytest
from django.urls import reverse

from builder.models import OrchestrationVersion
from runs import verbs
from runs.models import OrchestrationInstance
from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, step
from tests.integration.runs.pages.conftest import QUESTION


@pytest.fixture
def source(asking, question, user, lab):
    verbs.decide_approval(user, question, "approve", "Go")
    lab.drain()
    return lab.fresh(asking)


def fork_page(client, run, query=""):
    return client.get(f"{reverse('run_fork', args=[run.pk])}{query}")


def post(client, run, **data):
    return client.post(
        reverse("run_fork", args=[run.pk]), {"from": "ask", "version": "1", "in-what": "a parcel"} | data
    )


def newest():
    return OrchestrationInstance.objects.order_by("-number").first()


def test_the_page_says_what_is_taken_over_and_what_runs(as_, source, user):
    html = fork_page(as_(user), source, "?from=ask").content.decode()
    assert "Prepare: not run again" in html
    assert 'value="a parcel"' in html
    assert "made" in html  # the output that can be edited
    assert "out-first" in html
    assert "out-ask" not in html


def test_without_changes_the_fork_takes_over_what_came_before(as_, source, user, lab):
    answer = post(as_(user), source)
    made = newest()
    assert answer.url == reverse("run", args=[made.pk])
    assert made.forked_from_id == source.pk
    lab.drain()
    assert lab.row(made, "first").attempt == 0
    assert lab.fresh(made).status == "WAITING"


def test_an_edited_output_and_input_are_what_the_rest_sees(as_, source, user, lab):
    post(as_(user), source, **{"in-what": "a book", "out-first": '{"made": "by hand"}'})
    lab.drain()
    asked = newest().approvals.get()
    assert (asked.message, asked.evidence[0]["value"]) == ("Send a book?", "by hand")


@pytest.mark.parametrize(
    ("data", "words"),
    [({"out-first": "{made"}, "This is not JSON"), ({"in-what": "x"}, "Write at least 2 characters")],
)
def test_what_is_wrong_is_said_under_its_field_and_nothing_starts(as_, source, user, data, words):
    answer = post(as_(user), source, **data)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert OrchestrationInstance.objects.count() == 1


def test_a_version_that_does_not_fit_says_where_not(as_, source, user):
    edges = [{"source": "first", "target": "check"}, {"source": "check", "target": "ask"}]
    OrchestrationVersion.objects.create(
        orchestration=source.orchestration, number=2, document={**QUESTION, "edges": edges}, sha256="1" * 64
    )
    html = fork_page(as_(user), source, "?from=ask&version=2").content.decode()
    assert "Version 2 does not fit at Send: the edge to it from ask (approved) is gone." in html
    assert "Start the new run" not in html


def test_who_may_not_start_it_cannot_fork_it(as_, source, other_user, admin):
    assert fork_page(as_(other_user), source).status_code == 404
    assert fork_page(as_(admin), source).status_code == 403


def test_a_forked_run_says_where_it_and_its_results_come_from(as_, source, user, lab):
    post(as_(user), source)
    lab.drain()
    made = newest()
    shown = as_(user).get(reverse("run_view", args=[made.pk]) + "?step=first").json()
    assert shown["cards"]["first"]["line"] == "Taken over from run 1"
    assert reverse("run", args=[source.pk]) in shown["regions"]["bar"]
    assert "Compare with its source" in shown["regions"]["bar"]
    assert "Taken over from run 1" in shown["regions"]["side"]


def compare(client, **query):
    return client.get(reverse("run_compare"), query)


def test_two_runs_stand_beside_each_other_with_what_differs(as_, source, user, lab):
    client = as_(user)
    post(client, source, **{"out-first": '{"made": "by hand"}'})
    lab.drain()
    made = newest()
    verbs.decide_approval(user, made.approvals.get(), "reject", "No")
    lab.drain()
    html = compare(client, left=source.pk).content.decode()
    for words in (
        "Run 2 was run again with changes from run 1. Same input, same version 1.",
        "They part at <b>Prepare</b>: output edited.",
        "approved / rejected",
        "only in 1",
        "only in 2",
        "<del>a parcel</del>",
        "<ins>by hand</ins>",
    ):
        assert words in html
    assert "Decide, output" in compare(client, left=source.pk, right=made.pk, step="ask").content.decode()


def test_a_run_without_another_says_so(as_, source, user):
    assert "There is no other run yet" in compare(as_(user), left=source.pk).content.decode()


def test_nobody_compares_what_they_may_not_see(as_, source, other_user):
    assert compare(as_(other_user), left=source.pk).status_code == 404
    assert compare(as_(other_user), left="nonsense").status_code == 404


def test_a_large_output_is_not_shown_and_can_be_replaced(as_, lab, superadmin):
    run = lab.run(
        chain(step("big", value="x" * 30_000), step("next", value="{{ steps.big.output | length }}"))
    )
    client = as_(superadmin)
    html = fork_page(client, run, "?from=next").content.decode()
    assert "The output has 30002 characters, too many to show here." in html
    assert "It needs no input." in html
    client.post(reverse("run_fork", args=[run.pk]), {"from": "next", "version": "1", "out-big": '"short"'})
    lab.drain()
    assert lab.row(newest(), "next").output == 5


def test_nothing_can_be_forked_before_a_step_has_ended(as_, lab, superadmin):
    run = lab.start(chain(step("a"), step("b")))
    assert "Nothing has ended yet" in fork_page(as_(superadmin), run).content.decode()


def test_a_run_that_goes_on_is_compared_as_far_as_it_is(as_, source, user, lab):
    client = as_(user)
    post(client, source)
    lab.drain()
    html = compare(client, left=source.pk, right=newest().pk).content.decode()
    for words in ("taken over", "not yet in 2", "still waiting", "completed / waiting"):
        assert words in html


def test_what_failed_shows_its_error_beside_the_output(as_, lab, superadmin):
    orchestration = lab.publish(chain(step("try", "fails", retryable=False, times=1)))
    runs = [verbs.start(superadmin, orchestration, {}) for _ in range(2)]
    lab.drain()
    html = compare(as_(superadmin), left=runs[0].pk, right=runs[1].pk).content.decode()
    assert "No step differs." in html
    assert "try, output" not in html


def test_a_result_that_serves_again_says_so(as_, lab, user, monkeypatch):
    """semantic 8: on the card, in the panel and in a comparison."""
    orchestration = lab.publish(chain(step("first"), step("find", "echo"), step("last")))
    lab.grant(user, "start", orchestration)
    monkeypatch.setattr(kinds.Echo, "reusable", lambda self, config: True)
    run = verbs.start(user, orchestration, {})
    lab.drain()
    verbs.rollback(user, lab.fresh(run), to="first")
    lab.drain()
    shown = as_(user).get(reverse("run_view", args=[run.pk]) + "?step=find").json()
    assert shown["cards"]["find"]["line"].startswith("Result reused")
    assert "Result reused: nothing was run for it" in shown["regions"]["side"]
