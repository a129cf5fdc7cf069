"""State = fold(events): one fold for workers, pages, the time slider and tests.

Incremental: an event costs what it changes. When a step ends, each of its outgoing edges counts down
``left`` of its target; nothing ever looks for work by scanning the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from builder.graph import Graph
from runs.engine import awaiting, kin, ledger, mapping, unwinding
from runs.engine.commands import SETTLED
from runs.engine.events import Entries, Event
from runs.engine.moves import (
    conclude,
    move_run,
    move_step,
    presume,
    recount,
    reopen,
    resolve,
    spend,
    suspend,
    take_result,
    weigh,
)
from runs.engine.records import RunState, StepState
from runs.engine.states import ACTIVE, RunStatus, StepStatus
from runs.engine.takeover import remember, take_over

__all__ = ["RunState", "StepState", "apply", "fold", "new_state", "refresh", "replay"]

Handler = Callable[[Graph, RunState, str, Event], None]


def new_state(graph: Graph) -> RunState:
    """A run that was created and has not started."""
    return RunState({key: StepState(left=len(edges)) for key, edges in graph.incoming.items()})


def fold(graph: Graph, state: RunState, seq: int, at: str, events: Iterable[Event]) -> None:
    """Take the entry ``seq`` into ``state``, in place. ``at`` is ISO 8601 in UTC.

    Raises IllegalTransition for an entry that no run of this graph can have; the state is void then.
    """
    for event in events:
        apply(graph, state, at, event)
    state.seq = seq
    refresh(state)


def replay(graph: Graph, entries: Entries) -> RunState:
    """The state that a journal says, from its first entry on."""
    state = new_state(graph)
    for seq, at, events in entries:
        fold(graph, state, seq, at, events)
    return state


def apply(graph: Graph, state: RunState, at: str, event: Event) -> None:
    """Take one event of an entry into ``state``; kinds that are not known change nothing."""
    handler = HANDLERS.get(event["kind"])
    if handler is not None:
        handler(graph, state, at, event)


def refresh(state: RunState) -> None:
    """A run that goes forward is WAITING while something waits and nothing runs or is about to."""
    if state.status in ACTIVE:
        idle = state.waiting and not (state.running or state.ready or state.mapping)
        state.status = RunStatus.WAITING if idle else RunStatus.RUNNING
    if state.awaiting is not None and not (state.ready or state.mapping):
        state.awaiting = None


def _run_started(graph: Graph, state: RunState, at: str, event: Event) -> None:
    data = event["data"]
    move_run(state, RunStatus.RUNNING)
    state.input, state.user, state.version = data["input"], data["user"], data["version"]
    state.started_at, state.parent = at, data.get("parent")
    for key in graph.roots:
        weigh(graph, state, key, state.steps[key])


def _step_started(graph: Graph, state: RunState, at: str, event: Event) -> None:
    key = event["step"]
    step = state.own(key)
    move_step(step, StepStatus.RUNNING)
    step.attempt, step.worker = event["attempt"], event["data"]["worker"]
    step.started_at, step.wait = at, None
    state.ready.pop(key, None)
    state.waiting.pop(key, None)
    state.running[key] = None


def _step_waiting(graph: Graph, state: RunState, at: str, event: Event) -> None:
    wait = event["data"]["wait"]
    suspend(state, event["step"], wait)
    if wait["kind"] == "slot":  # the call that it had announced was not made
        ledger.refused(state, event["step"])


def _step_queued(graph: Graph, state: RunState, at: str, event: Event) -> None:
    key = event["step"]
    step = state.own(key)
    move_step(step, StepStatus.PENDING)
    step.wait = None
    state.waiting.pop(key, None)
    state.ready[key] = None


def _retry_scheduled(graph: Graph, state: RunState, at: str, event: Event) -> None:
    data = event["data"]
    step = suspend(state, event["step"], {"kind": "retry", "due_at": data["due_at"]})
    step.failures += 1
    step.error = data["error"]
    if data["error"].get("refused"):
        ledger.refused(state, event["step"])
    presume(state, event, data["error"])


def _approval_requested(graph: Graph, state: RunState, at: str, event: Event) -> None:
    approval = event["data"]["approval"]
    wait = {"kind": "approval", "approval": approval["id"], "due_at": approval.get("expires_at")}
    step = suspend(state, event["step"], wait)
    step.approval = {**approval, "votes": [], "decision": None}
    state.approvals[approval["id"]] = {"step": event["step"], "status": "pending", "by": None, "at": at}


def _approval_voted(graph: Graph, state: RunState, at: str, event: Event) -> None:
    data = event["data"]
    step = state.own(event["step"])
    vote = {"by": data["by"], "decision": data["decision"], "comment": data["comment"], "data": data["data"]}
    approval = step.approval or {}
    step.approval = {**approval, "votes": [*approval.get("votes", ()), {**vote, "at": at}]}
    if event["kind"] == "approval_decided":
        step.approval.update(vote)
        _settle_approval(state, data["approval"], SETTLED[data["decision"]], data["by"], at)


def _approval_expired(graph: Graph, state: RunState, at: str, event: Event) -> None:
    step = state.own(event["step"])
    step.approval = {**(step.approval or {}), "decision": "expired", "by": None}
    _settle_approval(state, event["data"]["approval"], "expired", None, at)


def _approval_voided(graph: Graph, state: RunState, at: str, event: Event) -> None:
    step = state.own(event["step"])
    step.approval = {**(step.approval or {}), "voided": True}
    _settle_approval(state, event["data"]["approval"], "voided", None, at)


def _settle_approval(state: RunState, pk: str, status: str, by: str | None, at: str) -> None:
    state.approvals[pk] = {**state.approvals[pk], "status": status, "by": by, "at": at}


def _conclude(state: RunState, at: str, event: Event, status: StepStatus) -> StepState:
    if state.maps and event["step"] in state.maps:
        mapping.shut(state, event["step"], event)
    return conclude(state, at, event, status)


def _step_completed(graph: Graph, state: RunState, at: str, event: Event) -> None:
    step = _conclude(state, at, event, StepStatus.COMPLETED)
    take_result(state, step, event["data"])
    step.error = None
    if state.effects:
        ledger.step_ended(state, event["step"])
    if "hash" in event["data"]:
        remember(state, event)
    resolve(graph, state, event["step"], step.ports)


def _step_failed(graph: Graph, state: RunState, at: str, event: Event) -> None:
    data = event["data"]
    step = _conclude(state, at, event, StepStatus.FAILED)
    take_result(state, step, data)
    step.error = data["error"]
    step.failures += 1
    if data["error"].get("refused"):
        ledger.refused(state, event["step"])
    presume(state, event, data["error"])
    if data["handled"] or data["continued"]:
        resolve(graph, state, event["step"], step.ports)
        return
    state.broken[event["step"]] = None
    if state.status in ACTIVE:  # while ROLLING_BACK it is tried again when the rollback has finished
        state.failing = True


def _step_skipped(graph: Graph, state: RunState, at: str, event: Event) -> None:
    step = state.own(event["step"])
    move_step(step, StepStatus.SKIPPED)
    step.finished_at = at
    state.stranded.pop(event["step"], None)
    resolve(graph, state, event["step"], ())


def _step_cancelled(graph: Graph, state: RunState, at: str, event: Event) -> None:
    key = event["step"]
    found = mapping.active(state, key) if state.maps else None
    awaited = key in state.running and (found is None or found.finishing)
    if awaited or (state.children and kin.waits_for_child(state, key)):
        state.unanswered[key, event["epoch"], event["attempt"]] = None
    step, data = _conclude(state, at, event, StepStatus.CANCELLED), event["data"]
    if "by" not in data:
        state.broken[key] = None
        return
    step.error = data["error"]
    if data["handled"] or data["continued"]:
        step.ports = tuple(data["ports"])
        resolve(graph, state, key, step.ports)
    else:
        state.broken[key] = None
        state.failing = True


def _step_interrupted(graph: Graph, state: RunState, at: str, event: Event) -> None:
    key = event["step"]
    step = state.own(key)
    move_step(step, StepStatus.PENDING)
    step.interruptions += 1
    state.unanswered[key, event["epoch"], event["attempt"]] = None
    state.running.pop(key, None)
    state.ready[key] = None


def _late_result_ignored(graph: Graph, state: RunState, at: str, event: Event) -> None:
    item = event["data"].get("item", ())  # of a map: index and attempt
    state.unanswered.pop((event["step"], event["epoch"], event["attempt"], *item), None)
    spend(state, event["data"])
    if "happened" in event["data"]:
        unwinding.fold_late(graph, state, event)


def _effect_received(graph: Graph, state: RunState, at: str, event: Event) -> None:
    ledger.fold_received(graph, state, at, event)
    unwinding.fold_late(graph, state, event)


def _step_reset(graph: Graph, state: RunState, at: str, event: Event) -> None:
    step = reopen(state, event["step"])
    if event["epoch"] > step.epoch:
        step.epoch, step.attempt = event["epoch"], 0
        state.maps.pop(event["step"], None)
        state.effects.pop(event["step"], None)
    else:
        weigh(graph, state, event["step"], step)


def _rollback_started(graph: Graph, state: RunState, at: str, event: Event) -> None:
    data = event["data"]
    move_run(state, RunStatus.ROLLING_BACK)
    state.rollback, state.undoing = data, frozenset(data["steps"])
    state.failing, state.finished_at, state.error, state.output = False, None, None, None
    if data["automatic"]:
        state.rollback_counts[data["cause"]] = state.rollback_counts.get(data["cause"], 0) + 1
    else:  # a person has acted: every automatic rollback has all its times again
        state.rollback_counts.clear()
    unwinding.fold_begun(graph, state, data["steps"])


def _rollback_finished(graph: Graph, state: RunState, at: str, event: Event) -> None:
    rollback = state.rollback or {}
    undone = [key for key in graph.order if key in state.undoing]
    state.rollback, state.undoing = None, frozenset()
    why = {"reason": rollback["reason"], "count": rollback["count"]}
    for key in undone:
        state.reasons[key] = why
        recount(graph, state, key)
    if rollback["to"] is not None:
        state.results.pop(rollback["to"], None)  # it is asked for once more: it does not serve again
        move_run(state, RunStatus.RUNNING)
        for key in undone:
            weigh(graph, state, key, state.steps[key])


def _run_retried(graph: Graph, state: RunState, at: str, event: Event) -> None:
    move_run(state, RunStatus.RUNNING)
    state.failing, state.finished_at, state.error = False, None, None
    state.rollback_counts.clear()
    for key in event["data"]["steps"]:
        weigh(graph, state, key, reopen(state, key))


def _run_ended(status: RunStatus) -> Handler:
    def handler(graph: Graph, state: RunState, at: str, event: Event) -> None:
        move_run(state, status)
        state.finished_at = at
        state.output, state.error = event["data"].get("output"), event["data"].get("error")

    return handler


HANDLERS: dict[str, Handler] = {
    **mapping.HANDLERS,
    **kin.HANDLERS,
    "run_started": _run_started,
    "run_forked": take_over,
    "step_started": _step_started,
    "step_waiting": _step_waiting,
    "slots_awaited": awaiting.fold_awaited,
    "step_queued": _step_queued,
    "retry_scheduled": _retry_scheduled,
    "approval_requested": _approval_requested,
    "approval_voted": _approval_voted,
    "approval_decided": _approval_voted,
    "approval_expired": _approval_expired,
    "approval_voided": _approval_voided,
    "step_completed": _step_completed,
    "step_failed": _step_failed,
    "step_skipped": _step_skipped,
    "step_cancelled": _step_cancelled,
    "step_interrupted": _step_interrupted,
    "late_result_ignored": _late_result_ignored,
    "effect_received": _effect_received,
    "rollback_started": _rollback_started,
    "step_reset": _step_reset,
    "rollback_finished": _rollback_finished,
    "run_retried": _run_retried,
    "run_completed": _run_ended(RunStatus.COMPLETED),
    "run_failed": _run_ended(RunStatus.FAILED),
    "run_cancelled": _run_ended(RunStatus.CANCELLED),
    "run_rolled_back": _run_ended(RunStatus.ROLLED_BACK),
    **unwinding.HANDLERS,
}
