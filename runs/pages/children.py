"""Child runs on the page: those that a step has started, and the run that this one is a part of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from orchestrator import access
from orchestrator.models import User
from runs.models import OrchestrationInstance
from runs.pages.sentences import Scene


def of_step(user: User, scene: Scene, key: str) -> list[dict[str, Any]]:
    """The runs that the step itself has started, newest first: ``{pk, number, name, status}``.

    ``pk`` is None, and ``status`` unknown, of one that ``user`` may not see.
    """
    known = [child for (step, _, item), child in scene.state.children.items() if step == key and item is None]
    statuses = seen(user, (child["id"] for child in known))
    return [_shown(child, statuses) for child in reversed(known)]


def of_item(scene: Scene, key: str, index: int) -> dict[str, Any] | None:
    """The run for an item of a map, in the step's present epoch."""
    return scene.state.children.get((key, scene.state.steps[key].epoch, index))


def seen(user: User, ids: Iterable[str]) -> dict[str, str]:
    """The statuses of those runs that ``user`` may see."""
    rows = access.visible(user, OrchestrationInstance).filter(pk__in=[UUID(pk) for pk in ids])
    return {str(pk): status for pk, status in rows.values_list("pk", "status")}


def _shown(child: dict[str, Any], statuses: dict[str, str]) -> dict[str, Any]:
    pk = child["id"] if child["id"] in statuses else None
    return {
        "pk": pk,
        "number": child["number"],
        "name": child["name"],
        "version": child["version"],
        "status": statuses.get(child["id"], ""),
    }


def above(user: User, scene: Scene) -> dict[str, Any] | None:
    """The run that this one is a part of: ``{pk, number, name, step, item}``; ``pk`` None if it is hidden."""
    parent = scene.state.parent
    if parent is None:
        return None
    return {
        "pk": parent["id"] if seen(user, [parent["id"]]) else None,
        "number": parent["number"],
        "name": parent["name"],
        "step": parent["step"],
        "item": parent.get("item"),
    }
