"""What the builder's templates need, and what its page gets back after an edit."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest
from django.template.loader import get_template
from django.utils import timezone

from builder.inspector import inspector, settings_form
from builder.models import Orchestration
from builder.shapes import Field, Inspector, Page, StepView
from orchestrator.errors import ProductError
from orchestrator.grants import sharing
from orchestrator.models import User

STATIC = Path(settings.BASE_DIR) / "static"
MODULES = sorted(  # fetched at once instead of one after the other as each is found to import the next
    file.relative_to(STATIC).as_posix()
    for folder in ("js/builder", "js/canvas")
    for file in (STATIC / folder).glob("*.js")
)


def context(page: Page) -> dict[str, Any]:
    """What the builder's templates need beside the page itself."""
    by_key = {step["key"]: step for step in page["steps"]}
    return {
        "page": page,
        "cards": [by_key[key] for key in page["outline"]],
        "saved": timezone.localtime(datetime.fromisoformat(page["saved_at"])).strftime("%H:%M"),
        "why_not_publish": why_not_publish(page),
        "modules": MODULES,
    }


def form_context(
    orchestration: Orchestration, step: str | None, user: User, *, settings: bool
) -> dict[str, Any]:
    """The form of ``step``, else the one of the orchestration where ``settings`` asks for it, else none."""
    known = step is not None and any(one["key"] == step for one in orchestration.draft["steps"])
    if not known and not settings:
        return {"selected": ""}
    draft = orchestration.draft
    form = inspector(draft, step, user) if step and known else settings_form(draft)
    return {
        "form": form,
        "tabs": _tabs(form),
        "upstream": orjson.dumps(form["upstream"]).decode(),
        "selected": form["key"],
        **({} if form["key"] else {"access": True, **sharing(orchestration)}),
    }


def _tabs(form: Inspector) -> list[dict[str, Any]]:
    """The tabs, with what is advanced and not set folded away."""

    def folds(field: Field) -> bool:
        return field["advanced"] and not field["text"] and not field["problem"]

    return [
        {
            "id": tab["id"],
            "title": tab["title"],
            "fields": [field for field in tab["fields"] if not folds(field)],
            "folded": [field for field in tab["fields"] if folds(field)],
        }
        for tab in form["tabs"]
    ]


def why_not_publish(page: Page) -> str:
    """One sentence, or nothing where the draft can be published."""
    count = len(page["problems"])
    if count:
        return f"Publishing needs the {'one problem' if count == 1 else f'{count} problems'} solved first."
    if page["published"]["number"] and not page["published"]["changed"]:
        return f"Nothing has changed since version {page['published']['number']}."
    return ""


def answer(
    request: HttpRequest, before: Page | None, after: Page, *, added: list[str], redraw: bool
) -> dict[str, Any]:
    """The patch that turns a page showing ``before`` (None: any) into ``after``; patch.js applies it.

    ``added`` are the keys of steps that were made, ``redraw`` asks for the open form anew.
    """
    known = {step["key"]: step for step in before["steps"]} if before else {}
    here = {step["key"] for step in after["steps"]}
    values = context(after)
    same_edges = before is not None and (before["edges"], before["backs"]) == (after["edges"], after["backs"])
    return {
        "revision": after["revision"],
        "whole": before is None,
        "cards": {
            step["key"]: _card(step, after) for step in after["steps"] if known.get(step["key"]) != step
        },
        "gone": [key for key in known if key not in here],
        "order": after["outline"],
        "edges": None if same_edges else [_edge(edge) for edge in after["edges"]],
        "backs": [
            {"from": _end(back), "to": back["target"], "says": back["says"]} for back in after["backs"]
        ],
        "bar": get_template("builder/_bar.html").render(values, request),
        "problems": get_template("builder/_problems.html").render(values, request),
        "problem_list": [
            {"step": problem["step"], "field": problem["field"], "message": problem["message"]}
            for problem in after["problems"]
        ],
        "added": added,
        "redraw": redraw,
    }


def refusal(error: ProductError) -> dict[str, Any]:
    """Why an edit was refused, as the page's script reads it."""
    return {"code": error.code, "message": error.message, "details": error.details}


def _card(step: StepView, page: Page) -> dict[str, Any]:
    values = {"step": step, "page": page}
    flags = {"plain": step["plain"], "problem": step["problems"], "unavailable": not step["available"]}
    return {
        "x": step["x"],
        "y": step["y"],
        "type": step["type"],
        "css": " ".join(name for name, on in flags.items() if on),
        "inside": get_template("builder/_card_inside.html").render(values),
        "item": get_template("builder/_outline_inside.html").render(values),
    }


def _edge(edge: Any) -> dict[str, str]:
    return {
        "id": edge["id"],
        "from": f"{edge['source']}:{edge['port_shown']}" if edge["port_shown"] else edge["source"],
        "port": edge["port"],
        "to": edge["target"],
    }


def _end(back: Any) -> str:
    return f"{back['source']}:{back['port']}" if back["port"] else str(back["source"])
