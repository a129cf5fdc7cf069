"""The shapes of the orchestrations' REST answers, for people and for the OpenAPI document."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from builder.models import Orchestration, OrchestrationVersion
from builder.policies import Rights
from orchestrator.access_api import AccessSerializer
from orchestrator.grants import Access, access_of
from orchestrator.models import User


class OrchestrationSerializer(serializers.ModelSerializer[Orchestration]):
    """An orchestration without its document."""

    created_by: serializers.SlugRelatedField[User] = serializers.SlugRelatedField("username", read_only=True)
    may_edit = serializers.SerializerMethodField()
    may_start = serializers.SerializerMethodField()

    class Meta:
        model = Orchestration
        fields = (
            "id", "name", "slug", "description", "revision", "published_number", "published_revision",
            "keep_days", "created_by", "created_at", "updated_at", "may_edit", "may_start",
        )  # fmt: skip
        read_only_fields = fields

    def get_may_edit(self, orchestration: Orchestration) -> bool:
        """Whether the caller may edit it."""
        return self._rights.may_edit(orchestration)

    def get_may_start(self, orchestration: Orchestration) -> bool:
        """Whether the caller may start it."""
        return self._rights.may_start(orchestration)

    @property
    def _rights(self) -> Rights:
        """Of the caller; one for all rows of a list."""
        context = cast("dict[str, Any]", self.context)
        if "rights" not in context:
            context["rights"] = Rights(cast(User, context["request"].user))
        return cast(Rights, context["rights"])


class OrchestrationDetailSerializer(OrchestrationSerializer):
    """The same with who may do what; that is shown to who may edit it."""

    access = serializers.SerializerMethodField()

    class Meta(OrchestrationSerializer.Meta):
        fields = (*OrchestrationSerializer.Meta.fields, "access")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field(AccessSerializer(many=True))
    def get_access(self, orchestration: Orchestration) -> list[Access]:
        """The rights given on it."""
        return access_of(orchestration) if self._rights.may_edit(orchestration) else []


class CreateSerializer(serializers.Serializer[Any]):
    """A new orchestration; without a slug one is made from the name."""

    name = serializers.CharField(max_length=120)
    slug = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True, default="")
    access = AccessSerializer(many=True, required=False)


class ChangeSerializer(serializers.Serializer[Any]):
    """What can be changed beside the document; what is left out stays."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    keep_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=36_500,
        help_text="How long ended runs are kept; null keeps them for good.",
    )  # fmt: skip
    access = AccessSerializer(many=True, required=False)


class NoteSerializer(serializers.Serializer[Any]):
    """A note for the version's history."""

    note = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")


class ProblemSerializer(serializers.Serializer[Any]):
    """What keeps a draft from being published."""

    step = serializers.CharField(allow_null=True)
    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ProblemsSerializer(serializers.Serializer[Any]):
    """All Problems of a draft; none means that it can be published."""

    problems = ProblemSerializer(many=True)


class VersionSerializer(serializers.ModelSerializer[OrchestrationVersion]):
    """A published version without its document."""

    published_by: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(
        "username", read_only=True
    )

    class Meta:
        model = OrchestrationVersion
        fields = ("number", "note", "sha256", "published_by", "created_at")
        read_only_fields = fields


class VersionDetailSerializer(VersionSerializer):
    """A published version with its document."""

    document = serializers.JSONField(read_only=True)

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "document")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]


class ChangedSerializer(serializers.Serializer[Any]):
    """One field that differs."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class StepDiffSerializer(serializers.Serializer[Any]):
    """A step that differs."""

    step = serializers.CharField()
    name = serializers.CharField()
    what = serializers.ChoiceField(choices=("added", "removed", "changed"))
    fields = ChangedSerializer(many=True)  # type: ignore[assignment]


class EdgeSerializer(serializers.Serializer[Any]):
    """An edge."""

    source = serializers.CharField()  # type: ignore[assignment]
    port = serializers.CharField()
    target = serializers.CharField()


class DiffSerializer(serializers.Serializer[Any]):
    """What differs between two versions; ``moved`` are the steps that stand elsewhere."""

    steps = StepDiffSerializer(many=True)
    edges_added = EdgeSerializer(many=True)
    edges_removed = EdgeSerializer(many=True)
    settings = ChangedSerializer(many=True)
    moved = serializers.ListField(child=serializers.CharField())


class ReplacedSerializer(ProblemsSerializer):
    """The revision a new document got, and its Problems."""

    revision = serializers.IntegerField()
