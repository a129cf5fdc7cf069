"""Look passages up in a knowledge base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from steps.base import JSON, Lookup, Problem, StepContext, StepError, StepResult, StepType
from steps.schema import require
from steps.templates import has_template

if TYPE_CHECKING:
    from knowledge.search import Hit


class Retrieve(StepType):
    """Finds the passages that fit a question, by words and by meaning."""

    type = "retrieve"
    label = "Retrieve"
    group = "Think"
    icon = "t-retrieve"
    summary = "Finds the passages of a knowledge base that fit a question."
    default_timeout_s = 60
    default_config: ClassVar[dict[str, JSON]] = {"base": "", "query": "{{ input }}", "k": 5}
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "base": {"title": "Knowledge base", "type": "string", "minLength": 1, "x-widget": "slug:base"},
            "query": {
                "title": "Question",
                "description": "What the passages should be about.",
                "type": "string",
                "minLength": 1,
                "x-widget": "template",
            },
            "k": {
                "title": "Passages",
                "description": "How many to find at most.",
                "type": "integer",
                "minimum": 1,
                "maximum": 50,
                "default": 5,
            },
            "min_score": {
                "title": "Least score",
                "description": "Leave out passages that fit less than this, from 0 to 1.",
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": 1,
                "x-advanced": True,
            },
        },
        "required": ["base", "query"],
        "additionalProperties": False,
    }

    def line(self, config: dict[str, JSON]) -> str:
        """Where it looks."""
        return str(config.get("base") or "no knowledge base yet")[:80]

    def reusable(self, config: dict[str, JSON]) -> bool:
        """The same question to the same passages finds the same."""
        return True

    def rests_on(self, config: dict[str, JSON]) -> JSON:
        """The base as it is now."""
        return revisions([config.get("base")])

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """A base that does not exist."""
        return base_problems(key, "config.base", config.get("base"), exists)

    def run(self, context: StepContext) -> StepResult:
        """Search."""
        context.check()
        require(self.schema, context.config)
        config = context.config
        hits = find(config["base"], config["query"], config.get("k", 5), config.get("min_score"))
        context.check()
        count = len(hits)
        context.log("info", f"Found {count} passage{'' if count == 1 else 's'} in {config['base']}.")
        return StepResult(
            output={"results": [result(hit) for hit in hits]},
            line=f"{count} passage{'' if count == 1 else 's'}",
        )


def base_problems(key: str, field: str, slug: Any, exists: Lookup) -> list[Problem]:
    """A Problem where ``slug`` names no knowledge base."""
    if not isinstance(slug, str) or not slug or has_template(slug) or exists("base", slug):
        return []
    return [Problem(key, field, "unknown_base", f"There is no knowledge base {slug!r}.")]


def revisions(slugs: list[Any]) -> list[list[JSON]]:
    """The id and revision of each base, by slug."""
    from knowledge.models import KnowledgeBase

    named = [slug for slug in slugs if isinstance(slug, str)]
    rows = KnowledgeBase.objects.filter(slug__in=named).order_by("slug")
    return [[str(pk), revision] for pk, revision in rows.values_list("pk", "revision")]


def find(slug: str, query: str, k: int, min_score: float | None = None) -> list[Hit]:
    """The ``k`` passages of base ``slug`` that fit ``query`` best; fewer below ``min_score``.

    Raises StepError for a base that does not exist (``unknown_base``) and where the search fails.
    """
    from knowledge.models import KnowledgeBase
    from knowledge.search import search
    from orchestrator.errors import ProductError

    base = KnowledgeBase.objects.filter(slug=slug).first()
    if base is None:
        raise StepError(f"There is no knowledge base {slug!r}.", code="unknown_base")
    try:
        return search(base, query, k=k, min_score=min_score)
    except ProductError as error:
        raise StepError(
            error.message, code=error.code, retryable=error.retryable, sent=query, **error.details
        ) from error


def result(hit: Hit) -> dict[str, JSON]:
    """A hit as the step's output shows it."""
    return {
        "text": hit.text,
        "score": hit.score,
        "document": str(hit.document),
        "chunk": hit.chunk,
        "page": hit.page or None,
    }
