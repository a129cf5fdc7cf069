"""Links that let one person answer one question without signing in: they come by mail.

A link is signed and names the question and the person. It is not secret from who reads that person's mail,
so it may do nothing but answer; it ends with the person's sign-ins (another password, role or switch).
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from orchestrator.errors import Gone, NotFound
from orchestrator.models import User
from runs.models import Approval

SALT = "runs.answer_links"
LASTS = timedelta(days=30)


def link(approval: Approval, user: User) -> str:
    """The absolute address where ``user`` answers ``approval``."""
    word = signing.dumps([approval.pk.hex, user.pk.hex, user.sign_in_revision], salt=SALT)
    return f"{settings.PUBLIC_URL}{reverse('answer', args=[word])}"


def read(word: str) -> tuple[Approval, User]:
    """What a link is about and whose it is. Raises NotFound for one that is none, Gone for one that ended."""
    try:
        pk, who, revision = signing.loads(word, salt=SALT, max_age=LASTS)
    except signing.SignatureExpired as error:
        raise Gone(
            f"This link is older than {LASTS.days} days. Sign in: what still waits is in your inbox."
        ) from error
    except signing.BadSignature as error:
        raise NotFound(
            "This link is not one that was sent. Copy all of it, or sign in and open your inbox."
        ) from error
    user = User.objects.filter(pk=UUID(who), is_active=True, sign_in_revision=revision).first()
    if user is None:
        raise Gone("This link has ended with the sign-ins it belongs to. Sign in and open your inbox.")
    question = Approval.objects.select_related("instance__orchestration", "instance__version")
    approval = question.filter(pk=UUID(pk)).first()
    if approval is None:
        raise NotFound("This question is gone: its run was removed.")
    return approval, user
