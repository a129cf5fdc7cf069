"""What parent and child run have to say to each other, as their journals stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from orchestrator.errors import Conflict
from runs import journal, payloads, reports
from runs.cache import runs
from runs.creation import opening
from runs.engine.commands import (
    Cancel,
    Command,
    Complete,
    Fail,
    ItemDone,
    ItemFail,
    Resolve,
    RetryRun,
    Rollback,
    UndoFailed,
    Undone,
)
from runs.engine.kin import wanted
from runs.engine.records import RunState
from runs.engine.states import ENDED, RunStatus
from runs.journal import Committed
from runs.models import OrchestrationInstance
from runs.scope import run_output
from steps.base import JSON, StepError

Act = Callable[[UUID, Command], Committed]
GIVEN_UP = "rollback_given_up"


class _Pair:
    """A child run and its parent."""

    def __init__(self, act: Act, row: OrchestrationInstance) -> None:
        self.act, self.row = act, row
        self.parent = OrchestrationInstance.objects.select_related("orchestration").get(pk=above_of(row))
        self.state: RunState = journal.load(row.pk)[2]
        self.want, self.known = wanted_of(row)

    def answer(self) -> None:
        """Say what there is to say now."""
        {"go": self._go, "undo": self._undo, "stuck": self._stuck, "stop": self._stop, "rest": _nothing,
         "nothing": self._unknown}[self.want]()  # fmt: skip

    def _go(self) -> None:
        """The parent waits for it: it begins, is tried again, or its end is told."""
        state = self.state
        if state.seq == 0:
            self._untold()
            self.act(self.row.pk, opening(self.row, parent=self._parent()))
        elif state.status in (RunStatus.FAILED, RunStatus.CANCELLED) and state.seq == self.known["since"]:
            self._untold()
            try:
                self.act(self.row.pk, RetryRun(self._by(), seen=state.seq))
            except Conflict as error:
                self._tell(self._failure("child_failed", f"cannot be tried again: {error.message}"))
        elif state.status in ENDED:
            self._tell(self._end())

    def _stop(self) -> None:
        """Nothing waits for it: it is cancelled, and what it has come to meanwhile is late."""
        state = self.state
        if state.status is RunStatus.ROLLING_BACK:
            self._give_up()
        elif state.status not in ENDED:
            self.act(self.row.pk, Cancel(self._by(), f"{self._above()} does not wait for it any more."))
        else:
            late = self.known and state.status in (RunStatus.COMPLETED, RunStatus.FAILED)
            self._tell(self._end() if late else None)

    def _unknown(self) -> None:
        """The parent has not said that it waits: it may be about to, or its step has ended without that."""
        if self.state.seq:
            self._stop()
            return
        _, _, above = journal.load(above_of(self.row))
        step = above.steps[self.row.parent_step]
        if above.status in ENDED or step.status in ("COMPLETED", "FAILED", "SKIPPED", "CANCELLED"):
            self._stop()

    def _undo(self) -> None:
        """The parent is being rolled back and waits until all that the child did is undone."""
        state, stuck = self.state, stuck_at(self.state)
        moved = state.seq > self.known["since"]
        if state.seq == 0:
            self.act(self.row.pk, Cancel(self._by(), self._because()))
            self._tell(self._undone())
        elif state.status is RunStatus.ROLLED_BACK or state.started_at is None:
            self._tell(self._undone())
        elif stuck and moved:
            self._tell_stuck((state.undo[stuck]["error"] or {}).get("message") or "")
        elif stuck:
            self.act(self.row.pk, Resolve(stuck[0], "retry", self._by(), self._because()))
        elif moved and state.status is RunStatus.FAILED and (state.error or {}).get("code") == GIVEN_UP:
            self._tell_stuck((state.error or {}).get("message") or "")
        elif state.status is not RunStatus.ROLLING_BACK:
            self.act(self.row.pk, Rollback(None, self._by(), self._because()))

    def _stuck(self) -> None:
        """Somebody may have seen to it in the child."""
        if self.state.status is RunStatus.ROLLED_BACK:
            self._tell(self._undone())

    def _give_up(self) -> None:
        stuck = stuck_at(self.state)
        if stuck and (self.state.rollback or {}).get("to") is None:
            self.act(self.row.pk, Resolve(stuck[0], "give_up", self._by(), self._because()))

    def _parent(self) -> dict[str, JSON]:
        """What a child's first entry says of where it comes from."""
        row, parent = self.row, self.parent
        item = {} if row.parent_item is None else {"item": row.parent_item}
        told = {"orchestration": parent.orchestration.slug, "name": parent.orchestration.name}
        return {
            "id": str(parent.pk), "number": parent.number, **told, "step": row.parent_step,
            "epoch": self.known["epoch"], **item,
        }  # fmt: skip

    # -------------------------------------------------------------- what is said to the parent

    def _tell(self, command: Command | None) -> None:
        """Tell the parent; then there is nothing more to say, unless it wants something anew."""
        if command is not None:
            self.act(above_of(self.row), command)
        rows = OrchestrationInstance.objects.filter(pk=self.row.pk)
        rows.update(parent_told=True)
        if wanted_of(self.row)[0] in ("go", "undo", "stuck"):
            rows.update(parent_told=False)

    def _untold(self) -> None:
        OrchestrationInstance.objects.filter(pk=self.row.pk).update(parent_told=False)

    def _end(self) -> Command:
        state = self.state
        if state.status is RunStatus.COMPLETED:
            try:
                return self._success()
            except StepError as error:
                return self._failure(error.code, f"has no output: {error.message}", retryable=False)
        if state.status is RunStatus.CANCELLED:
            return self._failure("child_cancelled", "was cancelled.", retryable=False)
        if state.status is RunStatus.ROLLED_BACK:
            return self._failure("child_rolled_back", "was rolled back.", retryable=False)
        why = state.error or {}
        where = f" at {why['step']}" if why.get("step") else ""
        return self._failure("child_failed", f"failed{where}: {why.get('message') or 'without a word'}")

    def _success(self) -> Command:
        graph, document, state = journal.load(self.row.pk)
        pk = self.row.pk
        output = run_output(graph, document, state, lambda stored: payloads.load(pk, stored), str(pk))
        raw = payloads.encode(output)
        kept, payload = payloads.keep(above_of(self.row), output)
        where, item = self._where()
        if item is not None:
            return ItemDone(*where, *item, kept, payload, len(raw))
        return Complete(*where, output=kept, payload=payload, line=f"run {self.row.number}")

    def _failure(self, code: str, what: str, *, retryable: bool = True) -> Command:
        message = f"Run {self.row.number} of {self.row.orchestration.name} {what}"
        error = StepError(message, code=code, retryable=retryable)
        said = reports.said(error, {"run": str(self.row.pk), "number": self.row.number})
        where, item = self._where()
        return Fail(*where, said) if item is None else ItemFail(*where, *item, said)

    def _where(self) -> tuple[tuple[str, int, int], tuple[int, int] | None]:
        """The parent's dispatch that waits for it; of a map also the item and its attempt."""
        known, item = self.known, self.row.parent_item
        where = self.row.parent_step, known["epoch"], known["attempt"]
        return where, None if item is None else (item, known["tried"])

    def _undone(self) -> Command:
        return Undone(*self._job(), line=f"run {self.row.number} rolled back", item=self.row.parent_item)

    def _tell_stuck(self, why: str) -> None:
        message = f"Run {self.row.number} of {self.row.orchestration.name} could not be rolled back: {why}"
        said = reports.said(
            StepError(message, code="child_stuck"), {"run": str(self.row.pk), "number": self.row.number}
        )
        self.act(above_of(self.row), UndoFailed(*self._job(), said))

    def _job(self) -> tuple[str, int, int]:
        return self.row.parent_step, self.known["epoch"], self.known["undoing"]

    def _by(self) -> str:
        """Who is said to have done it: who started both runs."""
        starter = self.row.started_by
        return starter.username if starter else ""

    def _above(self) -> str:
        return f"Run {self.parent.number} of {self.parent.orchestration.name}"

    def _because(self) -> str:
        return f"{self._above()} is rolled back."


def attend(act: Act, pk: UUID) -> None:
    """Have a child run and its parent say to each other what there is to say. Harmless at any time."""
    rows = OrchestrationInstance.objects.select_related("orchestration", "version", "started_by")
    row = rows.filter(pk=pk, parent__isnull=False).first()
    if row is not None:
        _Pair(act, row).answer()


def stuck_at(state: RunState) -> tuple[str, int] | None:
    """What a rollback is stuck at."""
    return next((at for at, job in state.undo.items() if job["status"] == "stuck"), None)


def wanted_of(row: OrchestrationInstance) -> tuple[str, dict[str, Any]]:
    """What the parent of a child run wants of it now; see ``engine.kin.wanted``."""
    parent = runs.get(above_of(row))
    journal.refresh(parent)
    with parent.lock:
        return wanted(parent.state, str(row.pk), row.parent_step, row.parent_item)


def above_of(row: OrchestrationInstance) -> UUID:
    """The id of the parent of a child run."""
    if row.parent_id is None:
        raise ValueError(f"Run {row.pk} has no parent.")
    return row.parent_id


def _nothing() -> None:
    """A rollback of the parent will come to it."""
