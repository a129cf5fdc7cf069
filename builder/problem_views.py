"""Problems as the page lists them: with the step's title and the field's label. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builder import cards
from builder.problems import label
from builder.shapes import ProblemView
from steps.base import Problem

INSIDE = {"compensate": "Undo", "config.step": "Each item"}  # where a step stands inside a step


def views(document: dict[str, Any], found: list[Problem]) -> list[ProblemView]:
    """One view for each Problem, in the same order."""
    steps = {step["key"]: step for step in document["steps"]}
    shown = []
    for problem in found:
        step = steps.get(problem.step or "")
        shown.append(
            ProblemView(
                step=problem.step,
                title=cards.title(step) if step else document["name"],
                field=problem.field,
                label=_label(problem, step),
                code=problem.code,
                message=problem.message,
            )
        )
    return shown


def _label(problem: Problem, step: dict[str, Any] | None) -> str:
    """What people call the field; of a step inside the step by that one's own labels."""
    for at, words in INSIDE.items():
        if step and problem.field.startswith(f"{at}.config."):
            held = step["compensate"] if at == "compensate" else step["config"]["step"]
            inner = replace(problem, field=problem.field.removeprefix(f"{at}."))
            return f"{words}, {label(inner, str(held.get('type')))}"
    return label(problem, step["type"] if step else None)
