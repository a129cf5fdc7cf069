"""How rights on one object look over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from orchestrator.models import Grant


class AccessSerializer(serializers.Serializer[Any]):
    """One right: who may do what."""

    who = serializers.CharField(help_text="everyone, user:NAME or group:NAME")
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    right = serializers.ChoiceField(choices=Grant.Right.values)
