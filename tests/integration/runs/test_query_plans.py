"""Every hot lookup takes an index on MongoDB. `make bench-plans` shows the same at 100,000 runs."""

from __future__ import annotations

import os

import pytest
from django.db import connection

from benchmarks import crowd
from benchmarks.query_plans import Profiler, lookups

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        os.environ.get("TEST_DATABASES", "").startswith("sqlite"), reason="it is about MongoDB"
    ),
]
WHOLE = {"builder_orchestration"}  # read from end to end where all of them are listed: they are few


def test_no_hot_lookup_reads_a_collection_from_end_to_end(settings):
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    made = crowd.fill(300)
    with Profiler(connection.database) as profiler:
        seen = [profiler.look(name, ask) for name, ask in lookups(made)]
    asked = [(one.name, plan) for one in seen for plan in one.plans]
    assert len(seen) > 45
    assert {plan.collection for _, plan in asked} >= {
        "django_session", "orchestrator_user", "orchestrator_apitoken", "orchestrator_auditentry", "runs_approval",
        "runs_approvalrecipient", "runs_journalentry", "runs_orchestrationinstance", "runs_steplog", "runs_timer",
        "runs_worker",
    }  # fmt: skip
    assert [(name, plan) for name, plan in asked if plan.scans and plan.collection not in WHOLE] == []
    assert any("IXSCAN { due_at: 1 }" in plan.plan for name, plan in asked if name == "timers: the next")
