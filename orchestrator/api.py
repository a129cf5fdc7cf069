"""What every REST endpoint shares: pages of a list, errors as JSON, and answers given once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID

import orjson
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema_serializer
from rest_framework import exceptions, serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.errors import Conflict, Invalid, ProductError
from orchestrator.fields import JSONTextField
from orchestrator.models import IdempotentCall
from orchestrator.processes import is_gone, this_process

# Without this DRF takes a JSONTextField for the text that it is stored as.
serializers.ModelSerializer.serializer_field_mapping[JSONTextField] = serializers.JSONField
IDEMPOTENT_FOR = timedelta(hours=24)
FIRST_ANSWER_WITHIN_S = 8  # less than the 10 s after which many clients give up
ABANDONED_AFTER = timedelta(minutes=5)  # of a process on another host, which cannot be asked after
CODES: dict[type[Exception], str] = {
    exceptions.ParseError: "invalid",
    exceptions.ValidationError: "invalid",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "not_authenticated",
    exceptions.PermissionDenied: "forbidden",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "too_many_requests",
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The same key and body within 24 hours gives the first answer again; another body gives 409.",
)


@extend_schema_serializer(component_name="Error")
class ErrorSerializer(serializers.Serializer[Any]):
    """Every refusal: a stable code, one human sentence, and where it applies."""

    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField()


class Pages(PageNumberPagination):
    """``?page=&page_size=`` answered ``{count, next, previous, results}``; at most 200 rows a page."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


def explain(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn any refusal into ``{code, message, details}``; None lets Django report a defect as 500."""
    if isinstance(error, ProductError):
        body = {"code": error.code, "message": error.message, "details": error.details}
        return Response(body, status=error.status)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), "error")
    details = error.detail if isinstance(error.detail, dict) else {}
    response = Response(
        {"code": code, "message": _sentence(error.detail), "details": details}, status=error.status_code
    )
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait) + 1)
    return response


def _sentence(detail: Any) -> str:
    """The first human sentence of DRF's nested details, with the field it is about."""
    if isinstance(detail, dict):
        field, value = next(iter(detail.items()), ("", "The input is wrong."))
        inner = _sentence(value)
        return inner if field in ("detail", "non_field_errors", "code") else f"{field}: {inner}"
    if isinstance(detail, (list, tuple)):
        return _sentence(detail[0]) if detail else "The input is wrong."
    return str(detail)


def idempotent(view: Callable[..., Response]) -> Callable[..., Response]:
    """Make a POST that carries ``Idempotency-Key`` act once.

    The key is claimed by an insert that only one caller wins, so two simultaneous calls act once too;
    the loser waits for the winner's answer. Raises Conflict ``idempotency_key_reused`` for another
    request under the same key, ``in_progress`` where the first call has not answered in 8 s. A call that
    is refused (or fails) gives the key back. One whose process died is made again by the next caller; the
    view finds in ``claim`` an id that is the same for both, under which it may find what the first has done.
    """

    @wraps(view)
    def answer(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return view(self, request, *args, **kwargs)
        if len(key) > 255:
            raise Invalid("An Idempotency-Key has at most 255 characters.", field="Idempotency-Key")
        digest = _digest(request)
        call, first = _claim(request.user, key, digest)
        if not first:
            return _first_answer(call, digest)
        request.claim = call.pk  # type: ignore[attr-defined]
        try:
            response = view(self, request, *args, **kwargs)
        except BaseException:
            call.delete()
            raise
        call.status, call.response = response.status_code, _plain(response)
        call.save(update_fields=["status", "response"])
        return response

    return answer


def _digest(request: Request) -> str:
    """What makes a request the same: method, path with query, and body."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if not (request.content_type or "").startswith("multipart/form-data"):
        digest.update(request._request.body)
        return digest.hexdigest()
    # Not the raw body: its boundary is new in each call, and the CSRF check may have read it already.
    for name, values in sorted(request.POST.lists()):
        digest.update(repr((name, values)).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            digest.update(repr((name, file.name, file.size)).encode())
            for part in file.chunks():
                digest.update(part)
            file.seek(0)
    return digest.hexdigest()


def _claim(user: Any, key: str, digest: str) -> tuple[IdempotentCall, bool]:
    """The row of this key, and whether this caller made it."""
    IdempotentCall.objects.filter(user=user, key=key, created_at__lt=timezone.now() - IDEMPOTENT_FOR).delete()
    existing = IdempotentCall.objects.filter(user=user, key=key).first()
    if existing:
        return existing, existing.request_hash == digest and _take_over(existing)
    try:
        call = IdempotentCall(user=user, key=key, request_hash=digest, process=this_process())
        call.save(force_insert=True)
        return call, True
    except IntegrityError:  # somebody else claimed it between the look and the insert
        return IdempotentCall.objects.get(user=user, key=key), False


def _take_over(call: IdempotentCall) -> bool:
    """Whether this caller goes on with a call that will never be answered: one does, if its process died."""
    if call.status:
        return False
    if not is_gone(call.process) and call.created_at > timezone.now() - ABANDONED_AFTER:
        return False
    theirs = IdempotentCall.objects.filter(pk=call.pk, status=0, process=call.process)
    return bool(theirs.update(process=this_process(), created_at=timezone.now()))


def claim_of(request: Request) -> UUID | None:
    """The id that a call and its repetition after a crash share; None without an ``Idempotency-Key``."""
    return getattr(request, "claim", None)


def _first_answer(call: IdempotentCall, digest: str) -> Response:
    """Wait for the answer of the call that claimed the key."""
    if call.request_hash != digest:
        raise Conflict("This Idempotency-Key was used for another request.", code="idempotency_key_reused")
    give_up = time.monotonic() + FIRST_ANSWER_WITHIN_S
    while not call.status and time.monotonic() < give_up:
        time.sleep(0.05)
        call.refresh_from_db()
    if not call.status:
        raise Conflict("The first call with this Idempotency-Key is still at work.", code="in_progress")
    return Response(call.response, status=call.status)


def _plain(response: Response) -> Any:
    """The answer as JSON can hold it."""
    return orjson.loads(JSONRenderer().render(response.data)) if response.data is not None else None


def unknown_address(request: HttpRequest) -> JsonResponse:
    """404 as JSON for an address under /api/v1/ that does not exist."""
    body = {"code": "not_found", "message": f"There is no {request.path}.", "details": {}}
    return JsonResponse(body, status=404)
