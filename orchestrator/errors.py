"""The one error family: a stable code, one human sentence, details; each knows its HTTP status."""

from __future__ import annotations

from typing import Any


class ProductError(Exception):
    """What a verb raises when it refuses.

    ``code`` is stable and machine-readable, ``message`` one sentence for a person, ``details`` JSON.
    Doors translate it: REST to ``{code, message, details}``, pages to a notice, sockets to a frame.
    """

    status = 400
    code = "bad_request"
    retryable = False

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = details


class Invalid(ProductError):
    """400: the input is wrong; ``details`` says where."""

    code = "invalid"


class Forbidden(ProductError):
    """403: may see it, may not do this."""

    status = 403
    code = "forbidden"


class NotFound(ProductError):
    """404: not there, or not for this person to know of."""

    status = 404
    code = "not_found"


class Conflict(ProductError):
    """409: the state moved on (``already_decided``, ``not_running``, ``stale_revision`` ...)."""

    status = 409
    code = "conflict"


class Gone(ProductError):
    """410: it was here and counts no longer."""

    status = 410
    code = "gone"


class TooLarge(ProductError):
    """413: over a limit that the message names."""

    status = 413
    code = "too_large"


class Unsupported(ProductError):
    """415: a media type we do not read."""

    status = 415
    code = "unsupported_media_type"


class Unavailable(ProductError):
    """503: something that this product needs does not answer; the message says what."""

    status = 503
    code = "unavailable"
    retryable = True
