"""The items of a map in the step's panel: filtered by status, a page at a time."""

from __future__ import annotations

from typing import Any

from orchestrator.models import User
from orchestrator.templatetags.chrome import STATUSES
from runs import payloads
from runs.items_told import counts, page, progress
from runs.models import OrchestrationInstance
from runs.pages.children import of_item, seen
from runs.pages.look import Look
from runs.pages.sentences import Scene
from runs.pages.words import duration, moment
from runs.templatetags.values import oneline

SIZE = 50
WHAT = 60  # characters of an item's value


def items(
    user: User, scene: Scene, run: OrchestrationInstance, key: str, look: Look
) -> dict[str, Any] | None:
    """The page of items that ``look`` asks for; None for a step without items.

    An item that is done by a child run which ``user`` may see links to that.
    """
    found = scene.state.maps.get(key)
    if found is None:
        return None
    of_each = counts(scene.state, key)
    chosen = look.items.upper() if look.items.upper() in of_each else ""
    of = of_each[chosen] if chosen else found.count
    pages = max(1, -(-of // SIZE))
    number = min(max(1, look.page), pages)
    values = found.given if found.payload is None else payloads.load(run.pk, found.payload)
    rows = [_row(scene, one, values or []) for one in page(scene.state, key, chosen, number, SIZE)["results"]]
    _link(user, scene, key, rows)
    names = [(status, f"{STATUSES[status][2]}, {n:,}") for status, n in of_each.items()]
    return {
        "rows": rows,
        "progress": progress(scene.state, key),
        "choices": [("", f"All, {found.count:,}"), *names] if len(names) > 1 else [],
        "chosen": chosen,
        "first": (number - 1) * SIZE + 1,
        "last": (number - 1) * SIZE + len(rows),
        "of": of,
        "previous": look.to(step=key, page=number - 1) if number > 1 else "",
        "next": look.to(step=key, page=number + 1) if number < pages else "",
    }


def _link(user: User, scene: Scene, key: str, rows: list[dict[str, Any]]) -> None:
    found = {row["index"]: child for row in rows if (child := of_item(scene, key, row["index"]))}
    visible = seen(user, (child["id"] for child in found.values())) if found else {}
    for row in rows:
        child = found.get(row["index"])
        if child and child["id"] in visible:
            row["child"] = {"pk": child["id"], "number": child["number"]}


def _row(scene: Scene, one: dict[str, Any], values: list[Any]) -> dict[str, Any]:
    begun, ended = moment(one["started_at"]), moment(one["finished_at"])
    index = one["index"]
    return {
        **one,
        "what": oneline(values[index], WHAT) if index < len(values) else "",
        "took": duration((ended - begun).total_seconds(), short=True) if begun and ended else "",
        "why": str((one["error"] or {}).get("message") or "") if one["status"] != "COMPLETED" else "",
        "since": one["started_at"] if one["status"] == "RUNNING" and scene.live else "",
    }
