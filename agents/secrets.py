"""Secrets at rest: encrypted with a key derived from SECRET_KEY, readable by this product only.

HKDF-SHA256 (RFC 5869) makes the key, Fernet (AES-128-CBC with HMAC-SHA256) the token. Keys in
SECRET_KEY_FALLBACKS still decrypt, so SECRET_KEY can be changed without losing what is stored.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"orchestrator.agents.credentials.v1"


class UnreadableError(Exception):
    """The stored text was not encrypted with this SECRET_KEY, or is damaged."""


def encrypt(plain: str) -> str:
    """The token to store; an empty secret stays empty."""
    return _box().encrypt(plain.encode()).decode() if plain else ""


def decrypt(token: str, *older: str) -> str:
    """The secret, by the present SECRET_KEY or one of the ``older``; raises UnreadableError."""
    if not token:
        return ""
    try:
        return _box(*older).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise UnreadableError from error


def _box(*older: str) -> MultiFernet:
    return _box_for((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, *older))


@lru_cache(maxsize=4)
def _box_for(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key))) for key in keys])


def _derived(key: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=PURPOSE).derive(key.encode())
