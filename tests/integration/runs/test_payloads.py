"""Large outputs: once per run, by their hash, and never too large."""

from __future__ import annotations

import orjson
import pytest

from runs import journal, payloads
from runs.models import JournalEntry, Payload
from steps.base import StepError
from tests.integration.runs.conftest import chain, document, step

LARGE = "x" * (payloads.INLINE_BYTES + 1)


def test_a_large_output_is_stored_once_and_referred_to(lab):
    run = lab.run(
        chain(step("a", value=LARGE), step("b", value=LARGE), step("c", value="{{ steps.a.output[:3] }}"))
    )
    row = Payload.objects.get()
    assert row.size == len(LARGE) + 2
    for key in ("a", "b"):
        assert lab.row(run, key).output is None
        assert lab.row(run, key).payload == {"sha256": row.sha256, "size": row.size}
        assert payloads.output_of(lab.row(run, key)) == LARGE
    assert lab.row(run, "c").output == "xxx"
    assert max(len(orjson.dumps(e)) for e in JournalEntry.objects.values_list("events", flat=True)) < 1000


def test_an_output_of_exactly_16_kib_stays_in_the_journal(lab):
    run = lab.run(chain(step("a", value="x" * (payloads.INLINE_BYTES - 2)), output="small"))
    assert lab.row(run, "a").payload is None
    assert not Payload.objects.exists()
    assert lab.fresh(run).status == "COMPLETED"


def test_the_runs_own_large_output_is_kept_aside_too(lab):
    doc = document([step("a", value=LARGE), step("b", value=LARGE)], [])
    run = lab.run(doc)
    assert run.output is None
    assert payloads.output_of(run) == {"a": LARGE, "b": LARGE}
    journal.rebuild(run.pk)
    assert payloads.output_of(lab.fresh(run)) == {"a": LARGE, "b": LARGE}


def test_over_10_mib_the_step_fails_and_says_so(lab):
    run = lab.run(chain(step("a", value="x" * payloads.LIMIT_BYTES)))
    assert run.status == "FAILED"
    assert run.error["code"] == "output_too_large"
    assert run.error["message"] == "The output is 10.0 MiB; at most 10 MiB are kept."
    assert not Payload.objects.exists()


def test_each_run_has_its_own_payloads(lab):
    one, other = (lab.run(chain(step("a", value=LARGE))) for _ in range(2))
    assert {row.instance_id for row in Payload.objects.all()} == {one.pk, other.pk}


def test_what_was_read_is_kept_up_to_a_size(lab, monkeypatch):
    run = lab.run(chain(step("a", value=LARGE)))
    recent = payloads._Recent()
    monkeypatch.setattr(payloads, "_recent", recent)
    stored = lab.row(run, "a").payload
    assert payloads.load(run.pk, stored) is payloads.load(run.pk, stored)
    monkeypatch.setattr(payloads, "CACHE_BYTES", 10)
    recent.put((run.pk, "other"), 100, "other")
    assert recent.get((run.pk, stored["sha256"])) is None
    assert recent.get((run.pk, "other")) is not None


def test_what_json_cannot_say_is_refused():
    with pytest.raises(StepError) as refused:
        payloads.encode({"a": object()})
    assert refused.value.code == "output_not_json"
