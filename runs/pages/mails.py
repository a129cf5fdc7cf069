"""The mail that puts a question to one person."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from orchestrator.models import User
from runs.answer_links import link
from runs.models import Approval
from runs.pages.people import step_names

SUBJECT_CHARACTERS = 150
VALUE_CHARACTERS = 2_000  # of one piece of evidence; the page has all of it


def question_mail(approval: Approval, user: User) -> EmailMultiAlternatives:
    """Text and HTML with the evidence and the link that is this person's alone; not sent yet.

    Needs ``approval.instance`` with its version and orchestration. Its Message-ID is the same for every
    attempt, so that a second copy can be told from a second question (RFC 5322, 3.6.4).
    """
    run = approval.instance
    shown: dict[str, Any] = {
        "approval": approval,
        "run": run,
        "step": step_names(run.version.document).get(approval.step, approval.step),
        "user": user,
        "link": link(approval, user),
        "evidence": [(one["title"], *_clipped(_plain(one["value"]))) for one in approval.evidence],
        "is_form": approval.kind == Approval.Kind.FORM,
    }
    mail = EmailMultiAlternatives(
        _line(f"{run.orchestration.name}: {approval.message}"),
        render_to_string("runs/mail.txt", shown),
        to=[user.email],
        headers={"Message-ID": _message_id(approval, user), "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("runs/mail.html", shown), "text/html")
    return mail


def _line(text: str) -> str:
    """One line: a line break in a subject could add headers of its own."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
    return line if len(line) <= SUBJECT_CHARACTERS else f"{line[: SUBJECT_CHARACTERS - 1]}…"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _clipped(text: str) -> tuple[str, bool]:
    """The beginning of a text, and whether that is not all of it."""
    return text[:VALUE_CHARACTERS], len(text) > VALUE_CHARACTERS


def _message_id(approval: Approval, user: User) -> str:
    digest = sha256(f"{approval.pk}:{user.pk}".encode()).hexdigest()[:32]
    return f"<{digest}@{urlsplit(settings.PUBLIC_URL).hostname or 'localhost'}>"
