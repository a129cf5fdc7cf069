"""Agents and tools tried from their pages: as a step would use them, without a run around it."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from steps import tools
from steps.base import JSON, StepContext, StepError
from steps.llm import Llm

if TYPE_CHECKING:
    from agents.trial import Outcome


def agent(row: Any, text: str) -> Outcome:
    """The agent's answer to ``text``, with its knowledge and tools."""
    from agents.trial import Outcome, facts

    began = time.monotonic()
    try:
        result = Llm().run(_context({"agent": row.slug, "prompt": text}))
    except StepError as error:
        return Outcome(error=error.message, received=error.received)
    output = result.output
    answer = output["text"] if set(output) == {"text"} else orjson.dumps(output, option=2).decode()
    return Outcome(answer, facts(result.usage, result.cost, time.monotonic() - began))


def tool(row: Any, text: str) -> Outcome:
    """What a model would be told when it used the tool with these arguments."""
    from agents.rounds import ToolCall
    from agents.trial import Outcome

    began = time.monotonic()
    said = tools.use(_context({}), {row.slug: row}, ToolCall("try", row.slug, text), 0)
    return Outcome(said, (f"{time.monotonic() - began:.1f} s",))


def _context(config: dict[str, JSON]) -> StepContext:
    from agents.trial import TIMEOUT_S

    end = time.monotonic() + TIMEOUT_S
    return StepContext(
        run_id=f"try-{uuid.uuid4()}",
        key="try",
        name="Try",
        epoch=1,
        attempt=1,
        config=config,
        scope={},
        user_id=None,
        timeout_s=TIMEOUT_S,
        log=lambda *_, **__: None,
        emit=lambda _: None,
        cancelled=lambda: False,
        remaining_s=lambda: end - time.monotonic(),
    )
