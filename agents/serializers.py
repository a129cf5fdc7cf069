"""How models, agents, tools and credentials look over REST; a secret is in none of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from agents.models import Agent, Credential, LLMModel, Tool

ALWAYS = ("id", "name", "slug", "revision", "created_at", "updated_at")
CREDENTIALS = Credential.objects.order_by("name")


class NamedSerializer(serializers.ModelSerializer[Any]):
    """What documents refer to by its slug; made from the name where none is given, and then stays."""

    slug = serializers.SlugField(max_length=120, required=False)

    class Meta:
        model: Any = None
        fields: tuple[str, ...] = ALWAYS
        read_only_fields = ("revision", "created_at", "updated_at")

    def validate_slug(self, slug: str) -> str:
        """Refuse another slug for what has one."""
        if self.instance is not None and slug != self.instance.slug:
            raise serializers.ValidationError("The slug stays, since documents use it.")
        return slug


class CredentialSerializer(NamedSerializer):
    """A credential; ``secret`` goes in and never comes out, ``has_secret`` says whether one is stored."""

    secret = serializers.CharField(write_only=True, required=False, allow_blank=True, trim_whitespace=True)
    has_secret = serializers.SerializerMethodField()

    class Meta(NamedSerializer.Meta):
        model = Credential
        fields = (*ALWAYS, "kind", "header", "username", "secret", "has_secret")

    def get_has_secret(self, credential: Credential) -> bool:
        """Whether a secret is stored."""
        return bool(credential.secret_encrypted)


class LLMModelSerializer(NamedSerializer):
    """A language model; ``credential`` is a slug."""

    credential: Any = serializers.SlugRelatedField(
        "slug", queryset=CREDENTIALS, allow_null=True, required=False
    )
    defaults = serializers.JSONField(required=False)

    class Meta(NamedSerializer.Meta):
        model = LLMModel
        fields = (
            *ALWAYS,
            *("provider", "model_name", "base_url", "credential", "defaults"),
            *("input_price", "output_price", "timeout_s", "is_active"),
        )


class AgentSerializer(NamedSerializer):
    """An agent; ``model``, ``knowledge`` and ``tools`` are slugs."""

    model: Any = serializers.SlugRelatedField("slug", queryset=LLMModel.objects.order_by("name"))
    knowledge = serializers.ListField(child=serializers.CharField(), required=False)
    tools = serializers.ListField(child=serializers.CharField(), required=False)
    output_schema = serializers.JSONField(required=False, allow_null=True)
    defaults = serializers.JSONField(required=False)

    class Meta(NamedSerializer.Meta):
        model = Agent
        fields = (
            *ALWAYS,
            *("instructions", "model", "knowledge", "tools", "output_schema", "defaults", "is_active"),
        )


class ToolSerializer(NamedSerializer):
    """A tool; ``credential`` is a slug."""

    credential: Any = serializers.SlugRelatedField(
        "slug", queryset=CREDENTIALS, allow_null=True, required=False
    )
    config = serializers.JSONField()

    class Meta(NamedSerializer.Meta):
        model = Tool
        fields = (*ALWAYS, "description", "kind", "config", "credential", "is_active")


class ReplySerializer(serializers.Serializer[Any]):
    """The answer to a test call."""

    text = serializers.CharField()
    model = serializers.CharField()
    usage = serializers.DictField(child=serializers.IntegerField())
    cost = serializers.FloatField()
    took_s = serializers.FloatField()
