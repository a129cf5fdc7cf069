"""The items of a map as work: each is run by itself, and in the end their results are put together."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from runs import children, payloads, plans, reports
from runs.cache import Run
from runs.effects import Door
from runs.engine.commands import Command, Interrupt, ItemDone, ItemFail, ItemInterrupt
from runs.engine.events import Event
from runs.engine.items import ItemState, MapState
from runs.engine.mapping import active
from runs.engine.states import StepStatus
from runs.executors.base import Assignment, Token
from runs.plans import Plan
from steps.base import JSON, Child, StepError, StepResult
from steps.map import inner

GATHER_S = 60.0  # for putting the results together


def _map_of(run: Run, assignment: Assignment) -> MapState | None:
    """The map while this dispatch of it is under way."""
    step, found = run.state.steps[assignment.step], active(run.state, assignment.step)
    return found if (step.epoch, step.attempt) == (assignment.epoch, assignment.attempt) else None


def _numbers(assignment: Assignment) -> tuple[int, int]:
    """Which item, and which attempt of it."""
    _, index, tried = assignment.part.split(":")
    return int(index), int(tried)


def value_of(run_id: UUID, found: MapState, index: int) -> JSON:
    """An item as the step got it."""
    given = found.given if found.payload is None else payloads.load(run_id, found.payload)
    return (given or [])[index]


class ItemPart:
    """One item; ``Assignment.part`` is ``item:<index>:<attempt>``."""

    def assignments(self, run_id: UUID, event: Event) -> Sequence[Assignment]:
        """Those that the event has started."""
        step = event["step"], event["epoch"], event["attempt"]
        return [
            Assignment(run_id, *step, f"item:{each['index']}:{each['attempt']}")
            for each in event["data"]["items"]
        ]

    def counts(self, run: Run, assignment: Assignment) -> bool:
        """Whether this attempt of the item runs."""
        found, (index, tried) = _map_of(run, assignment), _numbers(assignment)
        return found is not None and index in found.running and found.items[index].attempt == tried

    def unwanted(self, run: Run, assignment: Assignment) -> bool:
        """Whether a rollback waits for the item to end."""
        return assignment.step in run.state.undoing

    def plan(self, run: Run, assignment: Assignment) -> Plan:
        """The compiled step for each item; compiled once a version."""
        name = f"{assignment.step}[]"
        plan: Plan | None = run.version.plans.get(name)
        if plan is None:
            spec = run.version.graph.steps[assignment.step]
            plan = run.version.plans[name] = plans.compiled(*inner(spec.config), spec.timeout_s)
        return plan

    def work(self, run: Run, assignment: Assignment, plan: Plan, token: Token) -> Command:
        """Run the step's code for the item."""
        index, tried = _numbers(assignment)
        found = _map_of(run, assignment)
        if found is None:
            raise StepError("The map has ended meanwhile.", code="cancelled")
        item = value_of(run.pk, found, index)
        seen = {**plans.scope_of(run, assignment.step), "item": item, "index": index}
        context = plans.context_of(run, assignment, plan, token, seen)
        context.item, context.emit = index, _unheard
        door = Door(run, assignment, context, tried)
        context.door = door.call
        context.check()
        with door:
            outcome = plan.type.run(context)
            if isinstance(outcome, Child):
                return children.begin(run, assignment, outcome, (index, tried))
            if not isinstance(outcome, StepResult):
                raise StepError("A step that waits cannot run for an item.", code="not_inside_map")
            if "failure" in outcome.ports:
                raise StepError(outcome.reason or "The item ended on failure.", code="failure")
            raw = payloads.encode(outcome.output)
            output, payload = payloads.keep(run.pk, outcome.output)
            return ItemDone(
                assignment.step, assignment.epoch, assignment.attempt, index, tried, output, payload,
                len(raw), outcome.usage, outcome.cost, door.closed(), _given(run, assignment, item),
            )  # fmt: skip

    def failed(self, assignment: Assignment, error: StepError) -> Command:
        """The attempt failed."""
        said = reports.failed(assignment, error)
        return ItemFail(said.step, said.epoch, said.attempt, *_numbers(assignment), said.error)

    def interrupted(self, assignment: Assignment, worker: str) -> Command:
        """The attempt was interrupted."""
        where = assignment.step, assignment.epoch, assignment.attempt
        return ItemInterrupt(*where, *_numbers(assignment), worker)


def _given(run: Run, assignment: Assignment, item: JSON) -> dict[str, JSON] | None:
    """The item, for what undoes it should it end late; only where something does."""
    if run.version.graph.steps[assignment.step].compensate is None:
        return None
    value, payload = payloads.keep(run.pk, item)
    return {"value": value} if payload is None else {"payload": payload}


def _unheard(text: str) -> None:
    """Many items write at once; what they write is not shown as it comes."""


class GatherPart:
    """The results of all items become the map's output; ``Assignment.part`` is ``gather``."""

    def assignments(self, run_id: UUID, event: Event) -> Sequence[Assignment]:
        """This map's."""
        return (Assignment(run_id, event["step"], event["epoch"], event["attempt"], "gather"),)

    def counts(self, run: Run, assignment: Assignment) -> bool:
        """Whether the map waits for its result."""
        found = _map_of(run, assignment)
        return found is not None and found.finishing

    def unwanted(self, run: Run, assignment: Assignment) -> bool:
        """Whether a rollback waits for it."""
        return assignment.step in run.state.undoing

    def plan(self, run: Run, assignment: Assignment) -> Plan:
        """The map's own."""
        plan = plans.plan_of(run, assignment.step)
        return Plan(plan.type, plan.config, GATHER_S)

    def work(self, run: Run, assignment: Assignment, plan: Plan, token: Token) -> Command:
        """Read what the items gave, in their order; those that failed are null."""
        with run.lock:
            found = _map_of(run, assignment)
            if found is None:
                raise StepError("The map has ended meanwhile.", code="cancelled")
            outputs, items = dict(found.outputs), dict(found.items)
        results = [_result(run.pk, outputs.get(index)) for index in range(found.count)]
        output: dict[str, JSON] = {"results": results}
        if found.skip:
            output["errors"] = [_error(index, items[index].error) for index in sorted(_failed(items))]
        line = f"{found.completed:,} of {found.count:,}"
        if found.failed:
            line += f", {found.failed:,} failed"
        return reports.ended(assignment, StepResult(output=output, line=line), run)

    def failed(self, assignment: Assignment, error: StepError) -> Command:
        """It failed: the results are too large."""
        return reports.failed(assignment, error)

    def interrupted(self, assignment: Assignment, worker: str) -> Command:
        """The step starts again and keeps its items."""
        return Interrupt(assignment.step, assignment.epoch, assignment.attempt, worker)


def _failed(items: dict[int, ItemState]) -> list[int]:
    return [index for index, item in items.items() if item.status is StepStatus.FAILED]


def _result(run_id: UUID, kept: dict[str, JSON] | None) -> JSON:
    if kept is None:
        return None
    return payloads.load(run_id, kept["payload"]) if "payload" in kept else kept["output"]


def _error(index: int, error: dict[str, JSON] | None) -> dict[str, JSON]:
    known = error or {}
    return {"index": index, "code": known.get("code"), "message": known.get("message")}
