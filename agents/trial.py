"""One try of a model, an agent or a tool from its page: what came back, what it cost, or why it failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from agents import gateway
from agents.models import LLMModel, Named
from orchestrator.errors import ProductError

LONGEST = 20_000  # characters of a question
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the page shows: an answer with its facts, or a sentence and what came back."""

    answer: str = ""
    facts: tuple[str, ...] = ()
    error: str = ""
    received: str = ""


Runner = Callable[[Named, str], Outcome]
_runners: dict[type[Named], Runner] = {}


def register(model: type[Named], runner: Runner) -> None:
    """Have ``runner`` try rows of ``model``; rooms above this one know how agents and tools work."""
    _runners[model] = runner


def possible(model: type[Named]) -> bool:
    """Whether rows of ``model`` can be tried."""
    return model is LLMModel or model in _runners


def run(row: Named, text: str) -> Outcome:
    """Try ``row``, as it is stored, with a question (a tool: its arguments as JSON)."""
    if not text.strip():
        return Outcome(error="Write what it should be tried with.")
    if not isinstance(row, LLMModel):
        return _runners[type(row)](row, text[:LONGEST])
    began = time.monotonic()
    try:
        reply = gateway.complete(gateway.Request(model=row, prompt=text[:LONGEST], timeout_s=TIMEOUT_S))
    except gateway.GatewayError as error:
        return Outcome(error=error.message, received=error.received)
    except ProductError as error:
        return Outcome(error=error.message)
    return Outcome(reply.text, facts(reply.usage, reply.cost, time.monotonic() - began))


def facts(usage: dict[str, int], cost: float, took_s: float) -> tuple[str, ...]:
    """``("12 tokens read", "6 written", "0.0042", "0.8 s")``."""
    read, written = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    return (f"{read:,} tokens read", f"{written:,} written", f"cost {cost:.6f}", f"{took_s:.1f} s")
