"""Waiting for people and for times: questions, votes, and what falls due."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orchestrator.errors import Conflict, Invalid
from runs.engine import maps, undo
from runs.engine.commands import Asked, Due, Slept, Vote
from runs.engine.ends import end, fail, heard
from runs.engine.events import JSON
from runs.engine.states import StepStatus
from runs.engine.turn import Turn, iso

KINDS = {
    "delay": "delay",
    "retry": "retry",
    "slot": "slot",
    "approval": "expiry",
}  # kind of wait -> kind of timer
# kind of question -> a person's decision -> the port
PORTS = {"approval": {"approve": "approved", "reject": "rejected"}, "form": {"submit": "success"}}

GOOD = ("approved", "success")  # these need no edge


def asked(turn: Turn, report: Asked) -> None:
    """The step has put its question."""
    if heard(turn, report) is not None:
        turn.say_step("approval_requested", report.step, {"approval": dict(report.approval)})


def slept(turn: Turn, report: Slept) -> None:
    """The step waits for a time."""
    if heard(turn, report) is not None:
        wait = {
            "kind": "delay",
            "due_at": iso(report.due_at),
            "since": turn.at,
            "output": dict(report.output),
        }
        turn.say_step("step_waiting", report.step, {"wait": wait})


def voted(turn: Turn, vote: Vote) -> None:
    """A person answers. The first rejection rejects, the ``quorum``-th approval approves.

    Raises Conflict (``already_decided`` with who and when, ``voided``, ``expired``, ``unknown_approval``)
    and Invalid for a decision that the question does not take.
    """
    key, approval = _open_question(turn, vote.approval)
    ports = PORTS[kind_of(approval)]
    if vote.decision not in ports:
        wanted = " or ".join(ports)
        raise Invalid(f"A decision is {wanted} here, not {str(vote.decision)[:40]!r}.", field="decision")
    for earlier in approval["votes"]:
        if earlier["by"] == vote.by:
            raise Conflict(
                "You have answered this already.",
                code="already_decided",
                by=vote.by,
                at=earlier["at"],
                decision=earlier["decision"],
            )
    said = {"approval": vote.approval, "by": vote.by, "decision": vote.decision, "comment": vote.comment}
    said["data"] = vote.data
    approvals = 1 + sum(earlier["decision"] == "approve" for earlier in approval["votes"])
    if vote.decision == "approve" and approvals < (approval.get("quorum") or 1):
        turn.say_step("approval_voted", key, said)
        return
    turn.say_step("approval_decided", key, said)
    answer = {"by": vote.by, "comment": vote.comment, "data": vote.data}
    answered(turn, key, ports[vote.decision], answer, vote.payload)


def _open_question(turn: Turn, pk: str) -> tuple[str, dict[str, Any]]:
    known = turn.state.approvals.get(pk)
    if known is None:
        raise Conflict("This run has asked no such question.", code="unknown_approval")
    if known["status"] == "pending":
        return known["step"], turn.state.steps[known["step"]].approval or {}
    if known["status"] == "expired":
        raise Conflict("Nobody answered in time.", code="expired", at=known["at"])
    if known["status"] == "voided":
        message = "The run was rolled back, cancelled or failed meanwhile, so an answer no longer counts."
        raise Conflict(message, code="voided", at=known["at"])
    raise Conflict(
        f"{known['by']} {known['status']} this already.",
        code="already_decided",
        by=known["by"],
        at=known["at"],
        decision=known["status"],
    )


def kind_of(approval: dict[str, Any]) -> str:
    """What kind of question: approval or form."""
    return approval.get("kind") or "approval"


def answered(
    turn: Turn, key: str, port: str, answer: dict[str, JSON], payload: dict[str, JSON] | None = None
) -> None:
    """Semantic 4: ``rejected`` and ``expired`` complete along their edge; without one the step fails.

    The output of a form is what was filled in; ``payload`` is where that is stored if it is large.
    """
    form = kind_of(turn.state.steps[key].approval or {}) == "form"
    output = answer["data"] if form else {"decision": port, **answer}
    if port in GOOD or (key, port) in turn.graph.wired:
        end(turn, key, (port,), {"payload": payload} if payload else {"output": output})
        return
    message = "Nobody answered in time." if port == "expired" else f"{answer['by']} rejected it"
    if answer["comment"]:
        message = f"{message}: {answer['comment']}"
    error = {"code": port, "message": message, "retryable": False}
    fail(turn, key, error, port=port, data={"output": output})


def due(turn: Turn, timer: Due) -> None:
    """A timer fired. Nothing happens unless the step waits for just this and its time has come."""
    if timer.kind == "undo":
        undo.due(turn, timer)
        return
    step = turn.state.steps.get(timer.step)
    if step is not None and timer.kind == "items":
        maps.due(turn, timer)
        return
    if step is None or step.status is not StepStatus.WAITING or step.wait is None:
        return
    if (step.epoch, step.attempt) != (timer.epoch, timer.attempt) or KINDS.get(
        step.wait["kind"]
    ) != timer.kind:
        return
    due_at = step.wait.get("due_at")
    if due_at is None or turn.at < iso(datetime.fromisoformat(due_at)):
        return
    if timer.kind in ("retry", "slot"):
        if turn.may_start(timer.step):
            turn.start(timer.step)
        else:
            turn.say_step("step_queued", timer.step, {})
    elif timer.kind == "delay":
        since = datetime.fromisoformat(step.wait["since"])
        waited = round(max((turn.now - since).total_seconds(), 0.0), 3)
        end(turn, timer.step, ("success",), {"output": {**step.wait["output"], "waited_s": waited}})
    else:
        turn.say_step("approval_expired", timer.step, {"approval": step.wait["approval"]})
        answered(turn, timer.step, "expired", {"by": None, "comment": "", "data": None})
