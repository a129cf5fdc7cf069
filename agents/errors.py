"""What the gateway raises: one class, stable codes, and whether trying again can help."""

from __future__ import annotations

from typing import Any

from orchestrator.errors import ProductError

SHOWN_CHARACTERS = 4096


class GatewayError(ProductError):
    """A call to a language model did not give a usable answer (502 over REST).

    ``code`` is one of ``bad_key, forbidden, not_found, bad_request, context_length, quota,
    rate_limited, provider_failed, connection, timeout, stream_cut, bad_response, content_filter,
    bad_schema, output_invalid, configuration, cancelled, throttled`` (by a limit of ours, 429). ``sent``
    and ``received`` are what went out and came back, without secrets, at most 4,096 characters each.
    ``details`` may hold ``status`` (the provider's HTTP status), ``retry_after_s``, ``limit`` and ``usage``
    (tokens that were spent all the same).
    """

    status = 502
    code = "provider_failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retryable: bool = False,
        sent: str = "",
        received: str = "",
        **details: Any,
    ) -> None:
        super().__init__(message, code=code, **details)
        self.retryable = retryable
        self.sent = sent[:SHOWN_CHARACTERS]
        self.received = received[:SHOWN_CHARACTERS]
