"""REST: knowledge bases, their documents, and the search over them."""

from __future__ import annotations

import time
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from knowledge import ingest, overview, serializers
from knowledge.models import Document, KnowledgeBase
from knowledge.policies import Rights
from knowledge.search import search
from orchestrator import access, grants
from orchestrator.api import IDEMPOTENCY_KEY, idempotent
from orchestrator.errors import Invalid
from orchestrator.models import User


class KnowledgeBases(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[KnowledgeBase]):
    """Named sets of documents."""

    queryset = KnowledgeBase.objects.none()
    filter_backends = (SearchFilter, OrderingFilter)
    search_fields = ("name", "slug", "description")
    ordering_fields = ("name", "created_at")
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[KnowledgeBase]:
        """What the caller may see."""
        return access.visible(_user(self.request), KnowledgeBase)

    def get_serializer_class(self) -> Any:
        """Lists leave out who may do what."""
        detailed = self.action != "list"
        return serializers.KnowledgeBaseDetailSerializer if detailed else serializers.KnowledgeBaseSerializer

    def get_serializer_context(self) -> dict[str, Any]:
        """With the sizes of the bases and the caller's rights, which the serializer shows."""
        more = {"sizes": overview.sizes(), "rights": Rights(_user(self.request))}
        return {**super().get_serializer_context(), **more}

    @extend_schema(parameters=[IDEMPOTENCY_KEY], responses={201: serializers.KnowledgeBaseDetailSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Make an empty base; its slug comes from the name."""
        access.check(_user(request), access.CREATE, KnowledgeBase)
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = dict(body.validated_data)
        rights = wanted.pop("access", None)
        made = ingest.create_base(_user(request), **wanted)
        if rights is not None:
            grants.set_access(_user(request), made, rights)
        return Response(self.get_serializer(made).data, status=201)

    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Rename or describe it, or say who may do what (the whole list); the slug stays."""
        base = self._base(pk, access.EDIT)
        body = self.get_serializer(base, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        new = {"name": base.name, "description": base.description, **body.validated_data}
        rights = new.pop("access", None)
        changed = ingest.change_base(base, **new)
        if rights is not None:
            grants.set_access(_user(request), changed, rights)
        return Response(self.get_serializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Remove it with its documents, passages and vectors."""
        ingest.delete_base(self._base(pk, access.EDIT))
        return Response(status=204)

    @extend_schema(
        request=serializers.QuestionSerializer,
        responses=serializers.HitsSerializer,
        filters=False,
    )
    @action(detail=True, methods=["post"])
    def search(self, request: Request, pk: UUID) -> Response:
        """Find the passages that answer a question, by words and by meaning."""
        base = self._base(pk, access.VIEW)
        body = serializers.QuestionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        ask = body.validated_data
        began = time.perf_counter()
        hits = search(base, ask["query"], ask["k"], ask["min_score"], mark=ask["highlights"])
        answer = {"results": hits, "took_ms": round((time.perf_counter() - began) * 1000, 1)}
        return Response(serializers.HitsSerializer(answer).data)

    def _base(self, pk: UUID, act: str) -> KnowledgeBase:
        return access.get(_user(self.request), act, KnowledgeBase, pk=pk)


class Documents(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Document]):
    """The documents of one base, with how far their indexing is."""

    queryset = Document.objects.none()
    serializer_class = serializers.DocumentSerializer
    filter_backends = (SearchFilter, OrderingFilter)
    search_fields = ("name",)
    ordering_fields = ("name", "created_at", "updated_at", "size")
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Document]:
        """The base's documents; NotFound for a base that the caller may not see."""
        if getattr(self, "swagger_fake_view", False):
            return Document.objects.none()
        base = self._base(access.VIEW)
        return access.visible(_user(self.request), Document).filter(base=base)

    @extend_schema(
        request={"multipart/form-data": serializers.UploadSerializer},
        responses={201: serializers.DocumentSerializer(many=True)},
        parameters=[IDEMPOTENCY_KEY],
        filters=False,
    )
    @idempotent
    def create(self, request: Request, base: UUID) -> Response:
        """Upload files; either all are taken or, with the reason of the first that is not, none."""
        into = self._base(access.EDIT)
        files = [file for _, found in request.FILES.lists() for file in found]
        if not files:
            raise Invalid("Send at least one file as multipart/form-data.", field="files")
        for file in files:
            ingest.check_upload(file.name, file.size, file.content_type)
        made = [
            ingest.add_document(_user(request), into, file.name, file.read(), file.content_type)
            for file in files
        ]
        return Response(serializers.DocumentSerializer(made, many=True).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, base: UUID, pk: UUID) -> Response:
        """Remove it with its passages and vectors."""
        ingest.delete_document(self._document(pk))
        return Response(status=204)

    @extend_schema(request=None, responses=serializers.DocumentSerializer, parameters=[IDEMPOTENCY_KEY])
    @action(detail=True, methods=["post"])
    @idempotent
    def retry(self, request: Request, base: UUID, pk: UUID) -> Response:
        """Index a failed document once more; 409 ``not_failed``."""
        document = ingest.retry_document(self._document(pk))
        return Response(serializers.DocumentSerializer(document).data)

    def get_parsers(self) -> list[Any]:
        """Files come as multipart, everything else as the project has it."""
        if getattr(self, "action_map", {}).get("post") == "create":
            return [MultiPartParser()]
        return super().get_parsers()

    def _base(self, act: str) -> KnowledgeBase:
        return access.get(_user(self.request), act, KnowledgeBase, pk=self.kwargs["base"])

    def _document(self, pk: UUID) -> Document:
        return access.get(
            _user(self.request), access.EDIT, Document, pk=pk, base_id=self._base(access.EDIT).pk
        )


def _user(request: Any) -> User:
    return cast("User", request.user)
