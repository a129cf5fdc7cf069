from datetime import UTC, datetime, timedelta

import pytest

from runs.pages.timeline import CUT_WIDTH, scale, tracks

START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def journal(*rows):
    """Rows of (second, kind, step[, epoch[, attempt]])."""
    entries = []
    for seq, (second, kind, step, *rest) in enumerate(rows, 1):
        epoch, attempt = (*rest, 1, 1)[:2] if len(rest) < 2 else rest
        entries.append(
            (
                seq,
                START + timedelta(seconds=second),
                [{"kind": kind, "step": step, "epoch": epoch, "attempt": attempt}],
            )
        )
    return entries


def bars(entries, step):
    return [(bar.kind, bar.start, bar.end, bar.undone) for bar in tracks(entries)[step].bars]


def test_work_lasts_from_the_start_to_the_end_of_an_attempt():
    assert bars(journal((0, "step_started", "a"), (3, "step_completed", "a")), "a") == [("work", 0, 3, False)]


def test_a_question_is_work_then_a_wait():
    entries = journal((0, "step_started", "a"), (1, "approval_requested", "a"), (9, "step_completed", "a"))
    assert bars(entries, "a") == [("work", 0, 1, False), ("wait", 1, 9, False)]


def test_two_notices_of_one_wait_are_one_bar():
    entries = journal((0, "step_started", "a"), (1, "approval_requested", "a"), (1, "step_waiting", "a"))
    assert bars(entries, "a") == [("work", 0, 1, False), ("wait", 1, None, False)]


def test_the_pause_before_the_next_attempt_is_a_wait():
    entries = journal(
        (0, "step_started", "a"),
        (1, "retry_scheduled", "a"),
        (4, "step_started", "a", 1, 2),
        (5, "step_failed", "a", 1, 2),
    )
    assert bars(entries, "a") == [("work", 0, 1, False), ("wait", 1, 4, False), ("work", 4, 5, False)]


def test_what_was_rolled_back_stays_as_undone_bars():
    entries = journal(
        (0, "step_started", "a"),
        (2, "step_completed", "a"),
        (5, "step_reset", "a", 2),
        (5, "step_started", "a", 2),
    )
    assert bars(entries, "a") == [("work", 0, 2, True), ("work", 5, None, False)]


def test_a_failed_step_that_is_only_retried_is_not_undone():
    entries = journal((0, "step_started", "a"), (2, "step_failed", "a"), (5, "step_reset", "a", 1))
    assert bars(entries, "a") == [("work", 0, 2, False)]


def test_an_interrupted_attempt_ends_where_it_was_found():
    entries = journal((0, "step_started", "a"), (2, "step_interrupted", "a"), (2, "step_started", "a", 1, 2))
    assert bars(entries, "a") == [("work", 0, 2, False), ("work", 2, None, False)]


def test_an_axis_without_long_waits_is_even():
    axis = scale(tracks(journal((0, "step_started", "a"), (10, "step_completed", "a"))), 10)
    assert [axis.at(second) for second in (0, 5, 10, 99)] == [0, 0.5, 1, 1]


def test_a_wait_over_half_the_span_is_shortened_and_its_ends_are_named():
    entries = journal(
        (0, "step_started", "a"), (10, "approval_requested", "a"), (90, "step_completed", "a"),
        (90, "step_started", "b"), (100, "step_completed", "b"),
    )  # fmt: skip
    axis = scale(tracks(entries), 100)
    assert axis.cuts == ((10, 90),)
    assert axis.at(90) - axis.at(10) == pytest.approx(CUT_WIDTH)
    assert axis.at(100) == pytest.approx(1)
    assert axis.labels() == [0, 10, 90, 100]


def test_a_wait_during_which_something_works_is_not_shortened():
    entries = journal(
        (0, "step_started", "a"),
        (1, "approval_requested", "a"),
        (1, "step_started", "b"),
        (99, "step_completed", "b"),
    )
    assert scale(tracks(entries), 100).cuts == ()


def test_labels_never_touch():
    axis = scale(
        tracks(journal((0, "step_started", "a"), (0.1, "step_waiting", "a"), (50, "step_completed", "a"))),
        50.1,
    )
    places = [axis.at(second) for second in axis.labels()]
    assert all(b - a >= 0.2 for a, b in zip(places, places[1:], strict=False))


def test_a_run_that_has_just_started_has_an_axis():
    assert scale({}, 0).at(0) == 0
