"""start_run, recover and rebuild_projections from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from runs import verbs, workers
from runs.models import OrchestrationInstance, StepRun, Worker
from tests.integration.runs.conftest import chain, step


def call(name, *args):
    said = StringIO()
    call_command(name, *args, stdout=said, stderr=said)
    return said.getvalue()


@pytest.fixture
def quiet(lab):
    """A laboratory whose process is no worker: the command may be one."""
    lab.runtime.detach()
    return lab


def test_start_run_leaves_the_execution_to_a_server(quiet):
    orchestration = quiet.publish(chain(step("a")))
    said = call("start_run", orchestration.slug)
    run = OrchestrationInstance.objects.get()
    assert said == f"Run 1 is under way: {run.pk}\n"
    assert run.status == "RUNNING"
    assert StepRun.objects.get().status == "PENDING"
    assert run.started_by == quiet.starter


def test_start_run_wait_executes_it_here_and_prints_the_output(quiet, tmp_path):
    orchestration = quiet.publish(
        chain(step("a", value="{{ input.n + 1 }}"), step("nap", "sleeps", seconds=0.05))
    )
    file = tmp_path / "input.json"
    file.write_text('{"n": 4}')
    said = call("start_run", orchestration.slug, "--input", f"@{file}", "--wait")
    assert json.loads(said)["nap"]["slept"] is True
    assert quiet.row(OrchestrationInstance.objects.get(), "a").output == 5
    worker = Worker.objects.get()
    assert worker.stopped_at is not None


def test_start_run_wait_ends_with_an_error_when_the_run_fails(quiet):
    orchestration = quiet.publish(chain(step("a", "fails")))
    with pytest.raises(CommandError, match=r"Run 1 is FAILED\. It did not work\."):
        call("start_run", orchestration.slug, "--wait")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere"], "no orchestration"),
        (["SLUG", "--input", "{"], "not JSON"),
        (["SLUG", "--input", "@/nowhere/x"], "cannot be read"),
        (["SLUG", "--user", "nobody"], "no active user"),
        (["SLUG", "--run-version", "9"], "no version 9"),
        (["SLUG", "--input", "[]"], "must be an object"),
    ],
)
def test_start_run_says_in_one_sentence_what_is_wrong(quiet, args, message):
    slug = quiet.publish(chain(step("a"))).slug
    with pytest.raises(CommandError, match=message):
        call("start_run", *[slug if arg == "SLUG" else arg for arg in args])


def test_recover_makes_the_steps_of_gone_processes_ready(quiet):
    quiet.runtime.worker = "gone"
    from runs import journal
    from runs.engine.commands import Kick

    run = quiet.start(chain(step("a")))
    journal.submit(run.pk, Kick(), worker="gone")
    Worker.objects.create(
        name="gone", host=workers.this_host(), pid=2**22 + 1, process_started="1", beat_at=datetime.now(UTC)
    )
    assert "1 process is gone" in call("recover")
    assert quiet.kinds(run, "a") == ["step_started", "step_interrupted"]
    assert "0 processes are gone" in call("recover")


def test_rebuild_projections_makes_all_runs_or_those_named(lab):
    runs = [lab.run(chain(step("a"))) for _ in range(2)]
    OrchestrationInstance.objects.update(status="FAILED")
    assert call("rebuild_projections", str(runs[0].pk)) == "Rebuilt 1 run.\n"
    assert [lab.fresh(run).status for run in runs] == ["COMPLETED", "FAILED"]
    assert call("rebuild_projections") == "Rebuilt 2 runs.\n"
    assert lab.fresh(runs[1]).status == "COMPLETED"


@pytest.mark.parametrize("name", ["x", "00000000-0000-0000-0000-000000000000"])
def test_rebuild_projections_refuses_what_is_no_run(lab, name):
    with pytest.raises(CommandError):
        call("rebuild_projections", name)


def test_logs_can_be_asked_for_by_step_level_and_cursor(lab, superadmin):
    from tests.integration.runs import kinds

    kinds.Streams.gate.set()
    run = lab.run(chain(step("one", "streams", words=["a"]), step("two", "streams", words=["b", "c"])))
    every = verbs.logs(run)
    assert [row.message for row in every] == ["wrote 'a'", "wrote 'b'", "wrote 'c'"]
    assert every[0].data == {"length": 1}
    assert verbs.logs(run, step="two") == every[1:]
    assert verbs.logs(run, since=str(every[1].pk)) == every[2:]
    assert verbs.logs(run, level="warning") == []
    assert verbs.logs(run, level="debug") == every
