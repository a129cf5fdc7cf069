"""An unchanged result serves again after a rollback and in a fork (semantic 8)."""

from __future__ import annotations

import pytest

import steps
from knowledge.models import KnowledgeBase
from runs import forks, verbs
from steps import retrieve
from steps.base import StepContext, StepResult
from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, step


class Looks(kinds.Echo):
    """An echo that may serve again, and rests on a base."""

    type = "looks"

    def reusable(self, config):
        return True

    def rests_on(self, config):
        return retrieve.revisions(["base"])

    def run(self, context: StepContext):
        self.runs[context.key] += 1
        return StepResult(output=context.config.get("value"), usage={"input_tokens": 7}, cost=0.5)


@pytest.fixture
def source(lab, monkeypatch):
    monkeypatch.setitem(steps.TYPES, "looks", Looks())
    KnowledgeBase.objects.create(name="Base", slug="base")
    kinds.Echo.runs.clear()
    run = lab.run(chain(step("a", value="{{ input.what }}"), step("b", "looks", value="{{ steps.a.output }}"),
                        step("c", value="end")), {"what": "tea"})  # fmt: skip
    assert run.cost == 0.5
    return run


def test_what_is_unchanged_is_not_done_again_after_a_rollback(lab, source):
    verbs.rollback(lab.starter, source, to="a")
    lab.drain()
    assert (lab.fresh(source).status, lab.fresh(source).cost) == ("COMPLETED", 0.5)
    assert kinds.Echo.runs == {"a": 2, "b": 1, "c": 2}
    assert lab.kinds(source, "b")[-2:] == ["result_reused", "step_completed"]
    assert (lab.row(source, "b").cost, lab.row(source, "b").output) == (0, "tea")


def test_a_changed_base_is_searched_again(lab, source):
    KnowledgeBase.objects.update(revision=2)
    verbs.rollback(lab.starter, source, to="a")
    lab.drain()
    assert kinds.Echo.runs["b"] == 2


def test_the_step_that_is_rolled_back_to_runs_for_real(lab, source):
    verbs.rollback(lab.starter, source, to="b")
    lab.drain()
    assert kinds.Echo.runs["b"] == 2


@pytest.mark.parametrize(("what", "times"), [("tea", 1), ("milk", 2)])
def test_a_fork_does_again_only_what_its_changes_reach(lab, source, what, times):
    made = forks.fork(lab.starter, source, "a", {"what": what})
    lab.drain()
    assert lab.row(made, "b").output == what
    assert kinds.Echo.runs["b"] == times
    reused = [event for event in verbs.events(made) if event["kind"] == "result_reused"]
    assert [event["data"]["number"] for event in reused] == [1] * (2 - times)
