"""Telling people by mail what waits for them.

Two steps, each of which may be repeated by any process after a crash. First whom a new question is to be
mailed to is written down, one row a person; then each row is claimed by compare-and-set, sent, and marked. A
process that ends between sending and marking sends a second copy, with the same Message-ID.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from orchestrator.models import User
from runs import logs, verbs
from runs.chores import Chore
from runs.executors.base import Assignment
from runs.models import Approval, ApprovalMail
from runs.pages.mails import question_mail
from steps.email import meaning

log = logging.getLogger(__name__)
LOOK_S = 2.0
BATCH = 50
LEASE = timedelta(minutes=2)  # longer than a mail server may take (settings.EMAIL_TIMEOUT)
PAUSES = [timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)]
State = ApprovalMail.State


def mailer() -> Chore:
    """The thread that looks for questions and mails that are due."""
    return Chore("mailer", look, first_s=LOOK_S, every_s=LOOK_S)


def look() -> None:
    """Write down what is new, and send what is due."""
    enlist(datetime.now(UTC))
    send_due(datetime.now(UTC))


def enlist(now: datetime) -> None:
    """Write down who is to be told of each new question, once a person."""
    for approval in Approval.objects.filter(to_mail=True).select_related("instance")[:BATCH]:
        if approval.status == Approval.Status.PENDING:
            for user in asked(approval):
                _write_down(approval, user, now)
        Approval.objects.filter(pk=approval.pk).update(to_mail=False)


def asked(approval: Approval) -> QuerySet[User]:
    """Who gets a mail: the people named, and everybody of just the role named, who may answer."""
    people = User.objects.filter(Q(username__in=approval.assignees) | Q(role=approval.role), is_active=True)
    starter = approval.instance.started_by_id
    return people if approval.allow_self or starter is None else people.exclude(pk=starter)


def _write_down(approval: Approval, user: User, now: datetime) -> None:
    state = State.DUE if user.email else State.FAILED
    error = "" if user.email else "This person has no mail address."
    try:
        with transaction.atomic():
            ApprovalMail.objects.create(
                instance=approval.instance,
                approval_id=approval.pk,
                user=user,
                state=state,
                due_at=now,
                error=error,
            )
    except IntegrityError:
        return  # written down before
    if not user.email:
        _say(approval, "warning", f"{user.display_name} has no mail address; the question is in their inbox.")


def send_due(now: datetime) -> int:
    """Send what is due; returns how many mails were handed to the mail server."""
    due = ApprovalMail.objects.filter(state=State.DUE, due_at__lte=now).order_by("due_at")[:BATCH]
    return sum(_send(mail, now) for mail in due)


def _send(mail: ApprovalMail, now: datetime) -> bool:
    """Send one mail, if no other process does and it still helps."""
    if not _move(mail, due_at=now + LEASE):
        return False
    approval = (
        Approval.objects.select_related("instance__orchestration", "instance__version")
        .filter(pk=mail.approval_id, status=Approval.Status.PENDING)
        .first()
    )
    user = User.objects.get(pk=mail.user_id)
    if approval is None or not verbs.may_answer(user, approval):
        _move(mail, state=State.DROPPED)
        return False
    try:
        question_mail(approval, user).send()
    except (smtplib.SMTPException, OSError) as error:
        _try_later(mail, approval, user, error, now)
        return False
    _move(mail, state=State.SENT, error="")
    _say(approval, "info", f"Told {user.display_name} by mail.")
    return True


def _try_later(
    mail: ApprovalMail, approval: Approval, user: User, error: smtplib.SMTPException | OSError, now: datetime
) -> None:
    _, retryable, message = meaning(error)
    if retryable and mail.tries < len(PAUSES):
        _move(mail, due_at=now + PAUSES[mail.tries], tries=mail.tries + 1, error=message[:500])
        log.warning("A mail to %s is tried again later: %s", user.username, message)
        return
    _move(mail, state=State.FAILED, error=message[:500])
    text = f"{user.display_name} could not be told by mail; the question is in their inbox. {message}"
    _say(approval, "warning", text)


def _move(mail: ApprovalMail, **changes: object) -> bool:
    """Change a mail unless another process has; whoever gets through owns it until ``due_at``."""
    same = ApprovalMail.objects.filter(pk=mail.pk, revision=mail.revision)
    if not same.update(revision=mail.revision + 1, **changes):
        return False
    mail.revision += 1
    return True


def _say(approval: Approval, level: str, message: str) -> None:
    """Write to the log of the step that asked."""
    place = Assignment(approval.instance_id, approval.step, approval.epoch, approval.attempt)
    logs.writer(place)(level, message)
    logs.settle()
