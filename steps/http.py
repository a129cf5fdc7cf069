"""Call a web address."""

from __future__ import annotations

from typing import ClassVar

from steps import outbound
from steps.base import JSON, Lookup, Problem, StepContext, StepError, StepResult, StepType
from steps.http_call import DEFAULT_BYTES, MARGIN_S, SET_BY_US, Call, is_address, said
from steps.schema import require
from steps.templates import has_template

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
MAX_BYTES = 10_485_760

SAFE = ("GET", "HEAD", "OPTIONS")


class Http(StepType):
    """Sends one request and gives the answer."""

    type = "http"
    label = "HTTP request"
    group = "Connect"
    icon = "t-http"
    summary = "Calls a web address and gives what it answers."
    effect = "compensatable"
    default_timeout_s = 60
    default_config: ClassVar[dict[str, JSON]] = {"method": "GET", "url": "https://"}
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "method": {"title": "Method", "enum": METHODS, "default": "GET"},
            "url": {
                "title": "Address",
                "description": "Where to send it: https://…",
                "type": "string",
                "minLength": 1,
                "maxLength": 8000,
                "x-widget": "template",
            },
            "query": {
                "title": "Query",
                "description": "Added to the address after a question mark.",
                "type": "object",
                "x-widget": "keyvalue",
                "x-advanced": True,
            },
            "headers": {
                "title": "Headers",
                "description": "Secrets do not belong here; choose a credential.",
                "type": "object",
                "additionalProperties": {"type": ["string", "number", "null"]},
                "x-widget": "keyvalue",
                "x-advanced": True,
            },
            "json": {"title": "JSON to send", "x-widget": "json"},
            "body": {
                "title": "Text to send",
                "description": "In place of JSON.",
                "type": ["string", "null"],
                "x-widget": "code",
                "x-advanced": True,
            },
            "credential": {
                "title": "Credential",
                "description": "Proves who calls; its secret is never shown.",
                "type": "string",
                "x-widget": "slug:credential",
            },
            "expect_status": {
                "title": "Expected status",
                "description": "A status such as 200, a class such as 2xx, or a list; 2xx where it is empty.",
                "anyOf": [
                    {"type": "integer", "minimum": 100, "maximum": 599},
                    {"type": "string", "pattern": "^([1-5]xx|[1-5][0-9][0-9])$"},
                    {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "anyOf": [
                                {"type": "integer", "minimum": 100, "maximum": 599},
                                {"type": "string", "pattern": "^([1-5]xx|[1-5][0-9][0-9])$"},
                            ]
                        },
                    },
                    {"type": "null"},
                ],
                "x-says": "Expected status must be one such as 200, a class such as 2xx, or a list.",
                "x-advanced": True,
            },
            "reuse": {
                "title": "Use an earlier answer again",
                "description": "After a rollback or in a fork, when nothing of the request has changed. Only "
                "for requests that read.",
                "type": "boolean",
                "default": False,
                "x-advanced": True,
            },
            "max_bytes": {
                "title": "Largest answer",
                "description": "A larger one fails the step.",
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_BYTES,
                "default": DEFAULT_BYTES,
                "x-unit": "bytes",
                "x-advanced": True,
            },
        },
        "required": ["url"],
        "additionalProperties": False,
    }

    def effect_of(self, config: dict[str, JSON]) -> str:
        """A request that only reads leaves nothing outside (RFC 9110, 9.2.1: safe methods)."""
        return "reversible" if str(config.get("method", "GET")).upper() in SAFE else self.effect

    def reusable(self, config: dict[str, JSON]) -> bool:
        """Only where the admin ticks it: what the server would answer now is not known."""
        return config.get("reuse") is True and self.effect_of(config) == "reversible"

    def rests_on(self, config: dict[str, JSON]) -> JSON:
        """The credential as it is now."""
        from agents.models import Credential

        rows = Credential.objects.filter(slug=str(config.get("credential") or ""))
        return [[str(pk), revision] for pk, revision in rows.values_list("pk", "revision")]

    def line(self, config: dict[str, JSON]) -> str:
        """Method and address."""
        method, url = config.get("method", "GET"), config.get("url")
        if not isinstance(url, str) or not url:
            return "no address yet"
        return f"{method} {url.removeprefix('https://')}"[:80]

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """An address that is none, two bodies, a header that is set by itself, an unknown credential."""
        found = []
        url = config.get("url")
        if isinstance(url, str) and url and not has_template(url) and not is_address(url):
            message = "The address must begin with https:// or http:// and name a server."
            found.append(Problem(key, "config.url", "invalid", message))
        if config.get("json") is not None and config.get("body"):
            found.append(Problem(key, "config.body", "invalid", "Send either JSON or text, not both."))
        if config.get("reuse") is True and self.effect_of(config) != "reversible":
            message = "Only a request that reads (GET, HEAD or OPTIONS) can use an earlier answer again."
            found.append(Problem(key, "config.reuse", "invalid", message))
        headers = config.get("headers")
        for name in headers if isinstance(headers, dict) else ():
            if name.lower() in SET_BY_US:
                message = f"The header {name} is set by itself; leave it out."
                found.append(Problem(key, f"config.headers.{name}", "invalid", message))
        slug = config.get("credential")
        if isinstance(slug, str) and slug and not has_template(slug) and not exists("credential", slug):
            message = f"There is no credential {slug!r}."
            found.append(Problem(key, "config.credential", "unknown_credential", message))
        return found

    def run(self, context: StepContext) -> StepResult:
        """Send the request; StepError for refused addresses, failed connections and unexpected statuses."""
        context.check()
        require(self.schema, context.config)
        call = Call(context)
        output = context.effect(call.what(), lambda _key: self._send(context, call))
        return StepResult(output=output, line=said(output["status"]))

    def _send(self, context: StepContext, call: Call) -> JSON:
        with outbound.Leash(max(MARGIN_S, context.remaining_s() - MARGIN_S)) as leash:
            context.on_cancel(leash.pull)
            try:
                return call.made(leash)
            except StepError:
                raise
            except Exception as error:
                context.check()
                raise call.explained(error, leash) from error
