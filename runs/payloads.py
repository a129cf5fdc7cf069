"""Large outputs: over 16 KiB a value lives once per run, and the journal refers to it by its hash."""

from __future__ import annotations

import threading
from collections import OrderedDict
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError, transaction

from runs.models import OrchestrationInstance, Payload, StepRun
from steps.base import JSON, StepError

INLINE_BYTES = 16 * 1024
LIMIT_BYTES = 10 * 1024 * 1024
CACHE_BYTES = 32 * 1024 * 1024

Reference = dict[str, Any]  # {"sha256": hex, "size": bytes}


def keep(run_id: UUID, output: JSON) -> tuple[JSON, Reference | None]:
    """What the journal says of ``output``: itself, or None and where it was stored.

    Raises StepError for a value that JSON cannot say or that is over 10 MiB.
    """
    raw = encode(output)
    if len(raw) <= INLINE_BYTES:
        return output, None
    check(len(raw))
    return None, store(run_id, raw)


def check(size: int) -> None:
    """Raise StepError for more bytes than an output may have."""
    if size > LIMIT_BYTES:
        raise StepError(
            f"The output is {size / 1024 / 1024:.1f} MiB; at most 10 MiB are kept.",
            code="output_too_large",
            size=size,
        )


def reference(raw: bytes) -> Reference:
    """How rows and the journal refer to this JSON."""
    return {"sha256": sha256(raw).hexdigest(), "size": len(raw)}


def encode(output: JSON) -> bytes:
    """The value as JSON; raises StepError where JSON cannot say it."""
    try:
        return orjson.dumps(output)
    except TypeError as error:  # orjson's JSONEncodeError, whatever the value was
        raise StepError(f"The output is not JSON: {error}.", code="output_not_json") from error


def store(run_id: UUID, raw: bytes) -> Reference:
    """Store the JSON once for its run; storing it again, even at the same time, is harmless."""
    found = reference(raw)
    key = {"instance_id": run_id, "sha256": found["sha256"]}
    if not Payload.objects.filter(**key).exists():
        try:
            with transaction.atomic():
                Payload.objects.create(**key, size=len(raw), content=orjson.Fragment(raw))
        except IntegrityError:
            if not Payload.objects.filter(**key).exists():
                raise
    return found


class _Recent:
    """The values that were read last, up to CACHE_BYTES: a fan reads one payload many times."""

    def __init__(self) -> None:
        self._values: OrderedDict[tuple[UUID, str], tuple[int, JSON]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[UUID, str]) -> tuple[int, JSON] | None:
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
            return found

    def put(self, key: tuple[UUID, str], size: int, value: JSON) -> None:
        with self._lock:
            if key in self._values:
                return
            self._values[key] = (size, value)
            self._bytes += size
            while self._bytes > CACHE_BYTES and len(self._values) > 1:
                _, (gone, _) = self._values.popitem(last=False)
                self._bytes -= gone


_recent = _Recent()


def load(run_id: UUID, stored: Reference) -> JSON:
    """The value that ``stored`` refers to. Shared: do not change it. Raises Payload.DoesNotExist."""
    key = (run_id, stored["sha256"])
    found = _recent.get(key)
    if found is None:
        row = Payload.objects.get(instance_id=run_id, sha256=stored["sha256"])
        found = (row.size, row.content)
        _recent.put(key, *found)
    return found[1]


def output_of(row: StepRun | OrchestrationInstance) -> JSON:
    """The whole output of a step or a run, wherever it is kept."""
    if row.payload is None:
        return row.output
    return load(row.pk if isinstance(row, OrchestrationInstance) else row.instance_id, row.payload)
