"""The door through which a step's external calls go: journaled before they are sent."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from runs import journal, payloads
from runs.cache import Run
from runs.engine.commands import Noted, Received, Sent
from runs.engine.ledger import slot
from runs.executors.base import Assignment
from steps.base import JSON, Cancelled, StepContext

WHAT = 300  # characters


class Door:
    """The calls of one attempt of a step, or of what undoes it. Costs nothing until the first call.

    As a context manager it journals, when the attempt fails, what was received until then.
    """

    __slots__ = ("_assignment", "_context", "_received", "_run", "_tried")

    def __init__(self, run: Run, assignment: Assignment, context: StepContext, tried: int = 0) -> None:
        self._run, self._assignment, self._context, self._tried = run, assignment, context, tried
        self._received: tuple[Received, ...] = ()

    def call(self, number: int, what: str, send: Callable[[str], JSON]) -> JSON:
        """See ``StepContext.effect``. Raises Cancelled where the attempt no longer counts."""
        context, made = self._context, self._assignment
        known = self._known(number)
        if known is not None:
            context.log("info", f"Taken from the journal, not sent again: {what[:WHAT]}")
            return known[0]
        key = context.idempotency_key(number)
        where = (made.step, made.epoch, made.attempt)
        command = Sent(
            *where, number, key, what[:WHAT], self._received, context.item, context.undoing, self._tried
        )
        said = journal.submit(made.run_id, command).events
        if not any(event["kind"] == "effect_sent" for event in said):
            if (known := self._known(number)) is not None:  # another process has heard it meanwhile
                self._received = ()
                return known[0]
            raise Cancelled
        self._received = ()
        receipt = send(key)
        value, payload = payloads.keep(made.run_id, receipt)
        self._received = (Received(number, key, value, payload),)
        return receipt

    def closed(self) -> tuple[Received, ...]:
        """What was received and is not in the journal; the step's end says it."""
        received, self._received = self._received, ()
        return received

    def _known(self, number: int) -> tuple[JSON] | None:
        """The receipt of a call that was answered in an earlier attempt of this epoch."""
        made, state = self._assignment, self._run.state
        if self._context.undoing:
            calls = state.undo.get((made.step, made.epoch), {}).get("calls", {})
        elif state.steps[made.step].epoch == made.epoch:
            calls = state.effects.get(made.step, {})
        else:
            return None
        call = calls.get(slot(number, self._context.item))
        if call is None or not call["received"]:
            return None
        return (payloads.load(made.run_id, call["payload"]) if "payload" in call else call.get("receipt"),)

    def __enter__(self) -> Door:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if received := self.closed():
            made = self._assignment
            where, context = (made.step, made.epoch, made.attempt), self._context
            noted = Noted(*where, received, context.item, context.undoing, self._tried)
            journal.submit(made.run_id, noted)
