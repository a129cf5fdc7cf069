"""The talk of an LLM step that may use tools: ask, use what the model asks for, ask again, within bounds.

Each question and each use of a tool is an external call with a number of its own, journaled before the
next one goes out. So the same talk, run again after a crash, is given the receipts of what was answered,
arrives where it was, and goes on from there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steps import asking, tools
from steps.base import StepContext, StepError

if TYPE_CHECKING:
    from agents.gateway import Reply
    from agents.verbs import ModelSettings

ROUNDS = 8
CALLS_A_ROUND = 16


def hold(
    context: StepContext, settings: ModelSettings, slugs: list[str], most_rounds: int, **question: Any
) -> Reply:
    """The model's answer after at most ``most_rounds`` rounds of tools, with the usage of all of them.

    ``question`` is what ``asking.ask`` takes. Raises StepError ``too_many_rounds``, and what asking raises.
    """
    from agents.gateway import Round
    from agents.rounds import ToolResult

    known = tools.named(slugs)
    specs = [tools.spec(tool) for tool in known.values()]
    rounds: list[Round] = []
    spent: list[Reply] = []
    call = 0
    while True:
        reply = asking.ask(context, settings, **question, tools=specs, rounds=rounds, call=call)
        spent.append(reply)
        if not reply.calls:
            return _summed(spent)
        if len(rounds) == most_rounds:
            raise _endless(most_rounds, spent)
        if len(reply.calls) > CALLS_A_ROUND:
            message = f"The model asked for {len(reply.calls)} tools at once; {CALLS_A_ROUND} is the limit."
            raise StepError(message, code="too_many_calls")
        results = []
        for asked in reply.calls:
            call += 1
            context.check()
            text = tools.use(context, known, asked, call)
            results.append(ToolResult(asked.id, asked.name, text))
        rounds.append(Round(reply.message, tuple(results)))
        call += 1
        context.log("info", f"Round {len(rounds)}: {', '.join(asked.name for asked in reply.calls)}.")


def _summed(replies: list[Reply]) -> Reply:
    return replace(
        replies[-1],
        usage=_usage(replies),
        cost=sum(reply.cost for reply in replies),
        took_s=round(sum(reply.took_s for reply in replies), 3),
    )


def _usage(replies: list[Reply]) -> dict[str, int]:
    return {name: sum(reply.usage[name] for reply in replies) for name in replies[-1].usage}


def _endless(most: int, spent: list[Reply]) -> StepError:
    message = (
        f"The model still asked for tools after {most} round{'' if most == 1 else 's'}. "
        "Allow more rounds, or tell it when to stop."
    )
    return StepError(message, code="too_many_rounds", usage=_usage(spent))
