"""Failing steps: retries, handled and unhandled failures, timeouts, defects (semantics 3 to 5)."""

from __future__ import annotations

import logging

import pytest

from runs import journal
from runs.models import Timer
from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, document, step, until


def test_a_failure_without_an_edge_fails_the_run(lab):
    run = lab.run(chain(step("a"), step("b", "fails"), step("c")))
    assert run.status == "FAILED"
    assert run.error == {"step": "b", "code": "flop", "message": "It did not work."}
    assert lab.statuses(run) == {"a": "COMPLETED", "b": "FAILED", "c": "PENDING"}
    assert lab.row(run, "b").error["message"] == "It did not work."


def test_semantic_4_a_failure_with_an_edge_is_handled(lab):
    doc = document(
        [step("b", "fails"), step("mend", value="{{ steps.b.error.message }}"), step("on")],
        [{"source": "b", "port": "failure", "target": "mend"}, {"source": "b", "target": "on"}],
    )
    run = lab.run(doc)
    assert run.status == "COMPLETED"
    assert lab.statuses(run) == {"b": "FAILED", "mend": "COMPLETED", "on": "SKIPPED"}
    assert lab.row(run, "mend").output == "It did not work."


def test_semantic_4_continue_goes_on_with_a_null_output(lab):
    run = lab.run(
        chain(
            step("b", "fails", on_failure={"action": "continue"}),
            step("c", value=["{{ steps.b.output }}", "{{ steps.b.error.code }}"]),
        )
    )
    assert run.status == "COMPLETED"
    assert lab.row(run, "c").output == [None, "flop"]


def test_retries_wait_longer_each_time_and_then_succeed(lab, later):
    run = lab.run(
        chain(step("b", "fails", times=2, retry={"max_attempts": 3, "delay_s": 2, "backoff": 3}), step("c"))
    )
    assert run.status == "WAITING"
    pause = Timer.objects.get()
    assert (pause.kind, pause.step, pause.attempt) == ("retry", "b", 1)
    assert later(1.9) == 0
    later(0.2)
    assert lab.fresh(run).status == "WAITING"
    assert later(5.9) == 0
    later(0.2)
    done = lab.fresh(run)
    assert done.status == "COMPLETED"
    assert lab.row(run, "b").output == {"tries": 3}
    assert lab.kinds(run, "b") == [*["step_started", "retry_scheduled"] * 2, "step_started", "step_completed"]
    assert not Timer.objects.exists()


def test_what_is_not_retryable_is_not_retried(lab):
    run = lab.run(chain(step("b", "fails", retryable=False, retry={"max_attempts": 5})))
    assert run.status == "FAILED"
    assert "retry_scheduled" not in lab.kinds(run)


def test_a_defect_of_a_step_type_is_a_readable_failure_with_a_logged_traceback(lab, caplog):
    with caplog.at_level(logging.ERROR, "runs.dispatch"):
        run = lab.run(chain(step("b", "breaks")))
    assert run.status == "FAILED"
    assert lab.row(run, "b").error["code"] == "unexpected"
    assert "ZeroDivisionError: a defect" in lab.row(run, "b").error["message"]
    assert caplog.records[0].exc_info is not None


def test_a_template_that_fails_fails_its_step_and_names_the_field(lab):
    run = lab.run(chain(step("b", value="{{ 1 / 0 }}")))
    assert run.error["code"] == "template"
    assert "value" in run.error["message"]


@pytest.mark.parametrize(
    ("output", "code"),
    [({1, 2}, "output_not_json"), ("\ud800", "output_not_json"), (2**80, "output_not_json")],
)
def test_an_output_that_is_not_json_fails_the_step(lab, monkeypatch, output, code):
    monkeypatch.setattr(kinds.Echo, "run", lambda self, context: kinds.StepResult(output=output))
    run = lab.run(chain(step("a")))
    assert run.error["code"] == code


def test_a_port_that_the_step_does_not_have_fails_it(lab):
    run = lab.run(chain(step("a", "judge", take=["maybe"])))
    assert run.error["code"] == "unknown_port"


def test_ending_on_failure_fails_the_step_and_keeps_its_output(lab):
    run = lab.run(chain(step("a", "judge", take=["failure"])))
    assert run.status == "FAILED"
    assert run.error["message"] == "It was found wanting."
    assert lab.row(run, "a").output == {"took": ["failure"]}


def test_semantic_5_running_steps_end_before_the_run_fails(lab):
    doc = document(
        [step("bad", "fails"), step("slow"), step("after")], [{"source": "slow", "target": "after"}]
    )
    run = lab.start(doc)
    lab.runtime.executor.step()
    assert lab.fresh(run).status == "RUNNING"
    lab.drain()
    assert lab.fresh(run).status == "FAILED"
    assert lab.statuses(run) == {"bad": "FAILED", "slow": "COMPLETED", "after": "PENDING"}


def test_a_timeout_is_recorded_by_who_waits_and_the_late_result_is_ignored(threads):
    run = threads.start(chain(step("b", "blocks", listens=False, timeout_s=0.05)))
    until(lambda: threads.fresh(run).status == "FAILED")
    executor = threads.runtime.executor
    assert threads.row(run, "b").error["code"] == "timeout"
    assert threads.row(run, "b").error["message"] == "The step took longer than its 0.05 seconds."
    assert (executor.stuck, executor.replaced) == (1, 1)
    kinds.Blocks.gate.set()
    until(lambda: "late_result_ignored" in threads.kinds(run))
    until(lambda: executor.stuck == 0)
    assert threads.row(run, "b").status == "FAILED"


def test_stuck_threads_do_not_keep_other_runs_waiting(threads):
    stuck = [threads.start(chain(step("b", "blocks", listens=False, timeout_s=0.05))) for _ in range(5)]
    run = threads.start(chain(step("a"), step("b")))
    until(lambda: threads.fresh(run).status == "COMPLETED")
    until(lambda: all(threads.fresh(one).status == "FAILED" for one in stuck))
    assert threads.runtime.executor.stuck == 5


def test_a_timeout_is_retried_like_any_failure_and_the_first_attempt_stays_ignored(threads, lab_timers):
    doc = chain(step("b", "blocks", listens=False, timeout_s=0.05, retry={"max_attempts": 2, "delay_s": 0}))
    run = threads.start(doc)
    until(lambda: "retry_scheduled" in threads.kinds(run))
    kinds.Blocks.gate.set()
    until(lambda: threads.fresh(run).status == "COMPLETED")
    assert threads.kinds(run).count("step_completed") == 1
    _, _, state = journal.load(run.pk)
    assert state.steps["b"].attempt == 2
