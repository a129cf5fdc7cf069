"""Ask a language model, with passages from knowledge bases where they are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from steps import asking, retrieve, talk
from steps.base import JSON, Lookup, Problem, StepContext, StepResult, StepType
from steps.schema import require, schema_problem
from steps.templates import has_template

if TYPE_CHECKING:
    from agents.gateway import Passage, Reply
    from agents.verbs import ModelSettings

PASSAGES = 4  # for a base that does not say how many


class Llm(StepType):
    """Gives the model's text, or an object by a JSON Schema.

    Beside the output, templates of later steps see ``steps.<key>.citations``: the passages that were
    given, ``[{number, document, chunk, page, score, text, used, drawn_on}]``, where ``used`` is the share
    of the answer's words that stand in the passage and ``drawn_on`` whether that is enough to count. So a
    validation can hold an answer to its sources:
    ``steps.draft.citations|selectattr('drawn_on')|list|length > 0``.
    """

    type = "llm"
    label = "LLM"
    group = "Think"
    icon = "t-llm"
    summary = "Asks a language model; its passages from knowledge bases become citations."
    default_timeout_s = 120
    default_config: ClassVar[dict[str, JSON]] = {"prompt": "{{ input }}"}
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            **asking.WHO,
            "system": {
                "title": "Instructions",
                "description": "Who the model is and how it should answer; added to the agent's own.",
                "type": "string",
                "x-widget": "template",
                "x-advanced": True,
            },
            "prompt": {
                "title": "Prompt",
                "description": "What is asked.",
                "type": "string",
                "minLength": 1,
                "x-widget": "template",
            },
            "knowledge": {
                "title": "Knowledge",
                "description": "Passages of these bases are put in front of the prompt and become citations.",
                "type": "array",
                "maxItems": 10,
                "x-widget": "rows",
                "items": {
                    "type": "object",
                    "properties": {
                        "base": retrieve.Retrieve.schema["properties"]["base"],
                        "query": {
                            "title": "Question",
                            "description": "What to look for; the prompt where it is empty.",
                            "type": "string",
                            "x-widget": "template",
                        },
                        "k": {
                            "title": "Passages",
                            "type": "integer",
                            "minimum": 1,
                            "maximum": 50,
                            "default": PASSAGES,
                        },
                    },
                    "required": ["base"],
                    "additionalProperties": False,
                },
            },
            "output_schema": {
                "title": "Output schema",
                "description": "JSON Schema of an object; then the output is that object instead of {text}.",
                "type": ["object", "null"],
                "x-widget": "json",
                "x-advanced": True,
            },
            "temperature": {
                "title": "Temperature",
                "description": "0 answers alike each time, higher ones vary.",
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": 2,
                "x-advanced": True,
            },
            "max_tokens": {
                "title": "Most tokens",
                "description": "Where the answer is cut off.",
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": 1_000_000,
                "x-advanced": True,
            },
            "reuse": {
                "title": "Use an earlier answer again",
                "description": "After a rollback or in a fork, when prompt, agent, model and knowledge are "
                "unchanged: no new call, no cost.",
                "type": "boolean",
                "default": False,
                "x-advanced": True,
            },
            "tools": {
                "title": "Tools",
                "description": "Slugs of tools that the model may use, beside the agent's own.",
                "type": "array",
                "items": {"type": "string"},
                "maxItems": 20,
                "x-advanced": True,
            },
            "max_rounds": {
                "title": "Most rounds of tools",
                "description": "How often the model may ask for tools before it must have answered.",
                "type": "integer",
                "minimum": 1,
                "maximum": 30,
                "default": talk.ROUNDS,
                "x-advanced": True,
            },
        },
        "required": ["prompt"],
        "anyOf": asking.SOMEBODY,
        "x-says": asking.SOMEBODY_SAYS,
        "additionalProperties": False,
    }

    def reusable(self, config: dict[str, JSON]) -> bool:
        """Only where the admin ticks it: a model may answer otherwise each time."""
        return config.get("reuse") is True

    def rests_on(self, config: dict[str, JSON]) -> JSON:
        """The agent, the model and the bases as they are now."""
        settings = asking.settings_of({name: value for name, value in config.items() if value})
        used = [row for row in (settings.agent, settings.model, settings.model.credential) if row is not None]
        named = [row.get("base") for row in config.get("knowledge") or ()]
        bases = retrieve.revisions([*named, *settings.knowledge])
        from agents.models import Tool

        slugs = [*(config.get("tools") or ()), *settings.tools]
        tools = Tool.objects.filter(slug__in=slugs).order_by("slug").values_list("slug", "revision")
        return [[[str(row.pk), row.revision] for row in used], bases, [list(row) for row in tools]]

    def asks(self, config: dict[str, JSON]) -> list[dict[str, JSON]]:
        """Its agent or model."""
        return [config]

    def line(self, config: dict[str, JSON]) -> str:
        """Whom it asks."""
        return str(config.get("agent") or config.get("model") or "no agent or model yet")[:80]

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """References that do not exist, an output schema that is none."""
        found = asking.who_problems(key, "config", config, exists)
        rows = config.get("knowledge")
        for number, row in enumerate(rows if isinstance(rows, list) else ()):
            base = row.get("base") if isinstance(row, dict) else None
            found += retrieve.base_problems(key, f"config.knowledge.{number}.base", base, exists)
        wanted = config.get("output_schema")
        if isinstance(wanted, dict) and (wrong := output_problem(wanted)):
            found.append(Problem(key, "config.output_schema", "invalid", wrong))
        slugs = config.get("tools")
        for number, slug in enumerate(slugs if isinstance(slugs, list) else ()):
            if isinstance(slug, str) and not has_template(slug) and not exists("tool", slug):
                message = f"There is no tool {slug!r} that is switched on."
                found.append(Problem(key, f"config.tools.{number}", "unknown_tool", message))
        return found

    def run(self, context: StepContext) -> StepResult:
        """Look the passages up, ask, and give the answer with its citations, tokens and cost."""
        config = {name: value for name, value in context.config.items() if value not in (None, "")}
        require(self.schema, config)
        settings = asking.settings_of(config)
        passages = _passages(context, settings, config)
        question = {
            "prompt": config["prompt"],
            "system": config.get("system", ""),
            "passages": passages,
            "output_schema": config.get("output_schema") or settings.output_schema,
            "temperature": config.get("temperature"),
            "max_tokens": config.get("max_tokens"),
            "on_text": context.emit,
        }
        slugs = [*config.get("tools", []), *settings.tools]
        if slugs:
            rounds = config.get("max_rounds", talk.ROUNDS)
            return _result(context, talk.hold(context, settings, slugs, rounds, **question))
        return _result(context, asking.ask(context, settings, **question))


def output_problem(schema: dict[str, Any]) -> str:
    """Why a model cannot be asked for ``schema``, as a sentence, or an empty string."""
    if wrong := schema_problem(schema):
        return wrong
    return "" if schema.get("type") == "object" else 'The output schema must be of "type": "object".'


def _passages(context: StepContext, settings: ModelSettings, config: dict[str, JSON]) -> list[Passage]:
    """What the step's own and the agent's bases say to the question, each passage once."""
    from agents.gateway import Passage

    wanted = [*config.get("knowledge", []), *({"base": slug} for slug in settings.knowledge)]
    found: dict[tuple[str, Any, str], Passage] = {}
    for row in wanted:
        context.check()
        for hit in retrieve.find(row["base"], row.get("query") or config["prompt"], row.get("k", PASSAGES)):
            shown = retrieve.result(hit)
            found.setdefault((shown["document"], shown["chunk"], shown["text"]), Passage(**shown))
    if wanted:
        context.log("info", f"Gave the model {len(found)} passages.", bases=[row["base"] for row in wanted])
    return list(found.values())


def _result(context: StepContext, reply: Reply) -> StepResult:
    tokens = sum(reply.usage.values())
    context.log("info", f"{reply.model} answered in {reply.took_s:.1f} s with {tokens} tokens.")
    if reply.cut:
        context.log("warning", "The answer was cut off at its token limit; raise it to get all of it.")
    return StepResult(
        output={"text": reply.text} if reply.data is None else reply.data,
        usage=reply.usage,
        cost=reply.cost,
        citations=reply.citations,
        line=f"{tokens} tokens",
    )
