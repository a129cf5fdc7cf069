"""Send a mail."""

from __future__ import annotations

import json
import smtplib
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urlsplit

from steps.base import JSON, Lookup, Problem, StepContext, StepError, StepResult, StepType
from steps.schema import require
from steps.templates import has_template

MOST_RECIPIENTS = 50
BODY_CHARACTERS = 1_000_000
LONGEST_TRY_S = 20.0  # of one connection to the mail server
MARGIN_S = 0.5  # so that this step says what happened before its time is over


class Email(StepType):
    """Sends one mail to one or several addresses."""

    type = "email"
    label = "E-mail"
    group = "Connect"
    icon = "t-email"
    summary = "Sends a mail."
    effect = "irreversible"
    default_timeout_s = 60
    default_config: ClassVar[dict[str, JSON]] = {"to": [], "subject": "News", "body": "{{ input }}"}
    schema: ClassVar[dict[str, JSON]] = {
        "type": "object",
        "properties": {
            "to": {
                "title": "To",
                "description": "Addresses; all of them see each other.",
                "type": ["array", "string"],
                "minItems": 1,
                "minLength": 1,
                "maxItems": MOST_RECIPIENTS,
                "items": {"title": "Address", "type": "string", "minLength": 1, "maxLength": 2000},
            },
            "subject": {
                "title": "Subject",
                "type": "string",
                "minLength": 1,
                "maxLength": 998,
                "x-widget": "template",
            },
            "body": {
                "title": "Text",
                "description": "Plain text.",
                "type": "string",
                "maxLength": BODY_CHARACTERS,
                "x-widget": "template",
            },
        },
        "required": ["to", "subject", "body"],
        "additionalProperties": False,
    }

    def line(self, config: dict[str, JSON]) -> str:
        """To whom."""
        return ", ".join(_split(config.get("to")))[:80] or "no address yet"

    def problems(self, key: str, config: dict[str, JSON], exists: Lookup) -> list[Problem]:
        """Addresses that are none."""
        given = config.get("to")
        fixed = [one for one in (given if isinstance(given, list) else [given]) if not has_template(one)]
        return [
            Problem(key, "config.to", "invalid", f"{address[:80]!r} is no mail address.")
            for address in _split(fixed)
            if not _is_address(address)
        ]

    def run(self, context: StepContext) -> StepResult:
        """Hand the mail to the mail server. Raises StepError, retryable where another try can help."""
        context.check()
        config = {**context.config, "to": _split(context.config.get("to"))}
        config |= {name: _text(config[name]) for name in ("subject", "body") if name in config}
        require(self.schema, config)
        for address in config["to"]:
            if not _is_address(address):
                raise StepError(f"{address[:80]!r} is no mail address.", code="bad_config", field="to")
        if any(mark in config["subject"] for mark in "\r\n\0"):
            message = "The subject must be one line: a line break in it could add headers of its own."
            raise StepError(message, code="bad_config", field="subject")
        message_id, addressees = _message_id(context), ", ".join(config["to"])
        sent = context.effect(f"Mail to {addressees}", lambda _: _send(context, config, message_id))
        context.log("info", f"Sent to {addressees}.", message_id=message_id)
        return StepResult(output=sent, line=f"to {addressees}"[:80])


def _text(value: JSON) -> str:
    """What a template gave as text: a text that is exactly one template keeps the type of its value."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)


def _split(given: JSON) -> list[str]:
    """The addresses: a list, or a text with commas; a template in a list may have given another list."""
    if isinstance(given, list):
        return list(dict.fromkeys(address for one in given for address in _split(one)))
    if not isinstance(given, str):
        return []
    return [part.strip() for part in given.replace(";", ",").split(",") if part.strip()]


def _is_address(text: str) -> bool:
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_email

    try:
        validate_email(text)
    except ValidationError:
        return False
    return text.isprintable()


def _message_id(context: StepContext) -> str:
    """The same for every attempt at this mail, so that a second copy can be told from a second mail."""
    from django.conf import settings

    digest = sha256(context.idempotency_key().encode()).hexdigest()[:32]
    return f"<{digest}@{urlsplit(settings.PUBLIC_URL).hostname or 'localhost'}>"


def _send(context: StepContext, config: dict[str, Any], message_id: str) -> dict[str, JSON]:
    from django.core import mail

    left = max(MARGIN_S, min(LONGEST_TRY_S, context.remaining_s() - MARGIN_S))
    sent = f"To: {', '.join(config['to'])}\nSubject: {config['subject']}\nMessage-ID: {message_id}"
    try:
        mail.EmailMessage(
            config["subject"],
            config["body"],
            to=config["to"],
            headers={"Message-ID": message_id},
            connection=mail.get_connection(timeout=left),
        ).send()
    except (smtplib.SMTPException, OSError) as error:
        code, retryable, message = meaning(error)
        raise StepError(message, code=code, retryable=retryable, sent=sent) from error
    except ValueError as error:  # a header or a text that mail cannot carry
        raise StepError(f"The mail cannot be written: {error}.", code="bad_config", sent=sent) from error
    return {"message_id": message_id}


def meaning(error: Exception) -> tuple[str, bool, str]:
    """(code, retryable, sentence): answers from 400 to 499 are for now, from 500 on for good (RFC 5321)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = {address: answer for address, (answer, _) in error.recipients.items()}
        names = ", ".join(answers)
        retryable = all(400 <= answer < 500 for answer in answers.values())
        return "recipients_refused", retryable, f"The mail server does not take mail for {names}."
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        message = f"The mail server answered {error.smtp_code} {text[:300]}".rstrip(". ") + "."
        return "mail_refused", 400 <= error.smtp_code < 500, message
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "mail_refused", False, f"The mail server cannot do this: {error}."
    return "connection", True, f"The connection to the mail server failed: {error}."
