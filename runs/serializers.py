"""The JSON shapes of runs, steps, events and approvals."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from runs import journal, payloads, slots_told
from runs.engine.states import RunStatus, StepStatus
from runs.models import Approval, OrchestrationInstance, StepLog, StepRun

Plain = serializers.Serializer[Any]
ANY_JSON: dict[str, Any] = {}
MOST_CHILDREN = 100


class ParentSerializer(Plain):
    """Of a child run: the run, its step, and the item of a map that it runs for."""

    id = serializers.UUIDField(source="parent_id")
    step = serializers.CharField(source="parent_step")
    item = serializers.IntegerField(source="parent_item", allow_null=True)


class ChildSerializer(serializers.ModelSerializer[OrchestrationInstance]):
    """A run that a step has started."""

    orchestration = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    item = serializers.IntegerField(source="parent_item", read_only=True, allow_null=True)

    class Meta:
        model = OrchestrationInstance
        fields = ("id", "number", "orchestration", "version", "status", "item")


class StepRunSerializer(serializers.ModelSerializer[StepRun]):
    """A step of a run as it stands."""

    output = serializers.SerializerMethodField()
    taken_over = serializers.SerializerMethodField()
    waiting_for = serializers.SerializerMethodField()
    children = serializers.SerializerMethodField()

    @extend_schema_field(ANY_JSON)
    def get_waiting_for(self, row: StepRun) -> Any:
        """The slot that it waits for: ``{limits: [{kind, subject, what, most}], since, position, until}``."""
        return self.context.get("slots", {}).get(row.key)

    @extend_schema_field(ChildSerializer(many=True))
    def get_children(self, row: StepRun) -> Any:
        """The runs that it has started, newest first, at most 100; ``runs/?parent=`` has all of them."""
        if row.type not in ("orchestration", "map"):
            return []
        rows = OrchestrationInstance.objects.filter(parent_id=row.instance_id, parent_step=row.key)
        found = rows.select_related("orchestration", "version").order_by("-created_at")[:MOST_CHILDREN]
        return ChildSerializer(found, many=True).data

    def get_taken_over(self, row: StepRun) -> bool:
        """Whether its result is that of the run this one was forked from: it never started here."""
        return row.attempt == 0 and row.status in (StepStatus.COMPLETED, StepStatus.FAILED)

    @extend_schema_field(ANY_JSON)
    def get_output(self, row: StepRun) -> Any:
        """The output, also a large one that is stored aside."""
        return payloads.output_of(row)

    class Meta:
        model = StepRun
        fields = (
            "key", "name", "type", "status", "attempt", "epoch", "ports", "started_at", "finished_at",
            "tokens", "cost", "items", "output", "error", "taken_over", "waiting_for",
            "children",
        )  # fmt: skip


class RunSerializer(serializers.ModelSerializer[OrchestrationInstance]):
    """A run in a list."""

    orchestration = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    started_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)
    forked_from = serializers.PrimaryKeyRelatedField[Any](read_only=True)
    parent = serializers.SerializerMethodField()  # type: ignore[assignment]  # the field of that name

    @extend_schema_field(ParentSerializer(allow_null=True))
    def get_parent(self, run: OrchestrationInstance) -> Any:
        """Of a child run, what it is a part of."""
        return None if run.parent_id is None else ParentSerializer(run).data

    class Meta:
        model = OrchestrationInstance
        fields = (
            "id", "number", "orchestration", "version", "status", "seq", "started_by", "created_at",
            "started_at", "finished_at", "tokens", "cost", "output", "error", "forked_from", "parent",
        )  # fmt: skip


class RunDetailSerializer(RunSerializer):
    """A run with its input and its steps."""

    steps = StepRunSerializer(many=True, read_only=True)
    output = serializers.SerializerMethodField()

    @extend_schema_field(ANY_JSON)
    def get_output(self, run: OrchestrationInstance) -> Any:
        """The output, also a large one that is stored aside."""
        return payloads.output_of(run)

    def to_representation(self, run: OrchestrationInstance) -> Any:
        """With the slots that its steps wait for."""
        active = run.status in (RunStatus.RUNNING, RunStatus.WAITING)
        cast("dict[str, Any]", self.context)["slots"] = (
            slots_told.waiting(run.pk, journal.load(run.pk)[2]) if active else {}
        )
        return super().to_representation(run)

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "input", "steps")  # type: ignore[assignment]


class StartSerializer(Plain):
    """What starts a run."""

    input = serializers.JSONField(default=dict)
    version = serializers.IntegerField(required=False, min_value=1)


class ForkSerializer(Plain):
    """What a fork changes. ``from`` is a word of Python's, so that field is added below."""

    input = serializers.JSONField(required=False)
    outputs = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)
    version = serializers.IntegerField(required=False, min_value=1)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """With ``from``, the step to start at."""
        return {"from": serializers.CharField(max_length=64), **super().get_fields()}


class EventSerializer(Plain):
    """One event of the journal; those of one entry share ``seq``."""

    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    step = serializers.CharField(required=False)
    epoch = serializers.IntegerField(required=False)
    attempt = serializers.IntegerField(required=False)
    data = serializers.DictField()  # type: ignore[assignment]  # the field of that name


class LogSerializer(serializers.ModelSerializer[StepLog]):
    """A line of a step's log; ``id`` is the cursor for ``since``."""

    class Meta:
        model = StepLog
        fields = ("id", "at", "step", "epoch", "attempt", "level", "message", "data")


class ItemSerializer(Plain):
    """An item of a map."""

    index = serializers.IntegerField()
    status = serializers.CharField()
    attempt = serializers.IntegerField()
    error = serializers.DictField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class ItemsSerializer(Plain):
    """A page of a map's items, and how many there are."""

    count = serializers.IntegerField()
    results = ItemSerializer(many=True)


class ReasonSerializer(Plain):
    """Why a person acts."""

    reason = serializers.CharField(required=False, allow_blank=True, max_length=2000, default="")


class RetrySerializer(Plain):
    """Which failed steps to retry; all of them when silent."""

    steps = serializers.ListField(child=serializers.CharField(), required=False)


class RollbackSerializer(ReasonSerializer):
    """Where to roll back to; without ``to`` the whole run."""

    to = serializers.CharField(required=False, allow_null=True, default=None)
    dry_run = serializers.BooleanField(default=False)


class ResolveSerializer(ReasonSerializer):
    """How a stuck rollback goes on."""

    step = serializers.CharField()
    action = serializers.ChoiceField(choices=["retry", "skip", "give_up"])


class PreviewSerializer(Plain):
    """What a rollback would do."""

    to = serializers.CharField(allow_null=True)
    steps = serializers.ListField(child=serializers.DictField())
    compensates = serializers.ListField(child=serializers.CharField())
    unknown = serializers.ListField(child=serializers.CharField())
    cannot = serializers.ListField(child=serializers.CharField())
    kept = serializers.ListField(child=serializers.CharField())
    retried = serializers.ListField(child=serializers.CharField())
    waits_for = serializers.ListField(child=serializers.CharField())
    cost = serializers.FloatField()
    tokens = serializers.IntegerField()


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """A question to people and its answer."""

    run = serializers.UUIDField(source="instance_id", read_only=True)
    run_number = serializers.IntegerField(source="instance.number", read_only=True)
    orchestration = serializers.CharField(source="instance.orchestration.slug", read_only=True)

    class Meta:
        model = Approval
        fields = (
            "id", "run", "run_number", "orchestration", "step", "kind", "status", "message", "evidence",
            "assignees", "role", "quorum", "form", "votes", "requested_at", "expires_at", "decided_at",
            "decided_by", "comment", "data", "content_hash",
        )  # fmt: skip


class DecisionSerializer(Plain):
    """A person's answer."""

    decision = serializers.ChoiceField(
        choices=["approve", "reject", "submit"], help_text="submit answers a form, the others an approval."
    )
    comment = serializers.CharField(required=False, allow_blank=True, max_length=10_000, default="")
    content_hash = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=64,
        default="",
        help_text="Of the question as read.",
    )
    data = serializers.JSONField(required=False, default=None)  # type: ignore[assignment]  # the field of that name
