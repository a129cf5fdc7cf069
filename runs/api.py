"""REST for runs and approvals: thin doors to runs.verbs."""

from __future__ import annotations

import time
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from builder.models import Orchestration
from orchestrator import access
from orchestrator.api import IDEMPOTENCY_KEY, claim_of, idempotent
from orchestrator.db.among import among
from orchestrator.errors import Invalid
from orchestrator.models import User
from runs import compare as comparing
from runs import forks, serializers, verbs
from runs.engine.states import RunStatus
from runs.models import Approval, OrchestrationInstance

ENDED = {RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.ROLLED_BACK}
LONGEST_WAIT_S = 60


def query(name: str, kind: Any = str, description: str = "") -> OpenApiParameter:
    """An optional query parameter in the OpenAPI document."""
    return OpenApiParameter(name, kind, description=description)


def whole_number(request: Request, name: str, default: int | None, least: int = 0) -> int | None:
    """Read an integer query parameter; raises Invalid that names it."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    if not text.isdigit() or int(text) < least:
        raise Invalid(f"{name} must be a whole number of at least {least}.", field=name)
    return int(text)


def uuid(text: str, name: str) -> UUID:
    """An id of the query; raises Invalid."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(f"{name} must be the id of a run.", field=name) from error


class StartRun(APIView):
    """``orchestrations/{id}/runs/``."""

    @extend_schema(
        operation_id="orchestrations_runs_create",
        request=serializers.StartSerializer,
        responses={201: serializers.RunDetailSerializer},
        parameters=[IDEMPOTENCY_KEY, query("wait", OpenApiTypes.INT, "Seconds to wait for the end.")],
    )
    @idempotent
    def post(self, request: Request, pk: UUID) -> Response:
        """Start a run of the newest version, or of ``version``."""
        user = cast(User, request.user)
        wait = whole_number(request, "wait", 0) or 0
        orchestration = access.get(user, access.START, Orchestration, pk=pk)
        body = serializers.StartSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given, version = body.validated_data["input"], body.validated_data.get("version")
        run = verbs.start(user, orchestration, given, version, pk=claim_of(request))
        give_up = time.monotonic() + min(wait, LONGEST_WAIT_S)
        while time.monotonic() < give_up and run.status not in ENDED:
            time.sleep(0.05)
            run.refresh_from_db()
        return Response(serializers.RunDetailSerializer(run).data, status=201)


class Runs(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[OrchestrationInstance]):
    """``runs/`` and what one can do to a run."""

    queryset = OrchestrationInstance.objects.none()
    lookup_value_converter = "uuid"

    def get_serializer_class(self) -> Any:
        """Lists leave the steps out."""
        return serializers.RunSerializer if self.action == "list" else serializers.RunDetailSerializer

    def get_queryset(self) -> QuerySet[OrchestrationInstance]:
        """The runs the caller may see, filtered as the query asks."""
        user, params = cast(User, self.request.user), self.request.query_params
        runs = access.visible(user, OrchestrationInstance).select_related(
            "orchestration", "version", "started_by"
        )
        if status := params.get("status"):
            runs = runs.filter(status__in=[part.strip().upper() for part in status.split(",")])
        if slug := params.get("orchestration"):
            named = Orchestration.objects.filter(slug=slug)  # by its id: a join would keep the index out
            runs = runs.filter(orchestration_id__in=among(named.values_list("pk", flat=True)))
        if params.get("mine"):
            runs = runs.filter(started_by=user)
        if parent := params.get("parent"):
            runs = runs.filter(parent_id=None if parent == "none" else uuid(parent, "parent"))
        return runs.order_by("created_at" if params.get("ordering") == "created_at" else "-created_at")

    def get_object(self) -> OrchestrationInstance:
        """The run, by the one access question."""
        return access.get(
            cast(User, self.request.user), access.VIEW, OrchestrationInstance, pk=self.kwargs["pk"]
        )

    @extend_schema(
        parameters=[
            query("status", description="One or several statuses, comma separated."),
            query("orchestration", description="The slug of an orchestration."),
            query("mine", OpenApiTypes.BOOL, "Only the runs that the caller started."),
            query(
                "parent",
                description="The id of a run: only those that it has started; none: only those"
                " that no run has started.",
            ),
            query("ordering", description="created_at, or -created_at (default)."),
        ]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The runs that the caller may see, newest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        parameters=[query("since", OpenApiTypes.INT), query("limit", OpenApiTypes.INT)],
        responses=serializers.EventSerializer(many=True),
    )
    @action(detail=True, pagination_class=None)
    def events(self, request: Request, pk: UUID) -> Response:
        """The journal after ``since``, in order; ``limit`` cuts between entries only."""
        since = whole_number(request, "since", 0) or 0
        return Response(verbs.events(self.get_object(), since, whole_number(request, "limit", None, least=1)))

    @extend_schema(
        parameters=[query("step"), query("level"), query("since", OpenApiTypes.UUID)],
        responses=serializers.LogSerializer(many=True),
    )
    @action(detail=True, pagination_class=None)
    def logs(self, request: Request, pk: UUID) -> Response:
        """What steps wrote to their log, oldest first; ``since`` is the id of the last line seen."""
        params = request.query_params
        rows = verbs.logs(self.get_object(), params.get("step"), params.get("level"), params.get("since"))
        return Response(serializers.LogSerializer(rows, many=True).data)

    @extend_schema(
        request=serializers.ReasonSerializer,
        responses=serializers.RunDetailSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop the run: what runs or waits becomes CANCELLED."""
        body = _valid(serializers.ReasonSerializer, request)
        return self._act(lambda user, run: verbs.cancel(user, run, reason=body["reason"]))

    @extend_schema(
        operation_id="runs_steps_items_list",
        parameters=[
            query("status", description="Only items of this status: failed, running, completed, ..."),
            query("page", OpenApiTypes.INT),
            query("page_size", OpenApiTypes.INT, "At most 500; 50 where it is not given."),
        ],
        responses=serializers.ItemsSerializer,
    )
    @action(detail=True, url_path="steps/<str:key>/items", pagination_class=None)
    def items(self, request: Request, pk: UUID, key: str) -> Response:
        """The items of a map in their order: status, attempt, error."""
        page = whole_number(request, "page", 1, least=1) or 1
        size = min(whole_number(request, "page_size", 50, least=1) or 50, 500)
        return Response(
            verbs.items(self.get_object(), key, request.query_params.get("status", ""), page, size)
        )

    @extend_schema(
        operation_id="runs_steps_cancel_create",
        request=serializers.ReasonSerializer,
        responses=serializers.RunDetailSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"], url_path="steps/<str:key>/cancel")
    @idempotent
    def cancel_step(self, request: Request, pk: UUID, key: str) -> Response:
        """Give up one step that runs or waits; the run goes on as after a failure of it."""
        body = _valid(serializers.ReasonSerializer, request)
        return self._act(lambda user, run: verbs.cancel_step(user, run, key, body["reason"]))

    @extend_schema(
        request=serializers.RetrySerializer,
        responses=serializers.RunDetailSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def retry(self, request: Request, pk: UUID) -> Response:
        """Run what failed or was cancelled again, in the same epoch."""
        body = _valid(serializers.RetrySerializer, request)
        return self._act(lambda user, run: verbs.retry(user, run, steps=body.get("steps")))

    @extend_schema(
        request=serializers.RollbackSerializer,
        responses={200: serializers.RunDetailSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def rollback(self, request: Request, pk: UUID) -> Response:
        """Roll back to a checkpoint, or the whole run; ``dry_run`` answers the preview instead."""
        body, run = _valid(serializers.RollbackSerializer, request), self.get_object()
        preview = verbs.rollback(
            cast(User, request.user), run, to=body["to"], reason=body["reason"], dry_run=body["dry_run"]
        )
        if body["dry_run"]:
            return Response(preview)
        return Response(serializers.RunDetailSerializer(self.get_object()).data)

    @extend_schema(
        request=serializers.ForkSerializer,
        responses={201: serializers.RunDetailSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def fork(self, request: Request, pk: UUID) -> Response:
        """Start a run from a checkpoint of this one, with changes."""
        body = _valid(serializers.ForkSerializer, request)
        made = forks.fork(
            cast(User, request.user),
            self.get_object(),
            body["from"],
            body.get("input", forks.SAME),
            body.get("outputs"),
            body.get("version"),
        )
        return Response(serializers.RunDetailSerializer(made).data, status=201)

    @extend_schema(
        parameters=[OpenApiParameter("with", OpenApiTypes.UUID, required=True)], responses=OpenApiTypes.OBJECT
    )
    @action(detail=True, pagination_class=None)
    def compare(self, request: Request, pk: UUID) -> Response:
        """This run beside another one: status, output, duration, tokens and cost of each step."""
        named = request.query_params.get("with", "")
        if not named:
            raise Invalid("Name the other run: ?with=ID.", field="with")
        other = access.get(cast(User, request.user), access.VIEW, OrchestrationInstance, pk=named)
        return Response(comparing.compare(self.get_object(), other))

    @extend_schema(
        request=serializers.ResolveSerializer,
        responses=serializers.RunDetailSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"], url_path="rollback/resolve")
    @idempotent
    def resolve(self, request: Request, pk: UUID) -> Response:
        """Say how a rollback goes on that is stuck: ``retry``, ``skip`` or ``give_up``."""
        body = _valid(serializers.ResolveSerializer, request)
        return self._act(
            lambda user, run: verbs.resolve(user, run, body["step"], body["action"], body["reason"])
        )

    def _act(self, verb: Any) -> Response:
        """Call a verb on the run; answer the run as it is after."""
        verb(cast(User, self.request.user), self.get_object())
        return Response(serializers.RunDetailSerializer(self.get_object()).data)


class Approvals(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Approval]):
    """``approvals/``: questions to the caller, and those of runs that the caller sees."""

    queryset = Approval.objects.none()
    serializer_class = serializers.ApprovalSerializer
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Approval]:
        """The approvals that the caller may see, oldest first."""
        rows = access.visible(cast(User, self.request.user), Approval).select_related(
            "instance__orchestration"
        )
        if status := self.request.query_params.get("status"):
            rows = rows.filter(status=status.lower())
        return rows.order_by("requested_at")

    def get_object(self) -> Approval:
        """The approval, by the one access question."""
        return access.get(cast(User, self.request.user), access.VIEW, Approval, pk=self.kwargs["pk"])

    @extend_schema(
        parameters=[query("status", description="pending, approved, rejected, submitted, expired, voided")]
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The approvals that the caller may see, oldest first."""
        return super().list(request, *args, **kwargs)

    @extend_schema(
        request=serializers.DecisionSerializer,
        responses=serializers.ApprovalSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"])
    @idempotent
    def decide(self, request: Request, pk: UUID) -> Response:
        """Answer; a second decision gets 409 ``already_decided`` with who and when."""
        body = _valid(serializers.DecisionSerializer, request)
        approval = verbs.decide_approval(
            cast(User, request.user),
            self.get_object(),
            body["decision"],
            body["comment"],
            body["data"],
            body["content_hash"],
        )
        return Response(serializers.ApprovalSerializer(approval).data)


def _valid(kind: Any, request: Request) -> Any:
    """The request's body as ``kind`` reads it; raises DRF's ValidationError."""
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    return body.validated_data
