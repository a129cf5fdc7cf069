"""A mail goes out as it was asked for, over a real connection to a mail server."""

from __future__ import annotations

import logging

import pytest
from django.core import mail

import steps
from steps.base import StepError
from steps.email import Email
from tests import smtp

CONFIG = {"to": ["mary@example.org"], "subject": "Grüße", "body": "Hello\n.\nMary"}


@pytest.fixture(scope="module")
def one_server():
    with smtp.running() as server:
        yield server


@pytest.fixture
def server(one_server, settings):
    one_server.mails.clear()
    one_server.answers.clear()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", one_server.port
    return one_server


def test_it_is_sent_to_all_and_says_its_message_id(server, at_work):
    result = Email().run(at_work({**CONFIG, "to": "mary@example.org, ben@example.org"}))
    [(recipients, text)] = server.mails
    assert recipients == ["mary@example.org", "ben@example.org"]
    assert f"Message-ID: {result.output['message_id']}" in text
    assert "Hello\r\n..\r\nMary" in text


def test_a_repeat_has_the_same_message_id_and_another_mail_has_not(server, at_work):
    first, again = (Email().run(at_work(CONFIG, attempt=n)).output for n in (1, 2))
    other = Email().run(at_work(CONFIG, epoch=2)).output
    assert first == again != other


def test_values_of_templates_are_written_as_text(at_work):
    Email().run(at_work({**CONFIG, "subject": 4711, "body": {"amount": 20}}))
    assert (mail.outbox[0].subject, mail.outbox[0].body) == ("4711", '{\n  "amount": 20\n}')


@pytest.mark.parametrize(
    ("command", "answer", "code", "retryable"),
    [
        ("DATA", "451 later", "mail_refused", True),
        ("DATA", "554 spam", "mail_refused", False),
        ("RCPT", "450 busy", "recipients_refused", True),
        ("RCPT", "550 unknown", "recipients_refused", False),
        ("MAIL", "hang up", "connection", True),
    ],
)
def test_the_servers_answer_says_whether_another_try_can_help(
    server, at_work, command, answer, code, retryable
):
    server.answers[command] = answer
    with pytest.raises(StepError) as caught:
        Email().run(at_work(CONFIG))
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert "mary@example.org" in caught.value.sent


def test_a_server_that_is_not_there_is_worth_another_try(server, at_work, settings):
    settings.EMAIL_PORT = 1
    with pytest.raises(StepError) as caught:
        Email().run(at_work(CONFIG))
    assert (caught.value.code, caught.value.retryable) == ("connection", True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "Hi\nBcc: all@example.org"},
        {"subject": "Hi\rBcc: all@example.org"},
        {"to": ["mary@example.org\nBcc: all@example.org"]},
        {"to": ["mary"]},
        {"to": []},
        {"to": [f"n{n}@example.org" for n in range(51)]},
        {"body": "x" * 1_000_001},
    ],
)
def test_headers_of_others_and_what_is_no_mail_are_refused(at_work, wrong):
    with pytest.raises(StepError) as caught:
        Email().run(at_work({**CONFIG, **wrong}))
    assert (caught.value.code, caught.value.retryable) == ("bad_config", False)
    assert mail.outbox == []


def test_without_a_mail_server_it_is_written_to_the_log(at_work, settings, caplog):
    settings.EMAIL_BACKEND = "orchestrator.mail.LogBackend"
    with caplog.at_level(logging.WARNING):
        Email().run(at_work(CONFIG))
    assert "mary@example.org" in caplog.text


def test_what_cannot_work_is_a_problem():
    def found(**config):
        checked = steps.config_problems("a", "email", {**CONFIG, **config}, lambda *_: True)
        return [(one.field, one.code) for one in checked]

    assert found() == found(to=["{{ input.mail }}"]) == found(to="{{ input.mail }}") == []
    assert found(to=["mary"]) == [("config.to", "invalid")]
    assert Email().line(CONFIG) == "mary@example.org"
    assert Email().line({}) == "no address yet"
    assert Email().effect_of(CONFIG) == "irreversible"
