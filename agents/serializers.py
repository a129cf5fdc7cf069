"""How models, agents, tools and credentials look over REST; a secret is in none of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agents.models import Agent, Credential, LLMModel, Tool

ALWAYS = ("id", "name", "slug", "revision", "created_at", "updated_at")


class CredentialSerializer(serializers.ModelSerializer[Credential]):
    """A credential; ``has_secret`` says whether one is stored."""

    has_secret = serializers.SerializerMethodField()

    class Meta:
        model = Credential
        fields = (*ALWAYS, "kind", "header", "username", "has_secret")

    def get_has_secret(self, credential: Credential) -> bool:
        """Whether a secret is stored."""
        return bool(credential.secret_encrypted)


class LLMModelSerializer(serializers.ModelSerializer[LLMModel]):
    """A language model; ``credential`` is a slug."""

    credential: Any = serializers.SlugRelatedField("slug", read_only=True)
    defaults = serializers.JSONField()

    class Meta:
        model = LLMModel
        fields = (
            *ALWAYS,
            *("provider", "model_name", "base_url", "credential", "defaults"),
            *("input_price", "output_price", "timeout_s", "is_active"),
        )


class AgentSerializer(serializers.ModelSerializer[Agent]):
    """An agent; ``model``, ``knowledge`` and ``tools`` are slugs."""

    model: Any = serializers.SlugRelatedField("slug", read_only=True)
    knowledge = serializers.JSONField()
    tools = serializers.JSONField()
    output_schema = serializers.JSONField()
    defaults = serializers.JSONField()

    class Meta:
        model = Agent
        fields = (
            *ALWAYS,
            *("instructions", "model", "knowledge", "tools", "output_schema", "defaults", "is_active"),
        )


class ToolSerializer(serializers.ModelSerializer[Tool]):
    """A tool; ``credential`` is a slug."""

    credential: Any = serializers.SlugRelatedField("slug", read_only=True)
    config = serializers.JSONField()

    class Meta:
        model = Tool
        fields = (*ALWAYS, "description", "kind", "config", "credential", "is_active")


class ReplySerializer(serializers.Serializer[Any]):
    """The answer to a test call."""

    text = serializers.CharField()
    model = serializers.CharField()
    usage = serializers.DictField(child=serializers.IntegerField())
    cost = serializers.FloatField()
    took_s = serializers.FloatField()
