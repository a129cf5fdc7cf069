"""What the demo holds beside people: a model, an agent, a handbook, three orchestrations."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from agents.models import Agent, LLMModel
from builder import document as documents
from builder import verbs as building
from builder.models import Orchestration, OrchestrationVersion
from knowledge import indexing, ingest
from knowledge.models import KnowledgeBase
from orchestrator.access import START
from orchestrator.models import User

HERE = Path(__file__).parent
HANDBOOK = settings.BASE_DIR / "knowledge" / "demo" / "handbook"
ORCHESTRATIONS = ("support-answer", "health-check", "second-thoughts")  # in the order of a first visit
NOTE = "As delivered"
INSTRUCTIONS = (
    "You answer customers of an online shop. Use only what the handbook says. Be friendly and brief. "
    "Never promise what the handbook does not say."
)


def ensure() -> None:
    """Make what is missing; what people changed stays as they left it."""
    admin = User.objects.get(username="admin")
    _agent(_model())
    _handbook(admin)
    for slug in ORCHESTRATIONS:
        _orchestration(admin, HERE / f"{slug}.yaml")


def _model() -> LLMModel:
    model, _ = LLMModel.objects.get_or_create(
        slug="local-demo",
        defaults={
            "name": "Local demo model",
            "provider": LLMModel.Provider.LOCAL,
            "model_name": "SmolLM2-135M-Instruct",
            "defaults": {"temperature": 0.2, "max_tokens": 200},
        },
    )
    return model


def _agent(model: LLMModel) -> None:
    Agent.objects.get_or_create(
        slug="support-writer",
        defaults={"name": "Support writer", "instructions": INSTRUCTIONS, "model": model},
    )


def _handbook(admin: User) -> None:
    """The handbook, indexed before this returns; a base that somebody deleted or emptied is not refilled."""
    base = KnowledgeBase.objects.filter(slug="handbook").first()
    if base is None:
        base = ingest.create_base(admin, "Handbook", "How an online shop answers its customers.")
    elif base.documents.exists():
        return
    for file in sorted(HANDBOOK.glob("*.md")):
        ingest.add_document(admin, base, file.name, file.read_bytes(), "text/markdown")
    indexing.drain()


def _orchestration(admin: User, file: Path) -> None:
    """Import and publish a delivered document; renew it only where nobody has touched it."""
    text = file.read_text().replace("PUBLIC_URL", settings.PUBLIC_URL)
    document = building.placed(documents.canonical(documents.parse(text, "application/yaml")))
    known = Orchestration.objects.filter(slug=file.stem).first()
    if known is None:
        known = building.import_document(admin, document)
        building.set_access(admin, known, [{"who": "everyone", "right": START}])
    elif known.draft != document and _untouched(known):
        building.replace_document(admin, known, document, known.revision)
    known.refresh_from_db()
    if known.draft == document and known.published_revision < known.revision:
        building.publish(admin, known, NOTE)


def _untouched(known: Orchestration) -> bool:
    """Whether the draft is what the newest version holds, and that came with the product."""
    newest = OrchestrationVersion.objects.filter(orchestration=known, number=known.published_number).first()
    return newest is not None and newest.note == NOTE and known.draft == newest.document
