"""Maps: one step for each item of a list, on a real database."""

from __future__ import annotations

import pytest

from runs import journal, payloads, verbs
from runs.executors.memory import MemoryExecutor
from runs.models import JournalEntry, OrchestrationInstance, StepRun, Timer
from runs.recovery import Sweep
from tests.integration.runs import kinds
from tests.integration.runs.conftest import chain, step, until


def mapped(kind: str = "echo", **fields):
    inner = fields.pop("inner", {"value": "{{ item * 2 }}"})
    return step("each", "map", items="{{ input.items }}", step={"type": kind, "config": inner}, **fields)


def test_the_results_come_in_the_order_of_the_items(lab):
    run = lab.run(
        chain(mapped(inner={"value": "{{ index }}:{{ item }}"}), step("after")), {"items": ["a", "b"]}
    )
    assert run.status == "COMPLETED"
    row = lab.row(run, "each")
    assert row.output == {"results": ["0:a", "1:b"]}
    assert row.items == {"count": 2, "running": 0, "completed": 2, "failed": 0}


def test_no_items_complete_at_once(lab):
    run = lab.run(chain(mapped()), {"items": []})
    assert (run.status, lab.row(run, "each").output) == ("COMPLETED", {"results": []})
    assert "item_started" not in lab.kinds(run)


@pytest.mark.parametrize(
    ("items", "code", "says"),
    [
        ("abc", "not_a_list", "Items gave text, not a list; it must be a list."),
        (None, "not_a_list", "Items gave nothing; it must be a list."),
        ([0] * 10_001, "too_many_items", "Items gave 10,001 items; a map takes at most 10,000."),
    ],
)
def test_what_is_no_list_of_items_fails_the_step(lab, items, code, says):
    run = lab.run(chain(mapped()), {"items": items})
    error = lab.row(run, "each").error
    assert (run.status, error["code"], error["message"]) == ("FAILED", code, says)


def test_a_thousand_items_in_threads__once_each(threads):
    """The rows rebuilt from the journal are the rows kept."""
    kinds.Echo.runs.clear()
    run = threads.start(chain(mapped(concurrency=16)), {"items": list(range(1000))})
    until(lambda: threads.fresh(run).status == "COMPLETED", 60)
    assert payloads.output_of(threads.row(run, "each"))["results"] == [number * 2 for number in range(1000)]
    assert kinds.Echo.runs["each"] == 1000
    before = StepRun.objects.filter(instance=run).values().get()
    journal.rebuild(run.pk)
    assert StepRun.objects.filter(instance=run).values().get() == before


def test_an_item_is_tried_again_by_the_steps_retry(lab, later):
    retry = {"max_attempts": 2, "delay_s": 5}
    doc = chain(mapped("fails", inner={"times": 1}, retry=retry, concurrency=1))
    run = lab.run(doc, {"items": [1]})
    assert (lab.fresh(run).status, lab.statuses(run)) == ("WAITING", {"each": "WAITING"})
    assert Timer.objects.get().kind == "items"
    later(6)
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.row(run, "each").output == {"results": [{"tries": 2}]}
    assert not Timer.objects.exists()


def test_an_item_that_fails_for_good_fails_the_step_or_leaves_a_null(lab):
    config = {"inner": {"output": "{{ 1 // item }}"}}
    failed = lab.run(chain(mapped("transform", **config)), {"items": [1, 0, 1]})
    assert failed.status == "FAILED"
    assert lab.row(failed, "each").error["message"].startswith("Item 1 failed: ")
    skipped = lab.run(chain(mapped("transform", on_item_failure="skip", **config)), {"items": [1, 0, 1]})
    assert skipped.status == "COMPLETED"
    output = lab.row(skipped, "each").output
    assert output["results"] == [1, None, 1]
    assert [(error["index"], error["code"]) for error in output["errors"]] == [(1, "template")]
    assert lab.row(skipped, "each").items["failed"] == 1


def test_a_retried_map_runs_only_what_had_not_completed(lab):
    """semantic 5: in the same epoch nothing that has completed runs again."""
    kinds.Fails.tries.clear()
    run = lab.run(
        chain(mapped("fails", inner={"times": "{{ 2 if item == 2 else 0 }}"}, concurrency=1)),
        {"items": [1, 2, 3]},
    )
    assert run.status == "FAILED"
    done = [e for e in verbs.events(run) if e["kind"] == "item_completed"]
    verbs.retry(lab.starter, run)
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    again = [e for e in verbs.events(run) if e["kind"] == "item_completed"]
    indexes = [item["index"] for e in again for item in e["data"]["items"]]
    assert (indexes, len(done)) == ([0, 1, 2], 1)


def test_items_of_a_worker_that_is_gone_run_again_and_only_those(lab):
    """Recovery: the journal knows which items were under way."""
    kinds.Echo.runs.clear()
    run = lab.start(chain(mapped(concurrency=2)), {"items": [1, 2, 3, 4, 5]})
    for _ in range(3):
        lab.runtime.executor.step()
    held = lab.runtime.executor.held()
    assert {assignment.part.partition(":")[0] for assignment in held} == {"item"}
    lab.runtime.executor = MemoryExecutor(lab.runtime.execute)  # the one before is lost with its threads
    sweep = Sweep(lab.runtime)
    sweep.again()
    sweep.again()
    lab.drain()
    assert lab.fresh(run).status == "COMPLETED"
    assert lab.row(run, "each").output == {"results": [2, 4, 6, 8, 10]}
    assert kinds.Echo.runs["each"] == 5
    assert "item_interrupted" in lab.kinds(run)


def test_cancel_and_rollback_stop_the_items(threads):
    """semantic 6: a rollback waits for the items that run, and the map starts anew in the next epoch."""
    run = threads.start(chain(step("a"), mapped("blocks", inner={}, concurrency=2)), {"items": [1, 2, 3]})
    assert kinds.Blocks.entered.acquire(timeout=10)
    assert kinds.Blocks.entered.acquire(timeout=10)
    verbs.rollback(threads.starter, run, "a")
    until(lambda: threads.row(run, "each").epoch == 2 and threads.row(run, "each").status == "RUNNING")
    assert kinds.Blocks.entered.acquire(timeout=10)
    verbs.cancel(threads.starter, run)
    until(lambda: not threads.runtime.executor.held())
    assert threads.fresh(run).status == "CANCELLED"
    assert (
        OrchestrationInstance.objects.get(pk=run.pk).seq == JournalEntry.objects.filter(instance=run).count()
    )


def test_the_items_are_told_by_rest_and_by_the_page(lab, client):
    run = lab.run(
        chain(mapped("transform", inner={"output": "{{ 1 // item }}"}, on_item_failure="skip")),
        {"items": [1, 0, 1]},
    )
    client.force_login(lab.starter)
    address = f"/api/v1/runs/{run.pk}/steps/each/items/"
    told = client.get(address).json()
    assert told["count"] == 3
    assert [(each["index"], each["status"]) for each in told["results"]] == [
        (0, "COMPLETED"), (1, "FAILED"), (2, "COMPLETED"),
    ]  # fmt: skip
    failed = client.get(f"{address}?status=failed&page_size=1").json()
    assert (failed["count"], failed["results"][0]["index"]) == (1, 1)
    assert "divides by zero" in failed["results"][0]["error"]["message"]
    assert client.get(f"/api/v1/runs/{run.pk}/steps/nothing/items/").status_code == 404
    page = client.get(f"/runs/{run.pk}/?step=each").content.decode()
    assert "2 of 3, 1 failed" in page
    assert "divides by zero" in page
