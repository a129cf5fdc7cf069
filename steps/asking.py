"""One question to a language model from within a step, and its failures in the steps' words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from steps.base import JSON, Cancelled, Lookup, Problem, StepContext, StepError, Throttled
from steps.templates import has_template

if TYPE_CHECKING:
    from agents import gateway
    from agents.gateway import Passage, Reply, Round, ToolSpec
    from agents.verbs import ModelSettings

MARGIN_S = 0.5  # so that the gateway gives up, and says why, before the step's own time is over

WHO: dict[str, JSON] = {
    "agent": {
        "title": "Agent",
        "description": "Its instructions, model and knowledge are used.",
        "type": "string",
        "minLength": 1,
        "x-widget": "slug:agent",
    },
    "model": {
        "title": "Model",
        "description": "Without an agent: the model to ask. With one: used in place of the agent's own.",
        "type": "string",
        "minLength": 1,
        "x-widget": "slug:model",
    },
}
SOMEBODY: list[JSON] = [{"required": ["agent"]}, {"required": ["model"]}]
SOMEBODY_SAYS = "Choose an agent or a model."


def settings_of(config: dict[str, JSON]) -> ModelSettings:
    """The settings that ``agent`` and ``model`` name. Raises StepError where they name nothing usable."""
    from agents import verbs
    from orchestrator.errors import ProductError

    try:
        return verbs.resolve(agent=config.get("agent", ""), model=config.get("model", ""))
    except ProductError as error:
        raise StepError(error.message, code=error.code, **error.details) from error


def ask(
    context: StepContext,
    settings: ModelSettings,
    *,
    prompt: str,
    system: str = "",
    passages: Sequence[Passage] = (),
    output_schema: dict[str, Any] | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    on_text: Callable[[str], None] | None = None,
    tools: Sequence[ToolSpec] = (),
    rounds: Sequence[Round] = (),
    call: int = 0,
) -> Reply:
    """The answer to ``prompt``. Raises StepError (retryable where that can help) and Cancelled."""
    from agents import gateway

    context.check()

    def send(key: str) -> JSON:
        return asdict(_complete(context, replace(request, idempotency_key=key)))

    request = gateway.Request(
        model=settings.model,
        system="\n\n".join(part for part in (settings.instructions.strip(), system.strip()) if part),
        prompt=prompt,
        output_schema=output_schema,
        temperature=settings.temperature if temperature is None else temperature,
        max_tokens=settings.max_tokens if max_tokens is None else max_tokens,
        passages=passages,
        tools=tools,
        rounds=rounds,
        timeout_s=max(MARGIN_S, context.remaining_s() - MARGIN_S),
        on_text=on_text,
        cancelled=context.cancelled,
        on_cancel=context.on_cancel,
    )
    return gateway.Reply(**context.effect(f"Ask {settings.model.slug}", send, call))


def _complete(context: StepContext, request: gateway.Request) -> Reply:
    from agents import gateway

    try:
        return gateway.complete(request)
    except gateway.GatewayError as error:
        context.check()
        if error.code == "cancelled":
            raise Cancelled from error
        if error.code == "throttled":
            raise Throttled(error.message, **error.details) from error
        raise StepError(
            error.message,
            code=error.code,
            retryable=error.retryable,
            sent=error.sent,
            received=error.received,
            **error.details,
        ) from error


def who_problems(key: str, field: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
    """Problems where the agent or the model of ``config`` does not exist."""
    found = []
    for kind in ("agent", "model"):
        slug = config.get(kind)
        if isinstance(slug, str) and slug and not has_template(slug) and not exists(kind, slug):
            message = f"There is no {kind} {slug!r} that is switched on."
            found.append(Problem(key, f"{field}.{kind}", f"unknown_{kind}", message))
    return found
