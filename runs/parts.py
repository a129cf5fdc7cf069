"""The kinds of work that a journal entry starts in a run, and how each is done.

Adding one is a class here, a line in ``PARTS`` under the event that starts it, and the engine's own part:
the command that ends it, and ``engine/flight.py``, from which recovery knows that it is under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from runs import children, plans, reports, reuse
from runs.cache import Run
from runs.effects import Door
from runs.engine.commands import Command, Complete, Interrupt
from runs.engine.events import Event
from runs.engine.states import StepStatus
from runs.executors.base import Assignment, Token
from runs.items import GatherPart, ItemPart
from runs.plans import Plan
from runs.undoing import UndoPart
from steps.base import Child, StepError


class Part(Protocol):
    """One kind of work. Its assignments are told apart by what ``Assignment.part`` begins with."""

    def assignments(self, run_id: UUID, event: Event) -> Sequence[Assignment]:
        """What the event has started."""
        ...

    def counts(self, run: Run, assignment: Assignment) -> bool:
        """Whether the journal still waits for this to end."""
        ...

    def unwanted(self, run: Run, assignment: Assignment) -> bool:
        """Whether it should stop although its end is waited for."""
        ...

    def plan(self, run: Run, assignment: Assignment) -> Plan:
        """What it runs; raises StepError where it cannot."""
        ...

    def work(self, run: Run, assignment: Assignment, plan: Plan, token: Token) -> Command:
        """Do it; returns its end. Raises StepError."""
        ...

    def failed(self, assignment: Assignment, error: StepError) -> Command:
        """The command that says that it failed."""
        ...

    def interrupted(self, assignment: Assignment, worker: str) -> Command:
        """The command that says that ``worker`` will not end it."""
        ...


class StepPart:
    """A step itself; ``Assignment.part`` is empty."""

    def assignments(self, run_id: UUID, event: Event) -> Sequence[Assignment]:
        """The step's dispatch."""
        return (Assignment(run_id, event["step"], event["epoch"], event["attempt"]),)

    def counts(self, run: Run, assignment: Assignment) -> bool:
        """Whether this attempt is RUNNING."""
        step = run.state.steps[assignment.step]
        return (
            step.status is StepStatus.RUNNING
            and step.attempt == assignment.attempt
            and step.epoch == assignment.epoch
        )

    def unwanted(self, run: Run, assignment: Assignment) -> bool:
        """Whether a rollback waits for the step to end."""
        return assignment.step in run.state.undoing

    def plan(self, run: Run, assignment: Assignment) -> Plan:
        """The compiled step."""
        return plans.plan_of(run, assignment.step)

    def work(self, run: Run, assignment: Assignment, plan: Plan, token: Token) -> Command:
        """Run the step's code."""
        context = plans.context_of(run, assignment, plan, token, plans.scope_of(run, assignment.step))
        door = Door(run, assignment, context)
        context.door = door.call
        context.check()
        with door:
            if plan.reusable:
                ended = reuse.ended(run, assignment, plan, context)
            else:
                outcome = plan.type.run(context)
                if isinstance(outcome, Child):
                    return children.begin(run, assignment, outcome)
                ended = reports.ended(assignment, outcome, run)
            if isinstance(ended, Complete) and (received := door.closed()):
                return replace(ended, received=received)
            return ended

    def failed(self, assignment: Assignment, error: StepError) -> Command:
        """The attempt failed."""
        return reports.failed(assignment, error)

    def interrupted(self, assignment: Assignment, worker: str) -> Command:
        """The attempt was interrupted."""
        return Interrupt(assignment.step, assignment.epoch, assignment.attempt, worker)


PARTS: dict[str, Part] = {  # by the kind of event that starts them
    "step_started": StepPart(),
    "item_started": ItemPart(),
    "items_finished": GatherPart(),
    "compensation_started": UndoPart(),
}
_BY_NAME: dict[str, Part] = {  # by what Assignment.part begins with
    "": PARTS["step_started"],
    "item": PARTS["item_started"],
    "gather": PARTS["items_finished"],
    "undo": PARTS["compensation_started"],
}


def part_of(assignment: Assignment) -> Part:
    """How this kind of work is done."""
    return _BY_NAME[assignment.part.partition(":")[0]]
