"""The start page: the form with the last input in it, and what will happen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from builder.models import Orchestration, OrchestrationVersion
from orchestrator import access
from orchestrator.models import User
from runs.models import OrchestrationInstance
from runs.pages import drawing
from runs.pages.estimates import expect
from runs.pages.forms import SchemaForm
from runs.pages.people import of_document, voice
from runs.pages.words import about, count, money

PREFIX = "in-"


def page(
    user: User, orchestration: Orchestration, query: Mapping[str, str], sent: Mapping[str, str] | None
) -> dict[str, Any]:
    """The start page; ``query["from"]`` names a run whose input is taken, ``sent`` is what was posted."""
    version = OrchestrationVersion.objects.filter(
        orchestration=orchestration, number=orchestration.published_number
    ).first()
    shown: dict[str, Any] = {
        "orchestration": orchestration,
        "version": version,
        "may_edit": access.allowed(user, access.EDIT, orchestration),
        "form": None,
    }
    if version is None:
        return shown
    source = _source(user, orchestration, query.get("from", ""))
    expectation = expect(orchestration, version.document, voice(user, of_document(version.document)))
    return {
        **shown,
        "form": SchemaForm(
            version.document.get("input"), initial=source.input if source else {}, data=sent, prefix=PREFIX
        ),
        "remembered": f"As in run {source.number}" if source and source.input and sent is None else "",
        "steps": drawing.of(version).steps,
        "expectation": expectation,
        "takes": about(expectation.seconds),
        "basis": f"the last {count(expectation.runs, 'completed run')}"
        if expectation.runs > 1
        else "the last run",
        "costs": money(expectation.cost),
    }


def _source(user: User, orchestration: Orchestration, run_id: str) -> OrchestrationInstance | None:
    """The run whose input fills the form: the one named, else the reader's last of this orchestration."""
    runs = access.visible(user, OrchestrationInstance).filter(orchestration=orchestration)
    if run_id:
        try:
            return runs.filter(pk=UUID(run_id)).first()
        except ValueError:
            return None
    return runs.filter(started_by=user).order_by("-created_at").first()
