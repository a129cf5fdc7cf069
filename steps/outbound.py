"""Requests to elsewhere that cannot be turned against the own network.

microsoft-antissrf's policy decides about every resolved address and the connection goes to the address
that was checked, so neither a name that changes its address nor a redirect gets past it. What it leaves
open is closed here: proxies and ``.netrc`` of the environment, the port in the ``Host`` header, name
look-ups without an end, bodies of redirects, headers with secrets that follow a redirect elsewhere, and
servers that answer a byte at a time.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlparse

import requests
from AntiSSRF import AntiSSRFError, AntiSSRFPolicy
from AntiSSRF._antissrf_agent import _validate_request_host
from AntiSSRF.antissrf_policy import PolicyConfigOptions
from django.conf import settings
from requests.adapters import HTTPAdapter
from requests.utils import requote_uri
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MAX_REDIRECTS = 5
CONNECT_S = 10.0
DEFAULT_PORTS = {"http": 80, "https": 443}
IPV4_COMPATIBLE = "::/96"  # deprecated spelling of IPv4 addresses that the library's ranges leave out


class RefusedError(Exception):
    """The address may not be reached from here; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of HTTP_ALLOW: a host name or a network, on one port or (None) on all."""

    name: str
    network: str
    port: int | None


def allowed(entry: str) -> Allowed:
    """Read ``host``, ``host:port``, an address or a CIDR. Raises ValueError for a network that is none."""
    entry = entry.strip().lower()
    if "/" in entry:
        return Allowed("", str(ipaddress.ip_network(entry, strict=False)), None)
    host, port = entry, ""
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        port = port.removeprefix(":")
    elif entry.count(":") == 1:
        host, port = entry.split(":")
    number = int(port) if port else None
    try:
        return Allowed("", str(ipaddress.ip_network(host)), number)
    except ValueError:
        return Allowed(host.rstrip("."), "", number)


@lru_cache(maxsize=256)
def policy_for(host: str, port: int, entries: tuple[str, ...]) -> AntiSSRFPolicy:
    """What may be reached under ``host`` on ``port``: the public internet, and what ``entries`` add."""
    own = [entry for entry in map(allowed, entries) if entry.port in (None, port)]
    named = any(entry.name == host.lower().rstrip(".") for entry in own)
    policy = AntiSSRFPolicy(PolicyConfigOptions.NONE if named else PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
    policy.allow_plain_text_http = True
    policy.add_xff_header = False  # it sends "X-Forwarded-For: true", which servers reject as malformed
    if not named:
        policy.add_denied_addresses([IPV4_COMPATIBLE])
    if networks := [entry.network for entry in own if entry.network]:
        policy.add_allowed_addresses(networks)
    return policy


class Leash:
    """Ends a request from another thread, by shutting down its sockets: at a deadline, or on cancel."""

    def __init__(self, within_s: float) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.pulled = False
        self._timer = threading.Timer(within_s, self.pull)
        self._timer.daemon = True

    def __enter__(self) -> Leash:
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()

    def hold(self, sock: socket.socket) -> None:
        """Have ``sock`` shut down with the rest, at once if that has happened already."""
        with self._lock:
            self._sockets.append(sock)
            if self.pulled:
                _shut(sock)

    def pull(self) -> None:
        """Shut everything down; reads and writes end with an error."""
        with self._lock:
            self.pulled = True
            for sock in self._sockets:
                _shut(sock)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed in the meantime, which is what was wanted


class _Adapter(HTTPAdapter):
    """Connects to checked addresses only, on a leash."""

    def __init__(self, leash: Leash) -> None:
        self._leash = leash
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have the pools make connections that the leash holds."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _leashed(HTTPConnectionPool, HTTPConnection, self._leash),
            "https": _leashed(HTTPSConnectionPool, HTTPSConnection, self._leash),
        }

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Put a checked address in the host's place; TLS and the Host header keep the name."""
        place: Any
        tls: Any
        place, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        host, scheme = place["host"], place["scheme"]
        port = place["port"] or DEFAULT_PORTS[scheme]
        policy = policy_for(host, port, tuple(settings.HTTP_ALLOW))
        fits, request = policy._is_http_request_allowed(scheme, request)
        if not fits:
            raise RefusedError(f"Requests to {host} are not allowed.")
        shown = f"[{host}]" if ":" in host else host
        request.headers["Host"] = shown if port == DEFAULT_PORTS[scheme] else f"{shown}:{port}"
        if scheme == "https":
            tls |= {"assert_hostname": host, "server_hostname": host}
        return {**place, "host": _address(policy, host)}, tls


def _leashed(pool: type[Any], connection: type[Any], leash: Leash) -> type[Any]:
    class Connection(connection):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            leash.hold(self.sock)

    return type("Pool", (pool,), {"ConnectionCls": Connection})


def _address(policy: AntiSSRFPolicy, host: str) -> str:
    """An address of ``host``, all of which the policy allows; IPv4 first, since IPv6 may lead nowhere."""
    found: list[Any] = []

    def look_up() -> None:
        try:
            found.append(_validate_request_host(policy, host))
        except Exception as error:  # handed to the waiting thread
            found.append(error)

    thread = threading.Thread(target=look_up, daemon=True)  # getaddrinfo knows no timeout
    thread.start()
    thread.join(CONNECT_S)
    if not found:
        raise requests.ConnectionError(f"The name {host} was not resolved within {CONNECT_S:.0f} s.")
    if isinstance(found[0], AntiSSRFError):
        raise RefusedError(
            f"{host} is an address in a private or reserved network, which http steps may not reach; "
            "whoever runs the server can allow it with HTTP_ALLOW."
        )
    if isinstance(found[0], (OSError, UnicodeError)):
        raise requests.ConnectionError(f"The name {host} is not known.") from found[0]
    if isinstance(found[0], Exception):
        raise found[0]
    addresses = sorted(found[0], key=lambda address: not address.is_ipv4())
    if not addresses:
        raise requests.ConnectionError(f"The name {host} has no address.")
    return str(addresses[0].get_address())


def send(
    request: requests.Request, *, leash: Leash, read_s: float, private: Iterable[str] = ()
) -> requests.Response:
    """The response, its body not read yet, after at most MAX_REDIRECTS redirects.

    ``private`` names headers that do not follow a redirect to another origin. Raises RefusedError for an
    address that may not be reached, and what requests raises.
    """
    session = requests.Session()
    session.trust_env = False  # a proxy would connect in our place, past the policy
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(leash))
    prepared = session.prepare_request(request)
    for _ in range(MAX_REDIRECTS + 1):
        response = session.send(
            prepared, stream=True, allow_redirects=False, timeout=(min(CONNECT_S, read_s), read_s)
        )
        target = session.get_redirect_target(response)
        if target is None:
            return response
        response.close()
        prepared = _redirected(session, prepared, response, target, private)
    raise requests.TooManyRedirects(f"The server redirected more than {MAX_REDIRECTS} times.")


def _redirected(
    session: requests.Session,
    old: requests.PreparedRequest,
    response: requests.Response,
    target: str,
    private: Iterable[str],
) -> requests.PreparedRequest:
    """The request that ``response`` asks for; as browsers do it (RFC 9110, 15.4)."""
    new = old.copy()
    new.url = requote_uri(urljoin(str(old.url), target))
    if urlparse(new.url).scheme not in DEFAULT_PORTS:
        raise RefusedError(f"The server redirects to {new.url[:80]}, which is no web address.")
    session.rebuild_method(new, response)
    if response.status_code not in (307, 308):
        for header in ("Content-Length", "Content-Type", "Transfer-Encoding"):
            new.headers.pop(header, None)
        new.body = None
    session.rebuild_auth(new, response)  # type: ignore[no-untyped-call]
    if session.should_strip_auth(str(old.url), str(new.url)):  # type: ignore[no-untyped-call]
        for header in ("Cookie", *private):
            new.headers.pop(header, None)
    return new


def close(response: requests.Response) -> None:
    """Let go of the response and its connections; a session lives for one request."""
    response.close()
    response.connection.close()


def read_body(response: requests.Response, limit: int, going_on: Callable[[], None]) -> tuple[bytes, bool]:
    """At most ``limit`` bytes of the unpacked body, and whether that was all."""
    body = bytearray()
    for piece in response.iter_content(16_384):
        going_on()
        body += piece
        if len(body) > limit:
            return bytes(body[:limit]), False
    return bytes(body), True
