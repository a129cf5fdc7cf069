"""Secrets at rest."""

from __future__ import annotations

import pytest

from agents import secrets


@pytest.mark.parametrize("secret", ["sk-123", "ünïcode", "x" * 5000])
def test_what_was_encrypted_reads_back(secret):
    token = secrets.encrypt(secret)
    assert secret not in token
    assert secrets.decrypt(token) == secret


def test_the_same_secret_never_looks_the_same():
    assert secrets.encrypt("sk-123") != secrets.encrypt("sk-123")


def test_no_secret_stays_none():
    assert secrets.encrypt("") == ""
    assert secrets.decrypt("") == ""


def test_another_key_cannot_read_it(settings):
    token = secrets.encrypt("sk-123")
    settings.SECRET_KEY = "another"
    with pytest.raises(secrets.UnreadableError):
        secrets.decrypt(token)


def test_a_former_key_still_reads_it(settings):
    token = secrets.encrypt("sk-123")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert secrets.decrypt(token) == "sk-123"


def test_a_damaged_token_is_refused():
    with pytest.raises(secrets.UnreadableError):
        secrets.decrypt(secrets.encrypt("sk-123")[:-4] + "AAAA")
