"""One HTTP request of a step: made, sent, read, and shown without its secrets."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Iterable, Mapping
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import orjson
import requests

from steps import outbound
from steps.base import JSON, StepContext, StepError

SAFE = {"GET", "HEAD", "OPTIONS"}
RETRYABLE = {408, 425, 429}  # and 5xx
IN_DOUBT = {408, 409}  # it may have happened all the same: too slow an answer, or done before
DEFAULT_BYTES = 1_048_576
MARGIN_S = 0.5  # so that this step says what happened before its time is over
SET_BY_US = {"host", "content-length", "transfer-encoding", "connection"}
HIDDEN = "•••"
SHORTEST_SECRET = 4  # characters; hiding a shorter one would blot out the answer
_SECRET = re.compile(r"authoriz|^(x-)?auth\b|cookie|token|secret|passw|api-?_?key|signature", re.IGNORECASE)
_SECRET_ANSWER = re.compile(r"cookie|authorization", re.IGNORECASE)


class Call:
    """One request on its way, and what may be shown of it."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self.config = {name: value for name, value in context.config.items() if value not in (None, "")}
        self.auth = _auth(self.config.get("credential", ""))
        self.request = self._request()
        self.secrets = spellings(self.auth.values())
        self.began = time.monotonic()

    def what(self) -> str:
        """The request in one line, without its secrets."""
        return self.hide(f"{self.request.method} {_public(str(self.request.url), self.request.params)}")[:300]

    def made(self, leash: outbound.Leash) -> dict[str, JSON]:
        """The answer as the step's output."""
        left = max(MARGIN_S, self.context.remaining_s() - MARGIN_S)
        response = outbound.send(self.request, leash=leash, read_s=left, private=self.auth)
        try:
            limit = int(self.config.get("max_bytes", DEFAULT_BYTES))
            body, whole = outbound.read_body(response, limit, self.context.check)
        finally:
            outbound.close(response)
        text = self.hide(_decoded(response, body))
        self._log(response, len(body))
        if not _expected(self.config.get("expect_status"), response.status_code):
            raise self._unexpected(response, text)
        if not whole:
            message = f"The answer is larger than {limit:,} bytes; raise the largest answer or ask for less."
            raise StepError(message, code="too_large", sent=self.sent(), received=self._shown(response, text))
        output = {"status": response.status_code, "headers": self._headers(response)}
        return output | _content(response, text)

    def sent(self) -> str:
        """The request as people may see it."""
        request = self.request
        headers = "".join(f"\n{name}: {_veiled(name, value)}" for name, value in request.headers.items())
        text = (request.data or b"")[:8192].decode(errors="replace")
        address = _public(str(request.url), request.params)
        return self.hide(f"{request.method} {address}{headers}\n\n{text}")[:4096]

    def hide(self, text: str) -> str:
        """``text`` without the credential's secret, wherever a server repeats it."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def explained(self, error: Exception, leash: outbound.Leash) -> StepError:
        """What went wrong on the way, and whether another try can help."""
        host = urlsplit(str(self.request.url)).netloc.rpartition("@")[2]
        code, retryable, message = _meaning(error, leash, host)
        return StepError(self.hide(message), code=code, retryable=retryable, sent=self.sent())

    def _request(self) -> requests.Request:
        config = self.config
        method = config.get("method", "GET")
        headers = {"User-Agent": "Orchestrator", "Accept": "application/json, */*;q=0.8"}
        content = b""
        if "json" in config:
            content, headers["Content-Type"] = orjson.dumps(config["json"]), "application/json"
        elif "body" in config:
            content, headers["Content-Type"] = str(config["body"]).encode(), "text/plain; charset=utf-8"
        if method not in SAFE:
            headers["Idempotency-Key"] = self.context.idempotency_key()
        own = {name: str(value) for name, value in config.get("headers", {}).items() if value is not None}
        if clash := next((name for name in own if name.lower() in SET_BY_US), None):
            raise StepError(f"The header {clash} is set by itself; leave it out.", code="bad_config")
        if not is_address(config["url"]):
            message = "The address must begin with https:// or http:// and name a server."
            raise StepError(message, code="bad_config", field="url")
        taken = {name.lower() for name in (*own, *self.auth)}
        headers = {name: value for name, value in headers.items() if name.lower() not in taken}
        headers |= {name: value for name, value in own.items() if name not in self.auth} | self.auth
        query = {name: value for name, value in config.get("query", {}).items() if value is not None}
        return requests.Request(method, config["url"], headers=headers, params=query, data=content or None)

    def _unexpected(self, response: requests.Response, text: str) -> StepError:
        status = response.status_code
        details: dict[str, Any] = {"status": status}
        if (wait := response.headers.get("Retry-After", "")).isdigit():
            details["retry_after_s"] = int(wait[:6])
        return StepError(
            f"{urlsplit(response.url).hostname} answered {status} {response.reason or ''}".rstrip() + ".",
            code="http_status",
            retryable=status in RETRYABLE or status >= 500,
            refused=400 <= status < 500 and status not in IN_DOUBT,
            sent=self.sent(),
            received=self._shown(response, text),
            **details,
        )

    def _headers(self, response: requests.Response) -> dict[str, str]:
        return {
            name.lower(): HIDDEN if _SECRET_ANSWER.search(name) else self.hide(value)
            for name, value in response.headers.items()
        }

    def _shown(self, response: requests.Response, text: str) -> str:
        headers = "".join(f"\n{name}: {value}" for name, value in self._headers(response).items())
        return f"{response.status_code} {response.reason or ''}{headers}\n\n{text[:4096]}"

    def _log(self, response: requests.Response, size: int) -> None:
        took = time.monotonic() - self.began
        address = self.hide(_public(str(self.request.url), {}))
        self.context.log(
            "info",
            f"{self.request.method} {address} answered {response.status_code} in {took:.2f} s.",
            status=response.status_code,
            bytes=size,
        )


def said(status: int) -> str:
    """A status with its name: "404 Not Found"."""
    return f"{status} {responses.get(status, '')}".strip()


def spellings(values: Iterable[str]) -> list[str]:
    """How secrets may come back: whole, without scheme, unpacked from Basic, in JSON, in addresses."""
    found = {part for value in values for part in (value, value.partition(" ")[2])}
    for part in list(found):
        try:
            pair = base64.b64decode(part, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        found |= {pair, pair.partition(":")[2]}
    found |= {form for part in found for form in (json.dumps(part)[1:-1], quote(part, safe=""))}
    return sorted((part for part in found if len(part) >= SHORTEST_SECRET), key=len, reverse=True)


def is_address(url: str) -> bool:
    """Whether ``url`` is http(s) and names a server."""
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in outbound.DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _auth(slug: str) -> dict[str, str]:
    from agents import verbs
    from orchestrator.errors import ProductError

    if not slug:
        return {}
    try:
        return verbs.auth_for(slug)
    except ProductError as error:
        raise StepError(error.message, code="credential", field="credential") from error


def _expected(wanted: JSON, status: int) -> bool:
    options = wanted if isinstance(wanted, list) else [wanted or "2xx"]
    return any(str(option) in (str(status), f"{status // 100}xx") for option in options)


def _decoded(response: requests.Response, body: bytes) -> str:
    kind = response.headers.get("Content-Type", "").lower()
    given = re.search(r"charset=[\"']?([\w.:-]+)", kind)
    try:
        return body.decode(given[1] if given else "utf-8", errors="replace")
    except LookupError:
        return body.decode("utf-8", errors="replace")


def _content(response: requests.Response, text: str) -> dict[str, JSON]:
    """``json`` where the answer is JSON, else ``text``."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return {"json": orjson.loads(text)}
        except orjson.JSONDecodeError:
            return {"text": text}
    return {"text": text}


def _veiled(name: str, value: Any) -> str:
    return HIDDEN if _SECRET.search(name) else str(value)


def _public(url: str, params: Mapping[str, Any]) -> str:
    """The address without a password in it and without secrets in its query."""
    try:
        parts = urlsplit(url)
        pairs = [*parse_qsl(parts.query, keep_blank_values=True), *((k, v) for k, v in params.items())]
    except ValueError:
        return url.partition("?")[0]
    shown = urlencode([(name, _veiled(name, value)) for name, value in pairs], safe=HIDDEN, doseq=True)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=shown, fragment="").geturl()


def _meaning(error: Exception, leash: outbound.Leash, host: str) -> tuple[str, bool, str]:
    """(code, retryable, sentence) for what requests or the guard raised."""
    if isinstance(error, outbound.RefusedError):
        return "address_refused", False, str(error)
    if leash.pulled or isinstance(error, requests.Timeout):
        return "timeout", True, f"{host} did not answer in time."
    if isinstance(error, requests.exceptions.SSLError):
        return "tls", False, f"The certificate of {host} cannot be trusted: {_reason(error)}."
    if isinstance(error, requests.TooManyRedirects):
        return "too_many_redirects", False, str(error)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "bad_response", True, f"{host} sent a body that cannot be unpacked."
    if isinstance(error, (ValueError, TypeError)):  # before OSError: requests' own are both
        return "bad_config", False, f"The request cannot be sent: {_reason(error)}."
    return "connection", True, f"The connection to {host} failed: {_reason(error)}."


def _reason(error: BaseException) -> str:
    """The innermost cause, in the library's words."""
    while isinstance(inner := getattr(error, "reason", None) or (error.args or (None,))[0], BaseException):
        error = inner
    return re.sub(r"^<[^>]*>: |^[\w.]+\([^)]*\): ", "", str(error)).rstrip(".")[:300] or type(error).__name__
