"""What may be said to a run: by a process that starts it, by its steps, by clocks, and by people.

``step, epoch, attempt`` name one dispatch of a step: what is said of another one is late and changes
nothing. ``by`` is a user name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from runs.engine.events import JSON


@dataclass(frozen=True, slots=True)
class OfStep:
    """Said of one dispatch of a step; said of another one, it is late."""

    step: str
    epoch: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Start:
    """The run's first entry. ``user`` is {id, username}, ``version`` the published number."""

    input: JSON
    user: dict[str, JSON]
    version: int
    parent: dict[str, JSON] | None = None  # of a child run: {id, number, step, epoch, [item]}


@dataclass(frozen=True, slots=True)
class Fork:
    """The first entry of a run that takes over results of another: as Start, and what ``run_forked`` says."""

    input: JSON
    user: dict[str, JSON]
    version: int
    forked: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Kick:
    """Start what may start: a slot came free elsewhere, or an entry was appended without an executor."""


@dataclass(frozen=True, slots=True)
class Admit:
    """Slots are free: at most ``most`` of the steps ``keys``, or of the items of such maps, start."""

    keys: frozenset[str]
    most: int


@dataclass(frozen=True, slots=True)
class Await:
    """What could start waits for a free slot; ``limits`` are those that are reached."""

    limits: tuple[dict[str, JSON], ...]


@dataclass(frozen=True, slots=True)
class Received:
    """What came back from external call ``call``: a receipt without secrets, or the Payload that holds it."""

    call: int
    key: str
    receipt: JSON = None
    payload: dict[str, JSON] | None = None


@dataclass(frozen=True, slots=True)
class Sent(OfStep):
    """A step, or what undoes it, is about to make an external call; ``received`` are answers before that."""

    call: int
    key: str
    what: str
    received: tuple[Received, ...] = ()
    item: int | None = None
    undo: bool = False
    tried: int = 0  # which attempt of the item


@dataclass(frozen=True, slots=True)
class Noted(OfStep):
    """Answers that no further call and no end of the step has told."""

    received: tuple[Received, ...]
    item: int | None = None
    undo: bool = False
    tried: int = 0


@dataclass(frozen=True, slots=True)
class Complete(OfStep):
    """A step ended. On the port ``failure`` it failed and keeps its output; ``reason`` says why."""

    ports: tuple[str, ...] = ("success",)
    output: JSON = None
    payload: dict[str, JSON] | None = None  # {sha256, size} in place of an output over 16 KiB
    usage: dict[str, int] = field(default_factory=dict)
    cost: float = 0.0
    citations: list[dict[str, JSON]] = field(default_factory=list)
    line: str = ""
    reason: str = ""
    hash: str = ""  # of all that the result rests on, where it may serve again
    received: tuple[Received, ...] = ()


@dataclass(frozen=True, slots=True)
class Reuse(OfStep):
    """A step need not run: all that its earlier result rests on, ``hash``, is unchanged."""

    hash: str


TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Fail(OfStep):
    """An attempt raised. ``error`` is {code, message, retryable, details, sent, received}.

    With the code ``timeout`` the runtime speaks for a step that has not answered; should it answer later,
    that is a late result.
    """

    error: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Asked(OfStep):
    """A step waits for people.

    ``approval`` is {id, kind (approval or form), message, evidence, assignees, role, quorum, form,
    allow_self, channels, expires_at (ISO 8601 or None), content_hash}.
    """

    approval: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Slept(OfStep):
    """A step waits for a time, then completes with ``output`` and ``waited_s``."""

    due_at: datetime
    output: dict[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held(OfStep):
    """An attempt may not call its model now, as ``limit`` says; it starts again at ``due_at``. No failure."""

    due_at: datetime
    limit: dict[str, JSON]


# What a person says -> what has become of the question.
SETTLED = {"approve": "approved", "reject": "rejected", "submit": "submitted"}


@dataclass(frozen=True, slots=True)
class Listed(OfStep):
    """A map has worked out its items; ``digest`` tells whether they are those of an earlier dispatch."""

    count: int
    digest: str
    concurrency: int
    skip: bool = False
    items: list[JSON] | None = None
    payload: dict[str, JSON] | None = None  # {sha256, size} in place of items over 16 KiB


@dataclass(frozen=True, slots=True)
class ItemDone(OfStep):
    """Item ``item`` of a map ended in its attempt ``tried``; ``size`` is that of its output as JSON."""

    item: int
    tried: int
    output: JSON = None
    payload: dict[str, JSON] | None = None
    size: int = 0
    usage: dict[str, int] = field(default_factory=dict)
    cost: float = 0.0
    received: tuple[Received, ...] = ()
    given: dict[str, JSON] | None = None  # {value or payload}: the item, where the step names what undoes it


@dataclass(frozen=True, slots=True)
class ItemFail(OfStep):
    """An attempt of an item raised; ``error`` as in ``Fail``."""

    item: int
    tried: int
    error: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class ItemInterrupt(OfStep):
    """``worker``, which had started this attempt of an item, is gone."""

    item: int
    tried: int
    worker: str


@dataclass(frozen=True, slots=True)
class ItemHeld(OfStep):
    """As ``Held``, of an item."""

    item: int
    tried: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ChildBegins(OfStep):
    """A step has made the row of a child run, or found it there.

    ``child`` is {id, orchestration (slug), version, number, since}; see ``engine.kin``.
    """

    child: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class ItemBegins(OfStep):
    """As ``ChildBegins``, of item ``item`` of a map in its attempt ``tried``."""

    item: int
    tried: int
    child: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class ChildUndoes(OfStep):
    """A compensation rolls ``child``, {id, number, since}, back, and waits until that is done."""

    child: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class Vote:
    """A person answers: approve or reject, or submit for a form. Who may answer is asked before."""

    approval: str
    by: str
    decision: str
    comment: str = ""
    data: JSON = None
    payload: dict[str, JSON] | None = None  # {sha256, size} of the data of a form, where it is over 16 KiB


@dataclass(frozen=True, slots=True)
class Due(OfStep):
    """A timer says that what ``kind`` (delay, retry, slot, expiry) waits for has come. Ignored when early."""

    kind: str


@dataclass(frozen=True, slots=True)
class Interrupt(OfStep):
    """``worker``, which had started this attempt, is gone."""

    worker: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person ends the run."""

    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CancelStep:
    """A person gives up one step that runs or waits; the run goes on as its failure would have it."""

    step: str
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RetryRun:
    """A person has what failed tried again: all of it, or the steps named."""

    by: str
    steps: tuple[str, ...] | None = None
    seen: int | None = None  # the entry at which this was decided: a run that has moved on is left alone


@dataclass(frozen=True, slots=True)
class Rollback:
    """A person takes the run back to a checkpoint, or undoes it whole (``to`` is None)."""

    to: str | None
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Undone(OfStep):
    """A compensation worked."""

    output: JSON = None
    payload: dict[str, JSON] | None = None
    usage: dict[str, int] = field(default_factory=dict)
    cost: float = 0.0
    line: str = ""
    received: tuple[Received, ...] = ()
    undo: bool = True
    item: int | None = None


@dataclass(frozen=True, slots=True)
class UndoFailed(OfStep):
    """An attempt of a compensation raised; ``error`` as in ``Fail``."""

    error: dict[str, JSON]


@dataclass(frozen=True, slots=True)
class UndoInterrupted(OfStep):
    """``worker``, which had started this attempt of a compensation, is gone."""

    worker: str


@dataclass(frozen=True, slots=True)
class Resolve:
    """A person says how a rollback goes on that is stuck at ``step``: retry, skip or give_up."""

    step: str
    action: str
    by: str
    reason: str = ""


Report = Complete | Fail | Asked | Slept | Reuse | Listed | Held | ChildBegins
ItemReport = ItemDone | ItemFail | ItemInterrupt | ItemHeld | ItemBegins
Slots = Admit | Await
Act = Vote | Cancel | CancelStep | RetryRun | Rollback | Resolve
Undoing = Sent | Noted | Undone | UndoFailed | UndoInterrupted | ChildUndoes
Command = Start | Fork | Kick | Slots | Report | ItemReport | Due | Interrupt | Act | Undoing
