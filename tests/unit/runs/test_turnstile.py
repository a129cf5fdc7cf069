"""The line at what is limited: slots, turns, rates. Times are seconds; nothing waits."""

from __future__ import annotations

from random import Random

from runs.gates import dump, load
from runs.turnstile import Bound, Group, Hall

ANN = Group("run-1", "ann", "refund")
ANNS_OTHER = Group("run-2", "ann", "refund")
BEN = Group("run-3", "ben", "refund")
ASKS = Group("run-4", "ben", "refund", ("gpt",))


def bounds(**known):
    """``bounds(orchestration_refund=Bound(2))``."""
    return {name.replace("_", ":", 1): bound for name, bound in known.items()}.get


def let_in(hall, known, worker="w1", at=0.0):
    return hall.admit(known, at, worker)


def test_no_more_are_let_in_than_there_are_slots():
    hall, known = Hall(), bounds(orchestration_refund=Bound(2))
    hall.want("run-1", {ANN: 5}, 0)
    assert let_in(hall, known) == {ANN: 2}
    assert hall.line[ANN].want == 3
    assert let_in(hall, known) == {}
    hall.hold("w1", {ANN: 1})  # one has ended
    assert let_in(hall, known) == {ANN: 1}


def test_slots_are_those_of_all_processes_together():
    hall, known = Hall(), bounds(user_ann=Bound(2))
    hall.hold("w2", {ANNS_OTHER: 1})
    hall.want("run-1", {ANN: 5}, 0)
    assert let_in(hall, known) == {ANN: 1}


def test_what_a_gone_process_held_is_free():
    hall, known = Hall(), bounds(user_ann=Bound(1))
    hall.hold("dead", {ANNS_OTHER: 1})
    hall.want("run-1", {ANN: 1}, 0)
    assert let_in(hall, known) == {}
    hall.keep({"w1"})
    assert let_in(hall, known) == {ANN: 1}
    assert not hall.line


def test_one_persons_thousand_items_do_not_keep_anothers_single_step_waiting():
    hall, known = Hall(), bounds(orchestration_refund=Bound(4))
    hall.want("run-1", {ANN: 1000}, 0)
    assert let_in(hall, known) == {ANN: 4}
    hall.want("run-3", {BEN: 1}, 1)
    hall.hold("w1", {ANN: 3})  # the next slot that comes free is his
    assert let_in(hall, known, at=1) == {BEN: 1}


def test_the_runs_of_a_person_take_turns_and_alike_ones_go_in_their_order():
    hall, known = Hall(), bounds(user_ann=Bound(1))
    hall.want("run-1", {ANN: 3}, 0)
    hall.want("run-2", {ANNS_OTHER: 2}, 1)
    order = []
    while hall.line:
        order += let_in(hall, known)
        hall.hold("w1", {})
    assert [group.run for group in order] == ["run-1", "run-2", "run-1", "run-2", "run-1"]


def test_who_waits_keeps_the_place_and_who_wants_nothing_leaves():
    hall = Hall()
    hall.want("run-1", {ANN: 3}, 0)
    hall.want("run-3", {BEN: 1}, 1)
    hall.want("run-1", {ANN: 7}, 2)
    assert (hall.position("run-1", ()), hall.position("run-3", ())) == (1, 2)
    assert hall.line[ANN].since == 0
    hall.want("run-1", {}, 3)
    assert (hall.position("run-1", ()), hall.position("run-3", ())) == (None, 1)


def test_a_limit_that_is_lowered_ends_nothing_and_one_that_is_gone_lets_all_in():
    hall = Hall()
    hall.hold("w1", {ANN: 5})
    hall.want("run-1", {ANN: 9}, 0)
    assert let_in(hall, bounds(user_ann=Bound(3))) == {}
    assert let_in(hall, bounds()) == {ANN: 9}


def test_nothing_may_run_under_a_limit_of_none_at_all():
    hall = Hall()
    hall.want("run-1", {ANN: 9}, 0)
    assert let_in(hall, bounds(user_ann=Bound(0))) == {}


def test_a_step_needs_a_slot_of_everything_that_bounds_it():
    hall, known = Hall(), bounds(user_ben=Bound(5), model_gpt=Bound(1))
    hall.want("run-4", {ASKS: 3}, 0)
    hall.want("run-3", {BEN: 3}, 0)
    assert let_in(hall, known) == {ASKS: 1, BEN: 3}


def test_requests_a_minute_count_when_a_step_is_let_in_and_come_back_after_it():
    hall, known = Hall(), bounds(model_gpt=Bound(requests=2))
    hall.want("run-4", {ASKS: 5}, 0)
    assert let_in(hall, known, at=100) == {ASKS: 2}
    hall.hold("w1", {})
    assert let_in(hall, known, at=159) == {}
    hall.forget(160)
    assert let_in(hall, known, at=160) == {ASKS: 2}


def test_tokens_are_counted_afterwards_and_bound_what_comes_next():
    hall, known = Hall(), bounds(user_ben=Bound(tokens=100))
    hall.want("run-4", {ASKS: 5}, 0)
    hall.spend("user:ben", 10, tokens=100)
    hall.want("run-3", {BEN: 1}, 0)  # asks no model
    assert let_in(hall, known, at=11) == {BEN: 1}
    assert let_in(hall, known, at=69) == {}
    assert let_in(hall, known, at=70) == {ASKS: 5}  # what they will use is not known yet


def test_a_call_beside_the_line_is_counted_or_told_when_to_come_again():
    hall, known = Hall(), bounds(model_gpt=Bound(requests=2, tokens=50))
    assert hall.call(["user:ben", "model:gpt"], known, 10) == (0.0, {})
    assert hall.call(["model:gpt"], known, 20) == (0.0, {})
    reached = {"kind": "model", "subject": "gpt", "what": "requests", "most": 2}
    assert hall.call(["model:gpt"], known, 30) == (40.0, reached)
    hall.spend("model:gpt", 31, tokens=50)
    assert hall.call(["model:gpt"], known, 32)[0] == 59.0  # the tokens of second 31 count until 91
    assert hall.call(["model:gpt"], bounds(model_gpt=Bound(requests=0)), 32)[0] == 60.0
    assert hall.call(["model:other"], known, 32) == (0.0, {})


def test_a_clock_that_jumps_neither_locks_anybody_out_for_long_nor_forgets_too_much():
    hall, known = Hall(), bounds(model_gpt=Bound(requests=1))
    hall.call(["model:gpt"], known, 10_000)
    hall.forget(5_000)  # set back by more than an hour
    assert hall.call(["model:gpt"], known, 5_000)[0] == 60.0
    hall.forget(5_060)
    assert hall.call(["model:gpt"], known, 5_060)[0] == 0.0
    hall.forget(90_000)  # set forward
    assert hall.call(["model:gpt"], known, 90_000)[0] == 0.0


def test_a_wait_is_said_once_with_what_causes_it_and_not_before_a_moment():
    hall, known = Hall(), bounds(user_ann=Bound(0))
    hall.want("run-1", {ANN: 1}, 10)
    hall.want("run-3", {BEN: 1}, 10)  # nothing keeps him out: he is let in before long
    assert hall.untold(known, 10.1, 0.3) == {}
    reached = {"kind": "user", "subject": "ann", "what": "concurrency", "most": 0}
    assert hall.untold(known, 11, 0.3) == {ANN: [reached]}
    hall.line[ANN].told = True
    assert hall.untold(known, 12, 0.3) == {}


def test_a_process_lets_in_only_what_it_may_serve():
    hall = Hall()
    hall.want("run-1", {ANN: 1}, 0)
    hall.want("run-3", {BEN: 1}, 0)
    known = bounds(orchestration_refund=Bound(2))
    assert hall.admit(known, 0, "w1", lambda group: group.run == "run-3") == {BEN: 1}


def test_the_hall_is_the_same_after_it_was_stored():
    hall = Hall()
    hall.hold("w1", {ANN: 2, ASKS: 1})
    hall.want("run-3", {BEN: 1}, 5)
    hall.spend("model:gpt", 7, requests=1, tokens=90)
    assert dump(load(dump(hall), 8)) == dump(hall)
    assert load(dump(hall), 99).spent == {}


def test_whatever_happens_no_limit_is_exceeded_and_everybody_is_served():
    """Workers start, end, die and come back at random; a second account counts what is under way."""
    for seed in range(40):
        random = Random(seed)
        people = [Group(f"r{n}", f"u{n % 3}", f"o{n % 2}") for n in range(6)]
        known = {"user:u0": Bound(1), "user:u1": Bound(2), "orchestration:o0": Bound(3)}
        hall, todo = Hall(), {group: random.randint(1, 8) for group in people}
        under_way: dict[str, dict[Group, int]] = {"w1": {}, "w2": {}}
        for turn in range(2000):
            if not any(todo.values()) and not any(any(mine.values()) for mine in under_way.values()):
                break
            worker = random.choice(list(under_way))
            mine = under_way[worker]
            if mine and random.random() < 0.6:
                group = random.choice(list(mine))
                mine[group] -= 1
                under_way[worker] = mine = {one: count for one, count in mine.items() if count}
            if random.random() < 0.05:  # it is killed: what it did starts again elsewhere
                for group, count in under_way.pop(worker).items():
                    todo[group] += count
                worker, mine = f"w{turn + 3}", {}
                under_way[worker] = mine
            hall.keep(under_way)
            hall.hold(worker, mine)
            for group in people:
                hall.want(group.run, {group: todo[group]}, turn)
            for group, count in hall.admit(known.get, turn, worker).items():
                todo[group] -= count
                mine[group] = mine.get(group, 0) + count
            for subject, bound in known.items():
                running = sum(
                    count
                    for each in under_way.values()
                    for group, count in each.items()
                    if subject in group.subjects
                )
                assert running <= bound.concurrency, (seed, turn, subject)
        assert not any(todo.values()), seed
