"""The Django database that a URL names. Plain text in, settings out; nothing is connected."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON; PRAGMA busy_timeout=20000",
}


def database_of(url: str, password: str) -> dict[str, Any]:
    """The settings for ``sqlite:///path`` or ``mongodb://host/name``; raises ValueError for another URL.

    ``password`` is for a MongoDB URL that names a user only.
    """
    if url.startswith(("mongodb://", "mongodb+srv://")):
        parts = urlsplit(url)
        found = {
            "ENGINE": "orchestrator.db.mongodb",
            "HOST": url,
            "NAME": parts.path.strip("/") or "orchestrator",
        }
        if parts.username and parts.password is None:
            found["PASSWORD"] = password
        return found
    if not url.startswith("sqlite:///"):
        raise ValueError("must begin with sqlite:/// or mongodb://")
    name = url.removeprefix("sqlite:///")
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": {**SQLITE_OPTIONS}}
