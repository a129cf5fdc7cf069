"""Problems as the page lists them: with the step's title and the field's label. Pure."""

from __future__ import annotations

from typing import Any

from builder import cards
from builder.problems import label
from builder.shapes import ProblemView
from steps.base import Problem


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
                label=label(problem, step["type"] if step else None),
                code=problem.code,
                message=problem.message,
            )
        )
    return shown
