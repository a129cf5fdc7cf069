"""Whether a step has to run: not where it may serve its earlier result and nothing of that has changed."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import orjson

from runs import reports
from runs.cache import Run
from runs.engine.commands import Command, Complete, Reuse
from runs.executors.base import Assignment
from runs.plans import Plan
from steps.base import StepContext


def ended(run: Run, assignment: Assignment, plan: Plan, context: StepContext) -> Command:
    """The end of a step of a type that may re-use: its earlier result, or one with its hash.

    The revisions are read before the step runs: what changes meanwhile makes the next hash differ.
    """
    found = mark(run, plan, context)
    earlier = run.state.results.get(assignment.step)
    if earlier is not None and earlier["hash"] == found:
        context.log("info", "Nothing that it rests on has changed, so its earlier result is given again.")
        return Reuse(assignment.step, assignment.epoch, assignment.attempt, found)
    command = reports.ended(assignment, plan.type.run(context), run)
    if isinstance(command, Complete) and "failure" not in command.ports:
        return replace(command, hash=found)
    return command


def mark(run: Run, plan: Plan, context: StepContext) -> str:
    """The hash of the step's definition, its resolved settings, and the revisions of what it uses."""
    written = run.version.graph.steps[context.key].config
    rests = [plan.type.type, written, context.config, plan.type.rests_on(context.config)]
    return sha256(orjson.dumps(rests, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
