"""One request to one model and its answer, on the background loop, over pydantic-ai.

Imported at the first call, not at the start: pydantic-ai takes seconds to import.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai import messages as ai
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from agents.providers.base import Structure
from agents.rounds import Round, ToolCall, ToolSpec

ANSWER = "answer"  # what the schema or the tool is called on the wire


@dataclass(frozen=True, slots=True)
class Question:
    """What goes to the model, complete: passages are in the texts already."""

    system: str
    prompt: str
    schema: dict[str, Any] | None
    structure: Structure
    temperature: float | None
    max_tokens: int | None
    idempotency_key: str
    tools: Sequence[ToolSpec] = ()
    rounds: Sequence[Round] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``text`` is the JSON where a schema was asked for. ``finish`` is None if cut off.

    ``calls`` are the tools that the model wants used first; ``message`` is the whole answer as JSON, to be
    sent back with their results.
    """

    text: str
    input_tokens: int
    output_tokens: int
    model: str
    finish: str | None
    calls: tuple[ToolCall, ...] = ()
    message: Any = None


async def ask(
    model: Model[Any], question: Question, on_text: Callable[[str], None] | None, *, limit_s: float
) -> Answer:
    """Send the question; ``on_text`` gets the text piece by piece as it comes.

    Raises TimeoutError after ``limit_s`` seconds, whatever the SDK is at, and pydantic-ai's errors.
    """
    async with asyncio.timeout(limit_s):
        return await _answer(model, question, on_text)


async def _answer(model: Model[Any], question: Question, on_text: Callable[[str], None] | None) -> Answer:
    talk = _talk(question)
    settings, parameters = _settings(question), _parameters(question)
    if on_text is None:
        response = await model_request(
            model, talk, model_settings=settings, model_request_parameters=parameters
        )
    else:
        response = await _streamed(model, talk, settings, parameters, on_text)
    calls = _calls(response)
    return Answer(
        text=_text(response, question),
        input_tokens=response.usage.input_tokens,
        output_tokens=response.usage.output_tokens,
        model=response.model_name or model.model_name,
        finish=response.finish_reason,
        calls=calls,
        message=ai.ModelMessagesTypeAdapter.dump_python([response], mode="json")[0] if calls else None,
    )


def _talk(question: Question) -> list[ai.ModelMessage]:
    """The question, and what was said in the rounds since."""
    instructions = question.system or None
    said: list[ai.ModelMessage] = [
        ai.ModelRequest(parts=[ai.UserPromptPart(question.prompt)], instructions=instructions)
    ]
    for each in question.rounds:
        said += ai.ModelMessagesTypeAdapter.validate_python([each.message])
        parts = [ai.ToolReturnPart(result.name, result.text, result.id) for result in each.results]
        said.append(ai.ModelRequest(parts=parts, instructions=instructions))
    return said


def _calls(response: ai.ModelResponse) -> tuple[ToolCall, ...]:
    """The tools that the model wants used; the one that carries the answer is none of them."""
    parts = [
        part for part in response.parts if isinstance(part, ai.ToolCallPart) and part.tool_name != ANSWER
    ]
    return tuple(ToolCall(part.tool_call_id, part.tool_name, part.args_as_json_str()) for part in parts)


async def _streamed(
    model: Model[Any],
    talk: list[ai.ModelMessage],
    settings: ModelSettings,
    parameters: ModelRequestParameters,
    on_text: Callable[[str], None],
) -> ai.ModelResponse:
    stream = model_request_stream(model, talk, model_settings=settings, model_request_parameters=parameters)
    async with stream as events:
        async for event in events:
            piece = _piece(event)
            if piece:
                on_text(piece)
        return events.get()


def _piece(event: object) -> str:
    """The text that a stream's event adds; empty for everything else (thoughts, tool calls)."""
    if isinstance(event, ai.PartStartEvent) and isinstance(event.part, ai.TextPart):
        return event.part.content
    if isinstance(event, ai.PartDeltaEvent) and isinstance(event.delta, ai.TextPartDelta):
        return event.delta.content_delta
    return ""


def _settings(question: Question) -> ModelSettings:
    settings = ModelSettings()
    if question.temperature is not None:
        settings["temperature"] = question.temperature
    if question.max_tokens is not None:
        settings["max_tokens"] = question.max_tokens
    if question.idempotency_key:
        settings["extra_headers"] = {"Idempotency-Key": question.idempotency_key}
    return settings


def _parameters(question: Question) -> ModelRequestParameters:
    """Which tools there are, and how the schema is asked for: by the API, as a tool, or in the prompt."""
    tools = [
        ToolDefinition(name=tool.name, description=tool.description, parameters_json_schema=tool.schema)
        for tool in question.tools
    ]
    if question.schema is None:
        return ModelRequestParameters(function_tools=tools)
    if question.structure == "tool":
        tool = ToolDefinition(
            name=ANSWER,
            description="Give the answer.",
            parameters_json_schema=question.schema,
            kind="output",
        )
        return ModelRequestParameters(
            function_tools=tools, output_mode="tool", output_tools=[tool], allow_text_output=False
        )
    wanted = OutputObjectDefinition(json_schema=question.schema, name=ANSWER)
    return ModelRequestParameters(function_tools=tools, output_mode=question.structure, output_object=wanted)


def _text(response: ai.ModelResponse, question: Question) -> str:
    if question.schema is not None and question.structure == "tool":
        for part in response.parts:
            if isinstance(part, ai.ToolCallPart) and part.tool_name == ANSWER:
                return part.args_as_json_str()
    return "".join(part.content for part in response.parts if isinstance(part, ai.TextPart))
