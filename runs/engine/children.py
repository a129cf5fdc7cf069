"""Child runs: a step, or an item of a map, begins one and waits; undoing it rolls that run back whole.

A child's end is said to its parent as that of any step: ``Complete``, ``Fail``, ``ItemDone``, ``ItemFail``,
and of a rollback ``Undone``, ``UndoFailed``. What is known of children is kept by ``kin``.
"""

from __future__ import annotations

from runs.engine.commands import ChildBegins, ChildUndoes, ItemBegins
from runs.engine.ends import heard
from runs.engine.maps import heard_item
from runs.engine.turn import Turn


def begins(turn: Turn, command: ChildBegins) -> None:
    """The step waits for a child run from here on; who commits this sets it going."""
    if heard(turn, command) is not None:
        turn.say_step("child_started", command.step, {"child": dict(command.child)})


def item_begins(turn: Turn, command: ItemBegins) -> None:
    """An item of a map waits for a child run."""
    heard_of = heard_item(turn, command)
    if heard_of is not None and command.item in heard_of[0].running:
        said = {"child": dict(command.child), "item": [command.item, command.tried]}
        turn.say_step("child_started", command.step, said)


def undoes(turn: Turn, command: ChildUndoes) -> None:
    """A compensation waits until a child run is rolled back; who commits this begins that."""
    job = turn.state.undo.get((command.step, command.epoch))
    if job is not None and job["status"] == "running" and job["attempt"] == command.attempt:
        said = {"child": dict(command.child)}
        turn.say_of("compensation_waiting", command.step, command.epoch, command.attempt, said)
