"""The contract of a step type. One file per type, one line in the registry (``steps/__init__.py``)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

JSON = Any


class StepError(Exception):
    """A step failed. ``message`` is a sentence for a person; ``retryable`` lets ``retry`` try again.

    ``sent`` and ``received`` are what went out and came back, already free of secrets and cut to
    4,096 characters each; the run page shows them. ``refused``: the other side has said that it did not do
    what was asked, so nothing is left in doubt.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "step_failed",
        retryable: bool = False,
        sent: str = "",
        received: str = "",
        output: JSON = None,
        refused: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable
        self.sent = sent[:4096]
        self.received = received[:4096]
        self.output = output
        self.refused = refused
        self.details = details


class Cancelled(StepError):
    """Raised by ``StepContext.check`` when the step was cancelled or its run is rolling back."""

    def __init__(self, message: str = "The step was cancelled.") -> None:
        super().__init__(message, code="cancelled")


class Throttled(StepError):
    """A limit does not allow the call now. No failure: the step starts again after ``retry_after_s``."""

    def __init__(self, message: str, *, retry_after_s: float, limit: dict[str, JSON]) -> None:
        super().__init__(message, code="throttled", retryable=True, refused=True, limit=limit)
        self.retry_after_s = retry_after_s


Kind = Literal["model", "agent", "base", "tool", "credential", "user", "orchestration"]


class Lookup(Protocol):
    """Answers whether what a config refers to exists; the builder passes one to ``problems``."""

    def __call__(self, kind: Kind, slug: str) -> bool:
        """Whether something of ``kind`` that may be used goes by ``slug``: a user by the user name.

        A published orchestration also by ``slug@3``, which asks for that version of it.
        """
        ...


@dataclass(slots=True)
class StepContext:
    """What a step may know and do while it runs. It never touches run rows."""

    run_id: str
    key: str
    name: str
    epoch: int
    attempt: int
    config: dict[str, JSON]  # templates already resolved, unless the type declares fields as raw
    scope: dict[str, JSON]  # what templates see: input, steps, run, rollback
    user_id: str | None
    timeout_s: float
    log: Callable[..., None]  # log(level, message, **data)
    emit: Callable[[str], None]  # streaming text, appended to what was emitted before
    cancelled: Callable[[], bool]
    remaining_s: Callable[[], float]  # until the step's timeout, by a monotonic clock
    on_cancel: Callable[[Callable[[], None]], None] = lambda _stop: None  # called at once on cancel

    item: int | None = None  # of a map
    undoing: bool = False  # it is the step's ``compensate`` action that runs
    door: Callable[[int, str, Callable[[str], JSON]], JSON] | None = None  # journals the external calls

    def idempotency_key(self, call: int = 0) -> str:
        """The key of external call number ``call``: the same over retries and recovery."""
        item = "" if self.item is None else f"[{self.item}]"
        key = f"{self.run_id}:{self.key}{item}:{self.epoch}:{call}"
        return f"{key}:undo" if self.undoing else key

    def effect(self, what: str, send: Callable[[str], JSON], call: int = 0) -> JSON:
        """Make external call number ``call`` through the journal; returns its receipt.

        ``send(key)`` makes the call with that idempotency key and gives the receipt: JSON, free of secrets.
        That the call is sent is durable before it is. After a crash or a retry in the same epoch the receipt
        of a call that was answered is given again, and nothing is sent. A receipt is durable before the next
        call is sent, and with the step's end at the latest. ``what`` is one line for people.
        """
        if self.door is None:
            return send(self.idempotency_key(call))
        return self.door(call, what, send)

    def check(self) -> None:
        """Raise Cancelled if the step should stop."""
        if self.cancelled():
            raise Cancelled


@dataclass(slots=True)
class StepResult:
    """How a step ended: the ports it takes, its output (JSON), and what it used.

    A port ``failure`` fails the step and keeps the output (a validation that did not pass); then
    ``reason`` says why in one sentence.
    """

    output: JSON = None
    ports: tuple[str, ...] = ("success",)
    usage: dict[str, int] = field(default_factory=dict)  # input_tokens, output_tokens
    cost: float = 0.0
    citations: list[dict[str, JSON]] = field(default_factory=list)
    line: str = ""  # one short phrase for the card: "5 passages"
    reason: str = ""


@dataclass(slots=True)
class Ask:
    """The step waits for people. The engine makes the approval; its port follows from the answer."""

    message: str
    evidence: list[dict[str, JSON]]  # [{title, value}]
    assignees: list[str]  # user names
    role: str
    quorum: int
    expires_s: float | None
    form: JSON
    allow_self: bool
    channels: list[str]
    kind: str = "approval"  # or form: the answer is the step's output, on the port success


@dataclass(slots=True)
class Sleep:
    """The step waits for a time, then completes with ``output`` plus ``waited_s`` on ``success``."""

    seconds: float
    output: dict[str, JSON] = field(default_factory=dict)


@dataclass(slots=True)
class Each:
    """The step in ``config.step`` runs for each item; then the step completes with their results."""

    items: list[JSON]
    concurrency: int
    skip: bool  # an item that fails for good leaves null; else it fails the step


@dataclass(slots=True)
class Child:
    """The step waits for a run of another orchestration; its output becomes the step's."""

    orchestration: str  # slug
    version: int | None  # None: the newest
    input: JSON


Outcome = StepResult | Ask | Sleep | Each | Child


@dataclass(frozen=True, slots=True)
class Problem:
    """What keeps a draft from being published. ``field`` is a path in the step: ``config.prompt``."""

    step: str | None
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a config that reads the scope: templates anywhere in ``value``, or one expression."""

    field: str  # path in the config: "cases.0.when"
    value: JSON
    expression: bool = False
    extra: tuple[str, ...] = ()  # names that it may read beside the scope's


class StepType(ABC):
    """One kind of step: what it is called, what it takes, which ports it has, and what it does."""

    type: ClassVar[str]
    label: ClassVar[str]  # "LLM"
    group: ClassVar[str]  # palette heading: Think, Connect, Ask people, Shape the flow
    icon: ClassVar[str]  # symbol in the sprite: "t-llm"
    summary: ClassVar[str]  # one sentence for the palette and the docs
    effect: ClassVar[Literal["reversible", "compensatable", "irreversible"]] = "reversible"
    quick: ClassVar[bool] = False  # it only computes: results of others may wait for its end
    waits: ClassVar[bool] = (
        False  # for people, times, items or other runs; such a type cannot be a compensation
    )
    default_timeout_s: ClassVar[float] = 60
    default_config: ClassVar[dict[str, JSON]] = {}
    schema: ClassVar[dict[str, JSON]]  # JSON Schema of `config`; drives the inspector's form
    expressions: ClassVar[frozenset[str]] = frozenset()  # config fields the type evaluates by itself

    def ports(self, config: dict[str, JSON]) -> tuple[str, ...]:
        """The ports in drawing order; every type but ``delay`` has ``failure``."""
        return ("success", "failure")

    def line(self, config: dict[str, JSON]) -> str:
        """The one line that matters on the builder's card."""
        return ""

    def effect_of(self, config: dict[str, JSON]) -> str:
        """What running with ``config`` leaves outside: ``effect``, unless the config makes it harmless."""
        return self.effect

    def reusable(self, config: dict[str, JSON]) -> bool:
        """Whether a result may serve again while nothing has changed; asked of the config as written."""
        return False

    def rests_on(self, config: dict[str, JSON]) -> JSON:
        """The revisions of what a run with ``config`` uses: agents, models, credentials, knowledge."""
        return None

    def asks(self, config: dict[str, JSON]) -> list[dict[str, JSON]]:
        """The parts of ``config``, as written, that name the agents and models which a run asks."""
        return []

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """What the schema cannot say: references that do not exist, fields that exclude each other."""
        return []

    def parts(self, config: dict[str, JSON]) -> list[Part]:
        """What of ``config`` templates are read from; types with ``expressions`` add those."""
        return [Part(name, value) for name, value in config.items() if name not in self.expressions]

    @abstractmethod
    def run(self, context: StepContext) -> Outcome:
        """Do the work. Raises StepError; must return within ``context.remaining_s()``."""
