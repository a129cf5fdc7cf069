"""Nobody waits for another's thousand steps."""

from __future__ import annotations

from uuid import uuid4

from runs.executors.base import Assignment
from runs.executors.fair import FairQueue

OWNERS = {uuid4(): owner for owner in ("ann", "ann", "ben")}
FIRST, SECOND, BENS = OWNERS


def queue(*waiting):
    made = FairQueue(lambda assignment: OWNERS[assignment.run_id])
    for run_id, name in waiting:
        made.put(Assignment(run_id, name, 1, 1))
    return made


def served(made):
    names = []
    while not made.empty():
        names.append(made.get().step)
    return " ".join(names)


def test_a_run_alone_is_served_in_order():
    assert served(queue(*((FIRST, name) for name in "abcd"))) == "a b c d"


def test_people_take_turns_then_their_runs():
    many = [(FIRST, f"a{number}") for number in range(4)]
    made = queue(*many, (SECOND, "x1"), (SECOND, "x2"), (BENS, "b1"), (BENS, "b2"))
    assert served(made) == "a0 b1 x1 b2 a1 x2 a2 a3"


def test_who_comes_late_is_next_but_for_who_is_first_in_line():
    made = queue(*((FIRST, f"a{number}") for number in range(1000)))
    made.get()
    made.put(Assignment(BENS, "b", 1, 1))
    assert [made.get().step, made.get().step] == ["a1", "b"]


def test_stop_wakes_who_waits():
    made = queue()
    made.stop()
    assert made.get() is None
