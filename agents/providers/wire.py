"""HTTP connections to providers: one pool to the outside, one to this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents import loop

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

    from agents.providers.base import Connection

CONNECT_S = 10.0
IDLE_S = 3.0  # llama.cpp's server closes an idle connection after 5 s


def http_client(*, on_this_machine: bool) -> httpx2.AsyncClient:
    """The pool of the background loop; the one to this machine ignores the environment's proxies.

    A connection is not kept where it would save nothing, nor longer than small servers keep their end: one
    that the server has just closed would fail the next call.
    """
    import httpx2

    limits = httpx2.Limits(
        max_connections=100, max_keepalive_connections=0 if on_this_machine else 20, keepalive_expiry=IDLE_S
    )
    return loop.kept(
        ("http", on_this_machine),
        lambda: httpx2.AsyncClient(timeout=timeout(), trust_env=not on_this_machine, limits=limits),
        close=lambda client: client.aclose,
    )


def timeout() -> httpx2.Timeout:
    """Connecting is limited; reading has no limit of its own.

    The call's timeout covers all of it, and a limit per read would cut off a model that thinks long
    before its first word.
    """
    import httpx2

    return httpx2.Timeout(None, connect=CONNECT_S)


def openai_client(connection: Connection, *, foreign: bool, on_this_machine: bool = False) -> AsyncOpenAI:
    """The SDK's client without retries: the engine retries, where people can see it.

    ``foreign`` keeps OpenAI's own organisation, project and admin key, which the SDK takes from the
    environment, away from other servers.
    """
    from openai import AsyncOpenAI

    own: dict[str, Any] = {"organization": "", "project": "", "admin_api_key": ""} if foreign else {}
    return AsyncOpenAI(
        base_url=connection.base_url,
        api_key=connection.api_key,
        max_retries=0,
        timeout=timeout(),
        http_client=http_client(on_this_machine=on_this_machine),
        **own,
    )
