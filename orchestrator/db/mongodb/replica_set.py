"""The first start of a replica set, which MongoDB does not do by itself.

The journal is written with majority acknowledgement, and that is a replica set's; one member is enough.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from orchestrator.errors import Invalid, Unavailable

NOT_YET_INITIATED, ALREADY_INITIATED = 94, 23
TRY_S = 0.2


def initiate(url: str, password: str, timeout_s: float, say: Callable[[str], None]) -> bool:
    """Make the servers that ``url`` names a replica set, and return once it can be written to.

    False where it was one already. Raises Invalid for a URL without ``replicaSet``, Unavailable after
    ``timeout_s`` seconds.
    """
    name, members, options = _parts(url)
    host, port = members[0]
    account: dict[str, Any] = {"username": options["username"], "password": password or options["password"]}
    server: MongoClient[Any] = MongoClient(
        host, port, directConnection=True, serverSelectionTimeoutMS=1000,
        authSource=options["source"], **(account if options["username"] else {}),
    )  # fmt: skip
    give_up, fresh, told = time.monotonic() + timeout_s, False, False
    with closing(server):
        while True:
            try:
                fresh = _begin(server, name, members) or fresh
                if server.admin.command("hello").get("isWritablePrimary") or not fresh:
                    return fresh
                why = f"{name} has no primary yet"
            except PyMongoError as error:
                why = str(error).partition(", Timeout:")[0]
            if time.monotonic() >= give_up:
                raise Unavailable(f"{host}:{port} is no replica set after {timeout_s:.0f} s: {why}.")
            if not told:
                say(f"Waiting for {host}:{port}: {why}")
                told = True
            time.sleep(TRY_S)


def _parts(url: str) -> tuple[str, list[tuple[str, int]], dict[str, Any]]:
    try:
        found = parse_uri(url)
    except (ConfigurationError, InvalidURI, ValueError) as error:
        raise Invalid(f"DATABASE_URL is not MongoDB's: {error}") from error
    options = {key.lower(): value for key, value in found["options"].items()}
    name = options.get("replicaset")
    if not name:
        raise Invalid("DATABASE_URL names no replica set; add ?replicaSet=rs0 to it.")
    source = options.get("authsource") or found["database"] or "admin"
    return name, found["nodelist"], {**found, "source": source}


def _begin(server: MongoClient[Any], name: str, members: list[tuple[str, int]]) -> bool:
    """Whether this call made the set; False where it is one."""
    try:
        server.admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code != NOT_YET_INITIATED:
            raise
    else:
        return False
    rows = [{"_id": number, "host": f"{host}:{port}"} for number, (host, port) in enumerate(members)]
    try:
        server.admin.command("replSetInitiate", {"_id": name, "members": rows})
    except OperationFailure as error:
        if error.code != ALREADY_INITIATED:  # another process was faster
            raise
    return True
