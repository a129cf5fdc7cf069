"""One door to every language model: ask, and get a checked answer with its price, or one kind of error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from agents import admission, loop, secrets
from agents.citations import cite
from agents.errors import GatewayError
from agents.models import LLMModel
from agents.prompt import Passage, with_grounding, with_passages
from agents.providers import PROVIDERS
from agents.providers.base import Account, Connection, Provider, Structure
from agents.rounds import Round, ToolCall, ToolSpec
from agents.structure import check_schema, read

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from agents.exchange import Answer, Question

__all__ = ["GatewayError", "Passage", "Reply", "Request", "Round", "ToolCall", "ToolSpec", "complete"]

LOOK_S = 0.2  # how often a waiting caller asks `cancelled`
GRACE_S = 5.0  # after the timeout: for a loop that is too busy to notice it
_importing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask, of whom, and within which limits.

    ``on_text`` gets the answer piece by piece, in the caller's thread. ``cancelled`` is asked five
    times a second; ``on_cancel`` may take a function that ends the call at once. ``passages`` go into
    the prompt numbered. ``temperature`` and ``max_tokens`` override the model's defaults. ``tools`` may be
    asked for by the model; ``rounds`` are the calls that it has made so far in this exchange.
    """

    model: LLMModel
    prompt: str
    system: str = ""
    output_schema: dict[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    passages: Sequence[Passage] = ()
    tools: Sequence[ToolSpec] = ()
    rounds: Sequence[Round] = ()
    timeout_s: float | None = None  # at most the model's own
    idempotency_key: str = ""
    on_text: Callable[[str], None] | None = None
    cancelled: Callable[[], bool] = lambda: False
    on_cancel: Callable[[Callable[[], None]], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Reply:
    """A checked answer. ``data`` is the schema's object, None where no schema was asked for.

    ``usage`` is ``{input_tokens, output_tokens}``; ``cost`` is in the money of the model's prices.
    ``citations`` are the passages that were given: ``{number, document, chunk, page, score, text, used,
    drawn_on}``. ``cut`` says that the answer ended at its token limit. Where ``calls`` is not empty, this is
    no answer yet: the model wants these tools used, and ``message`` sent back with their results.
    """

    text: str
    data: Any
    usage: dict[str, int]
    cost: float
    citations: list[dict[str, Any]]
    model: str
    took_s: float
    cut: bool = False
    calls: tuple[ToolCall, ...] = ()
    message: Any = None

    def __post_init__(self) -> None:
        """Read ``calls`` back from the journal's JSON."""
        read_back = tuple(call if isinstance(call, ToolCall) else ToolCall(**call) for call in self.calls)
        object.__setattr__(self, "calls", read_back)


@dataclass(slots=True)
class _Call:
    """One call on its way: when it must have ended (monotonic seconds) and what has come."""

    request: Request
    give_up: float
    inbox: SimpleQueue[str | None] = field(default_factory=SimpleQueue)  # None: the job has ended

    @property
    def left_s(self) -> float:
        return max(0.0, self.give_up - time.monotonic())


def complete(request: Request) -> Reply:
    """Ask a model and wait for the whole answer, from any thread.

    Makes exactly one request to the provider. Raises GatewayError, see there for the codes; it says
    whether another try may help. Ends within a second of being cancelled.
    """
    if request.output_schema is not None:
        check_schema(request.output_schema)
    row = request.model
    provider = PROVIDERS[row.provider]
    limit_s = row.timeout_s if request.timeout_s is None else min(request.timeout_s, row.timeout_s)
    _check(request)
    connection = provider.connect(account_of(row), request.cancelled)
    question = _question(request, provider)
    model = loop.kept(connection, lambda: provider.build(connection))
    _check(request)
    admission.keeper.enter(row.slug, request.cancelled)
    began = time.monotonic()  # not before: importing an SDK takes seconds, which are not the provider's
    answer = _exchange(_Call(request, give_up=began + limit_s), connection, model, question)
    admission.keeper.spent(row.slug, answer.input_tokens + answer.output_tokens)
    return _reply(request, question, answer, time.monotonic() - began)


def _check(request: Request) -> None:
    if request.cancelled():
        raise GatewayError("The call was cancelled.", code="cancelled")


def account_of(row: LLMModel) -> Account:
    """The row's provider account with its key in the clear; raises GatewayError ``configuration``."""
    key = ""
    if row.credential is not None:
        try:
            key = secrets.decrypt(row.credential.secret_encrypted)
        except secrets.UnreadableError as error:
            raise GatewayError(
                f"The key “{row.credential.name}” cannot be read with this SECRET_KEY: enter it again.",
                code="configuration",
            ) from error
    return Account(row.name, row.model_name, row.base_url, key)


def _question(request: Request, provider: Provider) -> Question:
    """The request as it goes out; imports pydantic-ai, which takes seconds the first time."""
    with _importing:
        from agents.exchange import Question
    defaults = request.model.defaults or {}
    usual = provider.structure
    if request.tools:
        if provider.beside_tools is None:
            raise GatewayError(f"“{request.model.name}” cannot use tools.", code="configuration")
        usual = provider.beside_tools
    structure: Structure = defaults.get("structure", usual)
    return Question(
        system=with_grounding(request.system, request.passages),
        prompt=with_passages(request.prompt, request.passages),
        schema=request.output_schema,
        structure=structure,
        temperature=_first(request.temperature, defaults.get("temperature")),
        max_tokens=_at_most(_first(request.max_tokens, defaults.get("max_tokens")), provider.most_tokens),
        idempotency_key=request.idempotency_key,
        tools=request.tools,
        rounds=request.rounds,
    )


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _at_most(wanted: int | None, limit: int | None) -> int | None:
    return min((value for value in (wanted, limit) if value is not None), default=None)


def _exchange(call: _Call, connection: Connection, model: Model[Any], question: Question) -> Answer:
    """Run the request on the background loop; whatever the provider does wrong becomes a GatewayError."""
    from agents import exchange, failures

    name = call.request.model.name
    sent = f"{question.system}\n\n{question.prompt}".strip()
    on_text = call.inbox.put if call.request.on_text else None
    job = loop.Job(
        exchange.ask(model, question, on_text, limit_s=call.left_s), done=lambda: call.inbox.put(None)
    )
    call.request.on_cancel(job.cancel)
    try:
        _deliver(call)
    except BaseException:  # the caller's own error too: nobody waits for the answer any more
        job.cancel()
        raise
    try:
        answer: Answer = job.result()
    except CancelledError as error:
        raise GatewayError("The call was cancelled.", code="cancelled", sent=sent) from error
    except TimeoutError as error:
        raise _too_late(name, sent) from error
    except Exception as error:
        raise failures.explain(error, name=name, sent=sent, secret=connection.api_key) from error
    return answer


def _deliver(call: _Call) -> None:
    """Hand out the text as it comes, in this thread, until the job has ended; raises if it must not go on."""
    while True:
        try:
            piece = call.inbox.get(timeout=LOOK_S)
        except Empty:
            _check(call.request)
            if time.monotonic() > call.give_up + GRACE_S:
                raise _too_late(call.request.model.name, "") from None
            continue
        if piece is None:
            return
        _check(call.request)
        if call.request.on_text is not None:
            call.request.on_text(piece)


def _too_late(name: str, sent: str) -> GatewayError:
    return GatewayError(f"“{name}” did not answer in time.", code="timeout", retryable=True, sent=sent)


def _reply(request: Request, question: Question, answer: Answer, took_s: float) -> Reply:
    """Check the answer and put its price and sources beside it."""
    row = request.model
    usage = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    try:
        _check_whole(answer, row.name, streamed=request.on_text is not None)
        wanted = None if answer.calls else question.schema
        data = None if wanted is None else read(answer.text, wanted)
    except GatewayError as error:
        error.sent = f"{question.system}\n\n{question.prompt}".strip()[:4096]
        error.details["usage"] = usage
        if error.code == "output_invalid" and answer.finish == "length":
            error.message = f"The answer of “{row.name}” reached its token limit before it was complete."
        raise
    return Reply(
        text=answer.text,
        data=data,
        usage=usage,
        cost=(answer.input_tokens * row.input_price + answer.output_tokens * row.output_price) / 1e6,
        citations=cite(request.passages, request.prompt, answer.text),
        model=answer.model,
        took_s=round(took_s, 3),
        cut=answer.finish == "length",
        calls=answer.calls,
        message=answer.message,
    )


def _check_whole(answer: Answer, name: str, *, streamed: bool) -> None:
    """Refuse half an answer that looks like a whole one: a stream may end without saying why."""
    if answer.finish == "error":
        raise GatewayError(f"“{name}” gave up on the answer.", retryable=True, received=answer.text)
    if streamed and answer.finish is None:
        raise GatewayError(
            f"The answer of “{name}” broke off.", code="stream_cut", retryable=True, received=answer.text
        )
    if answer.finish == "content_filter":
        raise GatewayError(
            f"“{name}”'s content filter stopped the answer.", code="content_filter", received=answer.text
        )
