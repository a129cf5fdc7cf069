"""Everything that the builder page shows, in one call (the shapes are in ``builder/shapes.py``)."""

from __future__ import annotations

from typing import Any

import steps
from builder import cards
from builder.document import structure
from builder.form_values import ABSENT
from builder.graph import Graph
from builder.history import next_redo, next_undo
from builder.inspector import inspector, read_value, settings_form
from builder.models import Orchestration, OrchestrationVersion
from builder.outline import reading_order, via
from builder.palette import STRANGER, palette
from builder.problem_views import views
from builder.problems import problems
from builder.references import Directory
from builder.shapes import BackView, EdgeView, Page, PortView, ProblemView, Published, StepView
from builder.versions import count_changes
from orchestrator import access
from orchestrator.models import User

__all__ = ["ABSENT", "inspector", "page", "read_value", "settings_form", "step_views"]

TIMES = {1: "once", 2: "twice"}


def page(user: User, orchestration: Orchestration) -> Page:
    """The page of a draft as ``user`` may see it. Six queries, however many steps there are."""
    document = orchestration.draft
    graph = structure(document)
    found = views(document, problems(document, Directory(user)))
    drawn = cards.cards(document)
    shown = step_views(document, graph, drawn, found)
    undo, redo = next_undo(user, orchestration), next_redo(user, orchestration)
    may_edit = access.allowed(user, access.EDIT, orchestration)
    return Page(
        id=str(orchestration.pk),
        slug=orchestration.slug,
        name=document["name"],
        description=document.get("description", ""),
        revision=orchestration.revision,
        saved_at=orchestration.updated_at.isoformat(),
        steps=shown,
        outline=reading_order(document, graph),
        edges=_edges(document, drawn),
        backs=_backs(document, graph, drawn),
        problems=found,
        undo=undo.edit["says"] if undo else "",
        redo=redo.edit["says"] if redo else "",
        can_undo=undo is not None and may_edit,
        can_redo=redo is not None and may_edit,
        published=_published(orchestration),
        may_edit=may_edit,
        may_start=access.allowed(user, access.START, orchestration),
        palette=palette(),
        bounds=_bounds(shown),
    )


def step_views(
    document: dict[str, Any], graph: Graph, drawn: dict[str, cards.Card], found: list[ProblemView]
) -> list[StepView]:
    """The cards, in the document's order. Steps that were never placed stand where tidy would put them."""
    placed = all("position" in step for step in document["steps"])
    tidy = {} if placed else cards.tidy(document)
    by_step: dict[str, list[ProblemView]] = {}
    for problem in found:
        by_step.setdefault(problem["step"] or "", []).append(problem)
    return [
        _step(step, drawn[step["key"]], graph, tidy, by_step.get(step["key"], []))
        for step in document["steps"]
    ]


def _step(
    step: dict[str, Any],
    card: cards.Card,
    graph: Graph,
    tidy: dict[str, dict[str, int]],
    found: list[ProblemView],
) -> StepView:
    key, known = step["key"], steps.TYPES.get(step["type"])
    at = tidy.get(key) or step["position"]
    return StepView(
        key=key,
        type=step["type"],
        name=step.get("name", ""),
        title=cards.title(step),
        label=cards.label(step),
        icon=known.icon if known else STRANGER.icon,
        line=known.line(step.get("config") or {}) if known else "",
        x=at["x"],
        y=at["y"],
        width=card.width,
        height=card.height,
        plain=card.plain,
        ports=[_port(step, port) for port in card.ports],
        join=step.get("join", "any"),
        problems=found,
        via=via(step, card, graph),
        available=known is not None,
    )


def _port(step: dict[str, Any], port: cards.Port) -> PortView:
    return PortView(
        name=port.name,
        label=cards.port_label(step, port.name),
        kind=port.kind,
        column=port.column,
        x=port.x,
        y=port.y,
        connected=port.connected,
        shown=port.shown,
    )


def _edges(document: dict[str, Any], drawn: dict[str, cards.Card]) -> list[EdgeView]:
    shown = []
    for edge in document["edges"]:
        source, port, target = edge["source"], edge.get("port", "success"), edge["target"]
        shown.append(
            EdgeView(
                id=f"{source}:{port}:{target}",
                source=source,
                port=port,
                target=target,
                port_shown="" if drawn[source].plain else port,
            )
        )
    return shown


def _backs(document: dict[str, Any], graph: Graph, drawn: dict[str, cards.Card]) -> list[BackView]:
    """The automatic rollbacks that have somewhere to go."""
    shown = []
    for step in document["steps"]:
        wish = step.get("on_failure") or {}
        port = next((port.name for port in drawn[step["key"]].ports if port.kind == "back"), "")
        if not port or wish.get("to") not in graph.steps:
            continue
        times = wish.get("max_times", 1)
        shown.append(
            BackView(
                source=step["key"],
                port=port,
                target=wish["to"],
                max_times=times,
                says=f"rolls back, at most {TIMES.get(times, f'{times} times')}",
            )
        )
    return shown


def _published(orchestration: Orchestration) -> Published:
    number = orchestration.published_number
    version = (
        OrchestrationVersion.objects.filter(orchestration=orchestration, number=number)
        .select_related("published_by")
        .first()
        if number
        else None
    )
    if version is None:
        return Published(number=0, revision=0, changed=True, changes=0, at="", by="")
    changes = 0
    if orchestration.revision != orchestration.published_revision:
        changes = count_changes(version.document, orchestration.draft)
    return Published(
        number=number,
        revision=orchestration.published_revision,
        changed=changes > 0,
        changes=changes,
        at=version.created_at.isoformat(),
        by=version.published_by.display_name if version.published_by else "",
    )


def _bounds(shown: list[StepView]) -> dict[str, float]:
    left = min((step["x"] for step in shown), default=0.0)
    top = min((step["y"] for step in shown), default=0.0)
    right = max((step["x"] + step["width"] for step in shown), default=0.0)
    bottom = max((step["y"] + step["height"] for step in shown), default=0.0)
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}
