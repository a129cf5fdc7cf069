"""The draft as Step and Edge rows, for search and the admin. They follow the document, never lead it."""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError, transaction

from builder.draft import Draft, Patch
from builder.models import Edge, Orchestration, Step

BATCH = 500
TRIES = 5
logger = logging.getLogger(__name__)


def follow(orchestration: Orchestration, draft: Draft, patches: list[Patch]) -> None:
    """Bring the rows of what ``patches`` touched in line with ``draft``."""
    paths = [patch["path"] for patch in patches]
    if [] in paths:
        rebuild(orchestration, draft)
        return
    keys = {path[1] for path in paths if path[0] == "steps" and path[2:3] != ["position"]}
    edges = {tuple(path[1:]) for path in paths if path[0] == "edges"}
    if len(keys) + len(edges) > BATCH:
        rebuild(orchestration, draft)
        return
    for key in sorted(keys):
        if key in draft.steps:
            Step.objects.update_or_create(
                orchestration=orchestration, key=key, defaults=_fields(draft.steps[key])
            )
        else:
            Step.objects.filter(orchestration=orchestration, key=key).delete()
    for source, port, target in sorted(edges):
        ends = {"orchestration": orchestration, "source": source, "port": port, "target": target}
        if (source, port, target) in draft.edges:
            Edge.objects.get_or_create(**ends)
        else:
            Edge.objects.filter(**ends).delete()


def rebuild(orchestration: Orchestration, draft: Draft) -> None:
    """Make all rows anew.

    Two who replace a draft at once meet here only on a database without transactions; who comes second begins
    again from what the draft says then.
    """
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return _rebuild(orchestration, draft)
        except IntegrityError:
            draft = Draft(Orchestration.objects.values_list("draft", flat=True).get(pk=orchestration.pk))
    logger.warning("The rows of %s lag behind its draft: many replace it at once.", orchestration.slug)
    return None


def _rebuild(orchestration: Orchestration, draft: Draft) -> None:
    Step.objects.filter(orchestration=orchestration).delete()
    Edge.objects.filter(orchestration=orchestration).delete()
    Step.objects.bulk_create(
        [Step(orchestration=orchestration, key=key, **_fields(step)) for key, step in draft.steps.items()],
        batch_size=BATCH,
    )
    Edge.objects.bulk_create(
        [
            Edge(orchestration=orchestration, source=source, port=port, target=target)
            for source, port, target in draft.edges
        ],
        batch_size=BATCH,
    )


def _fields(step: dict[str, Any]) -> dict[str, Any]:
    return {"type": step["type"], "name": step.get("name", ""), "config": step["config"]}
