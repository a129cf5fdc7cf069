"""How a compensation is done: the ``compensate`` action of a step, run like a step (semantic 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import steps
from runs import children, payloads, plans, reports, undone_items
from runs.cache import Run
from runs.effects import Door
from runs.engine.commands import Command, UndoFailed, UndoInterrupted, Undone
from runs.engine.events import Event
from runs.engine.ledger import last_receipt
from runs.engine.unwinding import item_of
from runs.executors.base import Assignment, Token
from runs.plans import Plan
from steps import templates
from steps.base import StepError, StepResult

CHILD_S = 30.0  # for having a child run rolled back, which then takes what it takes


class UndoPart:
    """``Assignment.part`` is "undo"; its epoch is the one that is undone, its attempt counts undoings."""

    def assignments(self, run_id: UUID, event: Event) -> Sequence[Assignment]:
        """The compensation's dispatch."""
        return (Assignment(run_id, event["step"], event["epoch"], event["attempt"], "undo"),)

    def counts(self, run: Run, assignment: Assignment) -> bool:
        """Whether this attempt is under way."""
        job = run.state.undo.get((assignment.step, assignment.epoch))
        return job is not None and job["status"] == "running" and job["attempt"] == assignment.attempt

    def unwanted(self, run: Run, assignment: Assignment) -> bool:
        """A compensation is never stopped half-way."""
        return False

    def plan(self, run: Run, assignment: Assignment) -> Plan:
        """The compiled action; compiled once a version."""
        if _child_of(run, assignment) is not None:
            return Plan(steps.get("orchestration"), templates.Compiled({}, True), CHILD_S)
        name = f"{assignment.step}:undo"
        plan: Plan | None = run.version.plans.get(name)
        if plan is None:
            action = run.version.graph.steps[assignment.step].compensate
            if action is None:
                raise StepError("This step names nothing that undoes it.", code="not_available")
            plan = run.version.plans[name] = plans.compiled(action.type, action.config, None)
        return plan

    def work(self, run: Run, assignment: Assignment, plan: Plan, token: Token) -> Command:
        """Run the action's code; of a child run, have it rolled back."""
        with run.lock:
            item = item_of(run.state.undo[assignment.step, assignment.epoch])
        if _child_of(run, assignment) is not None:
            return children.undo(run, assignment, item)
        context = plans.context_of(run, assignment, plan, token, _scope(run, assignment, item))
        context.undoing, context.item = True, item
        door = Door(run, assignment, context)
        context.door = door.call
        context.check()
        with door:
            ended = plan.type.run(context)
            if not isinstance(ended, StepResult):
                raise StepError("What undoes a step cannot wait.", code="bad_result")
            if "failure" in ended.ports:
                raise StepError(ended.reason or "It ended on failure.", code="failure")
            output, payload = payloads.keep(assignment.run_id, ended.output)
            where = (assignment.step, assignment.epoch, assignment.attempt)
            more = (ended.usage, ended.cost, ended.line)
            return Undone(*where, output, payload, *more, received=door.closed(), item=item)

    def failed(self, assignment: Assignment, error: StepError) -> Command:
        """The attempt failed."""
        said = reports.failed(assignment, error)
        return UndoFailed(said.step, said.epoch, said.attempt, said.error)

    def interrupted(self, assignment: Assignment, worker: str) -> Command:
        """The attempt was interrupted."""
        return UndoInterrupted(assignment.step, assignment.epoch, assignment.attempt, worker)


def _child_of(run: Run, assignment: Assignment) -> dict[str, Any] | None:
    """The child run that is undone, of the step or of the item of a map that it is the turn of."""
    job = run.state.undo.get((assignment.step, assignment.epoch))
    if job is None or not run.state.children:
        return None
    return run.state.children.get((assignment.step, assignment.epoch, item_of(job)))


def _scope(run: Run, assignment: Assignment, item: int | None) -> dict[str, Any]:
    """What the action's templates see: as the step's own, and beside that what the step itself gave.

    Where the step did not come to an output, its last receipt stands for it. Of a map they see ``item`` and
    ``index`` too, and what the item gave is where it always is, ``output.results[index]``.
    """
    seen, state, key = plans.scope_of(run, assignment.step), run.state, assignment.step
    job = state.undo.get((key, assignment.epoch), {})
    if item is not None:
        return undone_items.scope(run, assignment, job, item, seen)
    step = state.steps[key]
    given: dict[str, Any] = {}
    if "output" in job or "payload" in job:
        given = {name: job[name] for name in ("output", "payload") if name in job}
    elif step.output is None and step.payload is None and (call := last_receipt(state, key)):
        given = {"payload": call["payload"]} if "payload" in call else {"output": call.get("receipt")}
    if given:
        output = payloads.load(run.pk, given["payload"]) if given.get("payload") else given.get("output")
        seen["steps"] = {**seen["steps"], key: {**seen["steps"][key], "output": output}}
    return seen
