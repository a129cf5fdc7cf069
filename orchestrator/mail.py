"""Mail where no mail server is named: it is written to the log, so that nobody waits for it unawares."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

log = logging.getLogger(__name__)


class LogBackend(BaseEmailBackend):
    """Writes mails to the log."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Log each; returns how many."""
        for message in email_messages:
            log.warning("No EMAIL_URL is set, so this mail is not sent:\n%s", message.message().as_string())
        return len(email_messages)
