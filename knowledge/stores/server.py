"""A Chroma server: what several machines use together. It orders its clients' work itself."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from knowledge.stores.base import VectorsUnavailable

log = logging.getLogger(__name__)
R = TypeVar("R")
CONNECT_S, ANSWER_S = 5.0, 60.0


class Server:
    """Gives a Chroma client that is connected to ``url``: ``http://host:8000`` or ``https://...``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._client: Any = None

    def use(self, collection: str, act: Callable[[Any], R], *, write: bool = False) -> R:
        """Run ``act(client)``; raises VectorsUnavailable where the server does not answer."""
        try:
            return act(self._connected())
        except Exception as error:
            self.close()
            log.warning("The Chroma server %s refused work on %s.", self.url, collection, exc_info=True)
            raise VectorsUnavailable(
                f"The Chroma server {self.url} does not answer as it should: {error}. "
                "Check that it runs and that CHROMA_URL is right."
            ) from error

    def lose(self, collection: str) -> None:
        """Drop a collection that turned out to be damaged."""
        self.use(collection, lambda client: client.delete_collection(collection), write=True)

    def close(self) -> None:
        """Hang up; the next use connects again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            for part in (client, client._admin_client):  # `client.close()` leaves their connections open
                part._server._session.close()

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = _connect(self.url)
            return self._client


def _connect(url: str) -> Any:
    import chromadb
    from chromadb.config import Settings

    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "localhost", parts.port or (443 if secure else 8000)
    # chromadb sets no timeout, and its constructor already calls the server
    socket.create_connection((host, port), timeout=CONNECT_S).close()
    settings = Settings(anonymized_telemetry=False, _env_file=None)  # type: ignore[call-arg]
    client = chromadb.HttpClient(host, port, ssl=secure, settings=settings)
    client._server._session.timeout = ANSWER_S  # type: ignore[attr-defined]
    return client
