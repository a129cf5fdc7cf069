"""Who works: language models, agents, tools, and the credentials they use."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from agents import tool_config
from agents.errors import GatewayError
from agents.structure import check_schema
from orchestrator.fields import JSONTextField
from orchestrator.models import BaseModel

ADDRESS = RegexValidator(  # not Django's: hosts without a dot are common on a company's network
    r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", "Give an address like http://llm.example:8000/v1."
)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, token
DEFAULTS = {
    "type": "object",
    "properties": {
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "max_tokens": {"type": "integer", "minimum": 1},
        "structure": {"enum": ["native", "tool", "prompted"]},
    },
    "additionalProperties": False,
}


def check_defaults(value: Any) -> None:
    """Raise ValidationError unless ``value`` is ``{temperature?, max_tokens?, structure?}``."""
    problem = best_match(Draft202012Validator(DEFAULTS).iter_errors(value))
    if problem is not None:
        raise ValidationError({"defaults": problem.message})


class Named(BaseModel):
    """What documents refer to by slug. ``revision`` counts its saved changes."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, unique=True)
    revision = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store it, and count the change."""
        if not self._state.adding:
            self.revision += 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "revision", "updated_at"}
        super().save(*args, **kwargs)


class Credential(Named):
    """A secret for calls to elsewhere; encrypted at rest, never shown again."""

    class Kind(models.TextChoices):
        API_KEY = "api_key", "API key of a model provider"
        BEARER = "bearer", "Bearer token"
        HEADER = "header", "Header"
        BASIC = "basic", "User and password"

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.API_KEY)
    header = models.CharField(max_length=120, blank=True)  # for Kind.HEADER: its name
    username = models.CharField(max_length=120, blank=True)  # for Kind.BASIC
    secret_encrypted = models.TextField(blank=True)  # written by agents.verbs.set_secret only

    def clean(self) -> None:
        """Refuse what could not be sent."""
        if self.kind == self.Kind.HEADER and not HEADER_NAME.fullmatch(self.header):
            raise ValidationError({"header": "Give the name of the header, for example X-Api-Key."})
        if self.kind == self.Kind.BASIC and (not self.username or ":" in self.username):
            raise ValidationError({"username": "Give the user name; it may not hold a colon."})


class LLMModel(Named):
    """A language model that steps may call; the local demo model is one like any other."""

    class Provider(models.TextChoices):
        LOCAL = "local", "Local demo model"
        OPENAI = "openai", "OpenAI"
        OPENAI_COMPATIBLE = "openai_compatible", "OpenAI-compatible server"
        GEMINI = "gemini", "Gemini"
        ANTHROPIC = "anthropic", "Anthropic"

    provider = models.CharField(max_length=20, choices=Provider.choices)
    model_name = models.CharField(max_length=200)  # what the provider calls it
    base_url = models.CharField(max_length=500, blank=True, validators=[ADDRESS])
    credential = models.ForeignKey(Credential, null=True, blank=True, on_delete=models.PROTECT)
    defaults = JSONTextField(default=dict)  # temperature, max_tokens
    input_price = models.FloatField(default=0)  # money per million tokens
    output_price = models.FloatField(default=0)
    timeout_s = models.FloatField(default=120)
    is_active = models.BooleanField(default=True)

    class Meta(Named.Meta):
        verbose_name = "LLM model"

    def clean(self) -> None:
        """Refuse what could not be called."""
        if self.provider == self.Provider.OPENAI_COMPATIBLE and not self.base_url:
            raise ValidationError({"base_url": "An OpenAI-compatible server needs its address."})
        if self.timeout_s <= 0:
            raise ValidationError({"timeout_s": "The timeout must be more than 0 seconds."})
        check_defaults(self.defaults)


class Agent(Named):
    """Instructions, a model and what it may use, under one name."""

    instructions = models.TextField(blank=True)
    model = models.ForeignKey(LLMModel, on_delete=models.PROTECT)
    knowledge = JSONTextField(default=list)  # slugs of knowledge bases
    tools = JSONTextField(default=list)  # slugs of tools
    output_schema = JSONTextField(default=None)
    defaults = JSONTextField(default=dict)  # temperature, max_tokens; they override the model's
    is_active = models.BooleanField(default=True)

    def clean(self) -> None:
        """Refuse an output schema, defaults or lists that could not be followed."""
        for field in ("knowledge", "tools"):
            slugs = getattr(self, field)
            if not isinstance(slugs, list) or not all(isinstance(slug, str) for slug in slugs):
                raise ValidationError({field: "Give a list of slugs."})
        missing = set(self.tools) - set(
            Tool.objects.filter(slug__in=self.tools).values_list("slug", flat=True)
        )
        if missing:
            raise ValidationError({"tools": f"There is no tool “{min(missing)}”."})
        check_defaults(self.defaults)
        if self.output_schema is not None:
            try:
                check_schema(self.output_schema)
            except GatewayError as error:
                raise ValidationError({"output_schema": error.message}) from error


class Tool(Named):
    """A call that an agent may make, described once."""

    class Kind(models.TextChoices):
        HTTP = "http", "HTTP request"
        KNOWLEDGE = "knowledge", "Knowledge search"

    description = models.TextField(blank=True)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.HTTP)
    config = JSONTextField(default=dict)  # HTTP: method, url, arguments schema; knowledge: base, k
    credential = models.ForeignKey(Credential, null=True, blank=True, on_delete=models.PROTECT)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    is_active = models.BooleanField(default=True)

    def clean(self) -> None:
        """Refuse a config that could not be used, and a model provider's key, which is not sent elsewhere."""
        tool_config.check(self.kind, self.config)
        if self.credential is not None and self.credential.kind == Credential.Kind.API_KEY:
            raise ValidationError({"credential": "A model provider's key is sent to its provider only."})

    @property
    def arguments(self) -> dict[str, Any]:
        """The JSON Schema of what a model gives when it uses the tool."""
        return tool_config.arguments(self.kind, self.config)
