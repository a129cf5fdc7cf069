"""From what pydantic-ai and the SDKs raise to one GatewayError that says whether to try again.

The tables are data; the first class that fits wins, so the special ones stand before the general.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import orjson
from pydantic_ai import exceptions as ai

from agents.errors import GatewayError


class Meaning(NamedTuple):
    """What a failure means: its code, whether a later try may succeed, and the sentence for a person."""

    code: str
    retryable: bool
    sentence: str


BY_CLASS: tuple[tuple[type[Exception], Meaning], ...] = (
    (
        ai.ModelQuotaExceededError,
        Meaning("quota", False, "The account behind {name} has used up its quota or credit."),
    ),
    (
        ai.ModelContextWindowExceededError,
        Meaning("context_length", False, "The prompt is longer than {name} can read."),
    ),
    (ai.ModelTimeoutError, Meaning("timeout", True, "{name} did not answer in time.")),
    (ai.ModelRequestTimeout, Meaning("timeout", True, "{name} did not answer in time.")),
    (ai.ModelConnectionError, Meaning("connection", True, "The connection to {name} failed or broke off.")),
    (ai.ContentFilterError, Meaning("content_filter", False, "{name}'s content filter refused the request.")),
)
BY_STATUS: dict[int, Meaning] = {
    401: Meaning("bad_key", False, "{name} refused the API key."),
    403: Meaning("forbidden", False, "The API key may not use {name}."),
    404: Meaning("not_found", False, "The provider of {name} knows no such model or address."),
    408: Meaning("timeout", True, "{name} did not answer in time."),
    429: Meaning("rate_limited", True, "{name} gets too many requests at the moment."),
}
IN_STREAM: tuple[tuple[type[Exception], Meaning], ...] = (
    (ai.ModelRateLimitError, BY_STATUS[429]),
    (ai.ModelAuthenticationError, BY_STATUS[401]),
    (ai.ModelRequestRejectedError, Meaning("bad_request", False, "{name} refused the request.")),
)
SERVER_FAILED = Meaning("provider_failed", True, "The provider of {name} had an error of its own.")
CLIENT_FAILED = Meaning("bad_request", False, "{name} refused the request.")
BAD_RESPONSE = Meaning("bad_response", True, "{name} sent an answer that cannot be read.")
MISUSED = Meaning("configuration", False, "{name} cannot do what the step asks of it.")
UNKNOWN = Meaning("provider_failed", False, "The call to {name} failed in a way that we do not know.")

_TOO_LONG = re.compile(r"exceed_context_size|exceeds the available context size")  # llama.cpp's words


def explain(error: Exception, *, name: str, sent: str, secret: str) -> GatewayError:
    """The GatewayError for ``error``; ``secret`` is blotted out wherever a provider repeats it."""
    received = _blot(_body(error), secret)
    meaning = _meaning(error, received)
    status = getattr(error, "status_code", None)
    details = {"status": status} if status else {}
    if (wait := getattr(error, "retry_after", None)) is not None:
        details["retry_after_s"] = wait
    return GatewayError(
        meaning.sentence.format(name=f"“{name}”"),
        code=meaning.code,
        retryable=meaning.retryable,
        sent=_blot(sent, secret),
        received=received,
        **details,
    )


def _meaning(error: Exception, received: str) -> Meaning:
    for kind, meaning in BY_CLASS:
        if isinstance(error, kind):
            return meaning
    if isinstance(error, ai.ModelHTTPError):
        if isinstance(error, ai.ModelAuthenticationError) and error.status_code == 400:
            return BY_STATUS[401]  # Gemini's way to refuse a key
        return _of_status(error.status_code, received)
    if isinstance(error, ai.ModelAPIError):  # an error event inside a stream that had begun well
        return next((meaning for kind, meaning in IN_STREAM if isinstance(error, kind)), SERVER_FAILED)
    if isinstance(error, ai.UnexpectedModelBehavior):
        return BAD_RESPONSE
    return MISUSED if isinstance(error, ai.UserError) else UNKNOWN


def _of_status(status: int, received: str) -> Meaning:
    if status >= 500:
        return SERVER_FAILED
    if status == 400 and _TOO_LONG.search(received):
        return BY_CLASS[1][1]
    return BY_STATUS.get(status, CLIENT_FAILED)


def _body(error: Exception) -> str:
    """What the provider said, as text."""
    body = getattr(error, "body", None)
    if isinstance(body, str) or body is None:
        return body or f"{type(error).__name__}: {error}"
    return orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _blot(text: str, secret: str) -> str:
    """``text`` without the secret."""
    return text.replace(secret, "•••") if secret else text
