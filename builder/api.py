"""REST for orchestrations: thin doors to the builder's verbs."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from builder import edits, serializers, verbs
from builder.changes import perform
from builder.document import Kind, dump
from builder.draft import Recorder
from builder.media import PARSERS, RENDERERS
from builder.models import Orchestration
from builder.policies import EXPORT
from builder.problems import problems
from builder.versions import diff
from orchestrator import access
from orchestrator.api import IDEMPOTENCY_KEY, idempotent
from orchestrator.errors import Invalid
from orchestrator.models import User

ORDERS = ("name", "created_at", "updated_at")
DOCUMENT = dict.fromkeys(("application/json", "application/yaml"), OpenApiTypes.OBJECT)
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The revision that was read."
)
REVISION = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=True, description="The draft's revision."
)


def query(name: str, kind: Any = str, description: str = "", enum: Any = None) -> OpenApiParameter:
    """An optional query parameter in the OpenAPI document."""
    return OpenApiParameter(name, kind, description=description, enum=enum)


@extend_schema_view(
    list=extend_schema(
        parameters=[
            query("search", description="Words in the name, the slug or the description."),
            query("ordering", enum=[*ORDERS, *(f"-{name}" for name in ORDERS)]),
        ]
    )
)
class Orchestrations(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Orchestration]
):
    """``orchestrations/``: drafts, their documents and their versions."""

    queryset = Orchestration.objects.none()
    lookup_value_converter = "uuid"

    def get_serializer_class(self) -> Any:
        """Lists leave out who may do what."""
        detailed = self.action != "list"
        return serializers.OrchestrationDetailSerializer if detailed else serializers.OrchestrationSerializer

    def get_queryset(self) -> QuerySet[Orchestration]:
        """The orchestrations that the caller may see, as the query asks."""
        rows = access.visible(self._user, Orchestration).select_related("created_by")
        if words := self.request.query_params.get("search", "").strip():
            rows = rows.filter(
                Q(name__icontains=words) | Q(slug__icontains=words) | Q(description__icontains=words)
            )
        order = self.request.query_params.get("ordering", "name")
        return rows.order_by(order if order.removeprefix("-") in ORDERS else "name", "pk")

    def get_object(self) -> Orchestration:
        """The orchestration, by the one access question."""
        return self._get(access.VIEW)

    @extend_schema(
        request=serializers.CreateSerializer,
        responses={201: serializers.OrchestrationDetailSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Make an orchestration without steps."""
        access.check(self._user, access.CREATE, Orchestration)
        body = _valid(serializers.CreateSerializer, request)
        made = verbs.create(self._user, body["name"], body["description"], body["slug"])
        if "access" in body:
            verbs.set_access(self._user, made, body["access"])
        return self._shown(made, 201)

    @extend_schema(request=serializers.ChangeSerializer, responses=serializers.OrchestrationDetailSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change the name, the description, how long runs are kept, or who may do what (the whole list)."""
        orchestration = self._get(access.EDIT)
        body = _valid(serializers.ChangeSerializer, request)
        wanted = [
            {"op": "set_meta", "field": name, "value": body[name]}
            for name in ("name", "description")
            if name in body
        ]
        if wanted:
            edits.commit(self._user, orchestration, lambda recorder: _all(recorder, wanted), "set_meta")
        if "keep_days" in body:
            verbs.keep_runs(orchestration, body["keep_days"])
        if "access" in body:
            verbs.set_access(self._user, orchestration, body["access"])
        return self._shown(orchestration)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Remove it with its versions; 409 ``has_runs`` where it has runs."""
        verbs.delete(self._user, self._get(access.EDIT))
        return Response(status=204)

    @extend_schema(
        operation_id="orchestrations_import",
        request=DOCUMENT,
        responses={201: serializers.OrchestrationDetailSerializer},
        parameters=[
            query("publish", OpenApiTypes.BOOL, "Publish it too; refused as a whole if it has problems."),
            IDEMPOTENCY_KEY,
        ],
    )
    @action(detail=False, methods=["post"], url_path="import", parser_classes=PARSERS)
    @idempotent
    def bring_in(self, request: Request) -> Response:
        """Make an orchestration from a document."""
        access.check(self._user, access.CREATE, Orchestration)
        publish = request.query_params.get("publish", "").lower() in ("1", "true", "yes")
        document = cast("dict[str, Any]", request.data)
        return self._shown(verbs.import_document(self._user, document, publish=publish), 201)

    @extend_schema(
        operation_id="orchestrations_document", responses={200: OpenApiTypes.OBJECT}, parameters=[REVISION]
    )
    @action(detail=True, renderer_classes=RENDERERS, parser_classes=PARSERS, pagination_class=None)
    def document(self, request: Request, pk: UUID) -> Response:
        """The draft, as JSON or (``Accept: application/yaml``, ``?format=yaml``) as YAML."""
        orchestration = self._get(EXPORT)
        kind: Kind = "yaml" if request.accepted_renderer.format == "yaml" else "json"
        response = Response(dump(orchestration.draft, kind))
        response["ETag"] = f'"{orchestration.revision}"'
        response["Content-Disposition"] = f'inline; filename="{orchestration.slug}.{kind}"'
        return response

    @extend_schema(
        operation_id="orchestrations_document_replace",
        request=DOCUMENT,
        responses=serializers.ReplacedSerializer,
        parameters=[IF_MATCH],
    )
    @document.mapping.put
    def replace_document(self, request: Request, pk: UUID) -> Response:
        """Put a document in place of the draft; 409 ``stale_revision`` where it has changed since."""
        orchestration = self._get(access.EDIT)
        revision = _revision(request, orchestration)
        document = cast("dict[str, Any]", request.data)
        applied = verbs.replace_document(self._user, orchestration, document, revision)
        found = [verbs.as_json(problem) for problem in problems(applied.document)]
        response = Response({"revision": applied.revision, "problems": found})
        response["ETag"] = f'"{applied.revision}"'
        return response

    @extend_schema(request=None, responses=serializers.ProblemsSerializer)
    @action(detail=True, methods=["post"])
    def validate(self, request: Request, pk: UUID) -> Response:
        """What keeps the draft from being published."""
        found = problems(self._get(EXPORT).draft)
        return Response({"problems": [verbs.as_json(problem) for problem in found]})

    @extend_schema(
        request=serializers.NoteSerializer,
        responses={201: serializers.VersionSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"], parser_classes=[JSONParser])
    @idempotent
    def publish(self, request: Request, pk: UUID) -> Response:
        """Make the draft the next version; 400 ``has_problems``, 409 ``nothing_changed``."""
        orchestration = self._get(access.EDIT)
        body = _valid(serializers.NoteSerializer, request)
        version = verbs.publish(self._user, orchestration, body["note"])
        return Response(serializers.VersionSerializer(version).data, status=201)

    @extend_schema(responses=serializers.VersionSerializer(many=True))
    @action(detail=True)
    def versions(self, request: Request, pk: UUID) -> Response:
        """The published versions, newest first."""
        rows = self.get_object().versions.select_related("published_by").order_by("-number")
        shown: Any = self.paginate_queryset(rows)  # type: ignore[arg-type]
        return self.get_paginated_response(serializers.VersionSerializer(shown, many=True).data)

    @extend_schema(operation_id="orchestrations_version", responses=serializers.VersionDetailSerializer)
    @action(detail=True, url_path="versions/<int:number>", pagination_class=None)
    def version(self, request: Request, pk: UUID, number: int) -> Response:
        """One version with its document."""
        version = verbs.version_of(self.get_object(), number)
        return Response(serializers.VersionDetailSerializer(version).data)

    @extend_schema(
        operation_id="orchestrations_version_diff",
        responses=serializers.DiffSerializer,
        parameters=[query("to", OpenApiTypes.INT, "The other version; without it the draft.")],
    )
    @action(detail=True, url_path="versions/<int:number>/diff", pagination_class=None)
    def diff(self, request: Request, pk: UUID, number: int) -> Response:
        """What makes version ``to`` (or the draft) out of version ``number``."""
        to = request.query_params.get("to", "")
        orchestration = self._get(access.VIEW if to else EXPORT)
        before = verbs.version_of(orchestration, number).document
        if to and not to.isdigit():
            raise Invalid("to must be the number of a version.", field="to")
        after = verbs.version_of(orchestration, int(to)).document if to else orchestration.draft
        return Response(diff(before, after))

    @extend_schema(
        operation_id="orchestrations_version_restore",
        request=None,
        responses=serializers.ReplacedSerializer,
        parameters=[IDEMPOTENCY_KEY],
    )
    @action(detail=True, methods=["post"], url_path="versions/<int:number>/restore")
    @idempotent
    def restore(self, request: Request, pk: UUID, number: int) -> Response:
        """Make the draft say what the version says."""
        applied = verbs.restore(self._user, self._get(access.EDIT), number)
        found = [verbs.as_json(problem) for problem in problems(applied.document)]
        return Response({"revision": applied.revision, "problems": found})

    @property
    def _user(self) -> User:
        return cast(User, self.request.user)

    def _get(self, wish: str) -> Orchestration:
        return access.get(self._user, wish, Orchestration, pk=self.kwargs["pk"])

    def _shown(self, orchestration: Orchestration, status: int = 200) -> Response:
        kind = serializers.OrchestrationDetailSerializer
        return Response(kind(orchestration, context={"request": self.request}).data, status=status)


def _revision(request: Request, orchestration: Orchestration) -> int:
    """The revision that ``If-Match`` names; ``*`` is whatever there is."""
    text = request.headers.get("If-Match", "").strip()
    if text == "*":
        return orchestration.revision
    bare = text.removeprefix("W/").strip('"')
    if not bare.isascii() or not bare.isdigit() or len(bare) > 10:
        message = "Send the revision that you have read as If-Match; GET answers it as ETag."
        raise Invalid(message, code="if_match_required", field="If-Match")
    return int(bare)


def _all(recorder: Recorder, wanted: list[dict[str, Any]]) -> str:
    return " and ".join([perform(recorder, edit) for edit in wanted])


def _valid(kind: Any, request: Request) -> Any:
    """The request's body as ``kind`` reads it; raises DRF's ValidationError."""
    body = kind(data=request.data)
    body.is_valid(raise_exception=True)
    return body.validated_data
