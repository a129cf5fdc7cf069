"""What a journal says: events are JSON objects ``{kind, step?, epoch?, attempt?, data}``, never changed.

``data`` by kind. Fields in brackets are absent when they are empty; every other field is there.

- run_started: input, user {id, username}, version, [parent] (of a child run: {id, number, orchestration,
  name, step, epoch, [item]})
- run_forked: run, number, version (of the source), from, steps {key: {status, [ports], [output or payload],
  [error], [line], [citations]}} (what is taken over: they have ended so, and never start here), [edited]
  (those whose output a person has set), [results] {key: as step_completed, epoch, run, number} (of steps that
  are executed: they may serve again)
- step_started: worker
- slots_awaited: limits [{kind, subject, what, most}]; what is ready starts as soon as slots are free
- step_waiting: wait {kind: delay, due_at, since, output} or {kind: slot, due_at, since, limit}
- step_queued: nothing; its pause is over, and it starts when it is its turn
- approval_requested: approval {id, message, ..., as in ``commands.Asked``}; the step is WAITING from here on
- approval_voted, approval_decided: approval, by, decision (approve or reject, submit for a form), comment,
  data. The vote that decides is an approval_decided only.
- approval_expired: approval
- approval_voided: approval, reason
- result_reused: hash, [epoch], [run, number]: the step_completed that follows gives an earlier result again,
  of that epoch, or of the run that this one was forked from
- step_completed: ports, output or payload {sha256, size}, [usage], [cost], [citations], [line], [hash] (of
  all that it rests on), [reused]
- step_failed: error {code, message, ...}, ports, handled, continued, output or payload, [usage], [cost],
  [citations], [line]. Neither handled nor continued: ``on_failure`` fails the run or rolls it back.
- retry_scheduled: due_at, error, delay_s
- items_listed: count, digest, concurrency, skip, items or payload; a map's items, some of which may be kept
- item_started: worker, items [{index, attempt}]
- item_completed: items [{index, output or payload, size, [usage], [cost]}]
- item_failed: items [{index, error, [due_at]}]; with due_at it is tried again then
- item_waiting: items [{index, due_at}]; a limit is reached, it starts again then, and has not failed
- item_queued: items [index]; their pauses are over
- item_interrupted: worker, items [{index, attempt}]
- items_finished: worker, which puts the results together
- child_started: child {id, orchestration, name, version, number, since}, [item [index, attempt]]; the step,
  or that item, is WAITING for a run of its own, which begins, or goes on from its entry ``since``
- step_skipped: nothing
- step_cancelled: reason; of one that a person has given up also by, error, ports, handled, continued
- step_interrupted: worker
- late_result_ignored: reason, [usage], [cost], [item [index, attempt]], [happened with output or payload: its
  effect is to be undone; given {value or payload}: the item]
- effect_sent: call, key, what, [item], [undo]; durable before the call is made
- effect_received: call, key, receipt or payload (neither where the end in the same entry says it), [item],
  [undo]
- compensation_started: worker. Of these events ``attempt`` counts the attempts to undo; each of them names
  the [item] of a map that is undone.
- compensation_waiting: child {id, number, since}, which is rolled back
- step_compensated: output or payload, [line], [usage], [cost]
- compensation_retry_scheduled: due_at, error, delay_s
- compensation_queued: nothing; its pause is over
- compensation_failed: error; for good: a person has to say how the rollback goes on
- compensation_interrupted: worker
- compensation_retried, compensation_skipped: by, reason
- rollback_given_up: by, reason, step, remaining (steps that are still to be undone)
- rollback_started: to (None: the whole run), by (user name; None when automatic), reason, automatic, count
  (how often ``to`` has been rolled back, with this), steps (in the order of undoing), [cause] (the step
  whose failure did it)
- step_reset: nothing; ``epoch`` is the new one. Of steps that the rollback only retries it is the old one.
- rollback_finished: to
- run_retried: by, steps
- run_completed: output (None; the runtime renders the document's mapping), last (keys of the last steps)
- run_failed: error {step, code, message}
- run_cancelled: by, reason
- run_rolled_back: by, reason

The list is open: who does not know a kind ignores it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

JSON = Any
Event = dict[str, Any]
Entry = tuple[int, str, list[Event]]  # seq, at (ISO 8601, UTC), events
Entries = Iterable[Entry]
