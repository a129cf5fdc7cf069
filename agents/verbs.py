"""What other rooms ask of this one: settle on a model, authenticate a call, store a secret, try a model."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from agents import gateway, secrets
from agents.models import Agent, Credential, LLMModel, Tool
from orchestrator.errors import Invalid, NotFound

TEST_PROMPT = "Answer with the one word: ready."
TEST_TOKENS = 64  # room for models that think first
TEST_TIMEOUT_S = 60.0
KINDS: dict[str, type[Agent | Credential | LLMModel | Tool]] = {
    "agent": Agent,
    "credential": Credential,
    "model": LLMModel,
    "tool": Tool,
}


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What an agent, or a bare model, amounts to: whom to ask, how, and with what."""

    model: LLMModel
    agent: Agent | None = None
    instructions: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    output_schema: dict[str, Any] | None = None
    knowledge: list[Any] = field(default_factory=list)  # slugs of knowledge bases
    tools: list[str] = field(default_factory=list)  # slugs of tools


def exists(kind: str, slug: str) -> bool:
    """Whether an active ``agent``, ``model`` or ``tool``, or a ``credential``, goes by ``slug``."""
    rows: QuerySet[Any] = KINDS[kind]._default_manager.filter(slug=str(slug))
    return rows.exists() if kind == "credential" else rows.filter(is_active=True).exists()


def resolve(*, agent: str = "", model: str = "") -> ModelSettings:
    """The settings that the slugs name; with both, the agent works with that model instead of its own.

    Raises NotFound for a slug that nobody goes by, Invalid for one that is switched off or none at all.
    """
    if not agent and not model:
        raise Invalid("Name an agent or a model.", field="agent")
    chosen = _active("model", model) if model else None
    if not agent:
        return _bare(chosen)
    found = _active("agent", agent)
    if chosen is None:
        chosen = found.model
        _check_active("model", chosen)
    limits = {**(chosen.defaults or {}), **(found.defaults or {})}
    return ModelSettings(
        model=chosen,
        agent=found,
        instructions=found.instructions,
        temperature=limits.get("temperature"),
        max_tokens=limits.get("max_tokens"),
        output_schema=found.output_schema,
        knowledge=list(found.knowledge or []),
        tools=list(found.tools or []),
    )


def _bare(model: Any) -> ModelSettings:
    limits = model.defaults or {}
    return ModelSettings(
        model=model, temperature=limits.get("temperature"), max_tokens=limits.get("max_tokens")
    )


def _active(kind: str, slug: str) -> Any:
    related = {"agent": ("model__credential",), "model": ("credential",)}[kind]
    row = KINDS[kind]._default_manager.select_related(*related).filter(slug=str(slug)).first()
    if row is None:
        raise NotFound(f"There is no {kind} “{slug}”.", slug=str(slug))
    _check_active(kind, row)
    return row


def _check_active(kind: str, row: Any) -> None:
    if not row.is_active:
        raise Invalid(f"The {kind} “{row.name}” is switched off.", code="inactive", slug=row.slug)


def set_secret(credential: Credential, secret: str) -> None:
    """Encrypt ``secret`` into the credential, without saving it; raises Invalid for what can't be sent.

    Surrounding white space goes: it comes from copying, and would break every header it stands in.
    """
    plain = secret.strip()
    if not plain or not plain.isprintable():
        raise Invalid("A secret is one line of visible characters.", field="secret")
    if credential.kind != Credential.Kind.BASIC and not plain.isascii():
        raise Invalid("A key or token holds ASCII characters only.", field="secret")
    credential.secret_encrypted = secrets.encrypt(plain)


def auth_for(slug: str) -> dict[str, str]:
    """The headers that authenticate an HTTP call with the credential ``slug``.

    Raises NotFound; Invalid for a model provider's key (it must not go anywhere else) and for a secret
    that is missing or cannot be read with this SECRET_KEY.
    """
    credential = Credential.objects.filter(slug=str(slug)).first()
    if credential is None:
        raise NotFound(f"There is no credential “{slug}”.", slug=str(slug))
    if credential.kind == Credential.Kind.API_KEY:
        raise Invalid(
            f"The credential “{credential.name}” is a model provider's key; it is not sent elsewhere."
        )
    secret = _secret_of(credential)
    if credential.kind == Credential.Kind.HEADER:
        return {credential.header: secret}
    if credential.kind == Credential.Kind.BASIC:
        pair = f"{credential.username}:{secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {"Authorization": f"Bearer {secret}"}


def _secret_of(credential: Credential) -> str:
    try:
        secret = secrets.decrypt(credential.secret_encrypted)
    except secrets.UnreadableError as error:
        raise Invalid(
            f"The credential “{credential.name}” cannot be read with this SECRET_KEY: enter it again."
        ) from error
    if not secret:
        raise Invalid(f"The credential “{credential.name}” has no secret yet.")
    return secret


def probe(model: LLMModel) -> gateway.Reply:
    """Make one small real call; raises GatewayError that says what is wrong."""
    return gateway.complete(
        gateway.Request(model=model, prompt=TEST_PROMPT, max_tokens=TEST_TOKENS, timeout_s=TEST_TIMEOUT_S)
    )
