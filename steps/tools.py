"""Tools that a model may use: what it is told of them, and one use of one of them.

Whatever goes wrong in a tool is told to the model as text, so that it can go on otherwise. The server that
a tool calls is written out in the tool; a model only fills in places behind it, where its values are
quoted, and never sees the credential.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from steps import retrieve
from steps.base import JSON, Cancelled, StepContext, StepError
from steps.http import Http
from steps.schema import violations
from steps.templates import compile_value, render

if TYPE_CHECKING:
    from agents.gateway import ToolCall, ToolSpec
    from agents.models import Tool

MOST_CHARACTERS = 20_000  # of one result that the model reads
PASSAGES = 5
RENDER_S = 1.0
DOTS = frozenset({".", ".."})  # servers take them for a way up, quoted or not


@dataclass(slots=True)
class _Within(StepContext):
    """The context of one request inside a step: its key is given, and the step journals it."""

    given_key: str = ""

    def idempotency_key(self, call: int = 0) -> str:
        """The key under which the step journals the use of the tool."""
        return self.given_key


def named(slugs: list[str]) -> dict[str, Tool]:
    """The tools by slug. Raises StepError for one that is not there or switched off."""
    from agents.models import Tool

    found = {tool.slug: tool for tool in Tool.objects.filter(slug__in=slugs, is_active=True)}
    if missing := [slug for slug in slugs if slug not in found]:
        message = f"There is no tool {missing[0]!r} that is switched on."
        raise StepError(message, code="unknown_tool", field="tools")
    return {slug: found[slug] for slug in dict.fromkeys(slugs)}


def spec(tool: Tool) -> ToolSpec:
    """What the model is told of ``tool``."""
    from agents.gateway import ToolSpec

    return ToolSpec(tool.slug, tool.description or tool.name, tool.arguments)


def use(context: StepContext, tools: dict[str, Tool], asked: ToolCall, call: int) -> str:
    """What comes of one call by the model, as text for it; journaled as external call number ``call``."""

    def send(key: str) -> JSON:
        context.check()
        began = time.monotonic()
        text, failed = _outcome(context, tools, asked, key)
        level = "warning" if failed else "info"
        context.log(level, f"Tool {asked.name} {'failed' if failed else 'answered'}.", said=text[:500])
        return {"text": text, "failed": failed, "took_s": round(time.monotonic() - began, 3)}

    receipt = context.effect(f"Use {asked.name} {asked.arguments[:160]}", send, call)
    return str(receipt["text"])


def _outcome(context: StepContext, tools: dict[str, Tool], asked: ToolCall, key: str) -> tuple[str, bool]:
    tool = tools.get(asked.name)
    if tool is None:
        return f"There is no tool {asked.name!r}. There are: {', '.join(tools)}.", True
    try:
        result = _used(context, tool, _arguments(tool, asked.arguments), key)
    except Cancelled:
        raise
    except StepError as error:
        context.check()
        return _cut(
            f"The tool failed: {error.message}" + (f"\n{error.received}" if error.received else "")
        ), True
    return _cut(orjson.dumps(result).decode()), False


def _arguments(tool: Tool, text: str) -> dict[str, Any]:
    """The arguments, valid by the tool's schema. Raises StepError."""
    try:
        values = orjson.loads(text or "{}")
    except orjson.JSONDecodeError as error:
        raise StepError("The arguments are not JSON.", code="bad_arguments") from error
    if not isinstance(values, dict):
        raise StepError("The arguments must be an object.", code="bad_arguments")
    for field, sentence in violations(tool.arguments, values, templates=False):
        where = f" ({field})" if field else ""
        raise StepError(f"The arguments do not fit: {sentence}{where}", code="bad_arguments")
    return values


def _used(context: StepContext, tool: Tool, arguments: dict[str, Any], key: str) -> JSON:
    if tool.kind == "knowledge":
        config = tool.config
        hits = retrieve.find(
            config["base"], arguments["query"], config.get("k", PASSAGES), config.get("min_score")
        )
        return {"results": [retrieve.result(hit) for hit in hits]}
    inner = {field.name: getattr(context, field.name) for field in fields(StepContext)}
    inner |= {"config": request(tool, arguments), "door": None}
    answer = Http().run(_Within(**inner, given_key=key)).output
    return {name: answer[name] for name in ("status", "json", "text") if name in answer}


def request(tool: Tool, arguments: dict[str, Any]) -> dict[str, JSON]:
    """The http step's config for one use of ``tool``. Raises StepError."""
    config = {name: value for name, value in tool.config.items() if name not in ("url", "arguments")}
    deadline = time.monotonic() + RENDER_S
    made: dict[str, JSON] = render(compile_value(config, "config"), {"input": arguments}, deadline)
    address = compile_value(tool.config["url"], "url")
    made["url"] = str(render(address, {"input": _quoted(arguments)}, deadline))
    if tool.credential is not None:
        made["credential"] = tool.credential.slug
    return made


def _quoted(value: JSON) -> JSON:
    """``value`` as it may stand in an address: it stays within its place, whatever it holds."""
    if isinstance(value, dict):
        return {name: _quoted(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_quoted(part) for part in value]
    if not isinstance(value, str):
        return value
    if value.strip() in DOTS:
        raise StepError(f"{value!r} cannot stand in an address.", code="bad_arguments")
    return quote(value, safe="")


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}\n(cut off: {len(text):,} characters in all)"
